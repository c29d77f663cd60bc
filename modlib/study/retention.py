"""What is kept of old sub-tasks, at strengths that are chosen for it: the table `retention`.

Networks begin with initial weights multiplied by a scale. A strength is chosen, for each task,
scale and penalty, by what selection networks keep under slow gradient descent; those strengths
alone may be chosen whose mean validation accuracy is within half a point of no penalty's.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from modlib.batch.selection import ACCURACY_MARGIN, ROUNDING
from modlib.penalties import PENALTIES
from modlib.study.retraining import retrained
from modlib.tasks.task import Examples
from modlib.training.fit import Run, fit
from modlib.training.measures import stacked
from modlib.training.optimisers import RETRAINING
from modlib.training.stacks import scaled_start

SLOW = RETRAINING["SGD 0.01"]
"""Gradient descent under which networks learn anew."""


def retained(
    task: str,
    scale: float,
    penalty: str,
    strengths: Sequence[float],
    seeds: Sequence[int],
    training_steps: int | None,
    steps: int,
) -> pd.DataFrame:
    """Train networks, and have them learn their last sub-task anew; return one row each.

    Every weight may change then, and no penalty acts. The `validation_accuracy` before, over all
    sub-tasks; the `accuracy` before on the test examples of those that do not change, and what of
    it is `kept`; and the accuracy on the `changed` one after so many `steps`.

    >>> rows = retained("retina", 0.3, "l2", [0.0, 0.003], [100], training_steps=1, steps=1)
    >>> rows[["scale", "penalty", "strength"]].values.tolist()
    [[0.3, 'l2', 0.0], [0.3, 'l2', 0.003]]
    """
    record = scaled_start(PENALTIES[penalty], scale)
    run = fit(task, record, strengths, seeds, steps=training_steps)
    data, last = run.data * len(strengths), len(run.task.heads) - 1
    history = retrained(run.network, run.task, data, last, SLOW, steps=steps, every=steps)
    after = history[history.step == steps].set_index("network")
    return run.table[["task", "penalty", "strength", "seed"]].assign(
        scale=scale,
        validation_accuracy=_right(run, [d.validation for d in data]).mean(-1),
        accuracy=_right(run, [d.test for d in data])[:, :last].mean(-1),
        kept=after.kept,
        changed=after.changed,
        steps=steps,
    )


@torch.no_grad()
def _right(run: Run, examples: Sequence[Examples]) -> Float[np.ndarray, "n_stack n_tasks"]:
    """Return each network's accuracy on examples of its own, by sub-task."""
    x, targets = stacked(examples)
    return run.task.accuracy(run.network(x), targets, run.task.heads).numpy()


def best_kept(selection: pd.DataFrame) -> float:
    """Return the strength at which most is kept, of those that keep the accuracy of strength 0.

    `selection` has the rows of `retained` of one task and scale, strength 0 among them.
    """
    means = selection.groupby("strength")[["validation_accuracy", "kept"]].mean()
    floor = means.validation_accuracy[0.0] - ACCURACY_MARGIN - ROUNDING
    return means.kept[means.validation_accuracy >= floor].idxmax()
