"""What is kept of old sub-tasks, at strengths that are chosen for it: the table `retention`.

Networks begin with initial weights multiplied by a scale. A strength is chosen, for each task,
scale and penalty, by what selection networks keep under slow gradient descent; those strengths
alone may be chosen whose mean validation accuracy is within half a point of strength 0's.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from modlib.batch.statistics import ACCURACY_MARGIN, ROUNDING
from modlib.chain import weights
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty
from modlib.study.retraining import retraining_table
from modlib.tasks.task import Task
from modlib.training.fit import fit
from modlib.training.measures import repeated, stacked

JUDGE = "SGD 0.01"
"""The optimiser under which what is kept decides on a strength."""


def from_scale(penalty: str, scale: float) -> Penalty:
    """Return a penalty's record for networks whose initial weights are multiplied by a scale.

    Biases stay; a prior finds the weights so multiplied.

    Raises:
        ValueError: unless the scale is positive and finite.

    >>> small, usual = (fit("retina", from_scale("l2", s), seeds=[0], steps=1) for s in (0.1, 1))
    >>> bool(small.chain[0].abs().mean() < usual.chain[0].abs().mean() / 5)
    True
    """
    if not 0 < scale < np.inf:
        raise ValueError(f"initial weights need a positive, finite scale, got {scale}")
    plain = PENALTIES[penalty]

    def prepare(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
        with torch.no_grad():
            for W in weights(network):
                W.mul_(scale)
        plain.prepare(task, network, strengths)

    return plain._replace(prepare=prepare)


def retained(
    task: str,
    scale: float,
    penalty: str,
    strengths: Sequence[float],
    seeds: Sequence[int],
    training_steps: int | None,
    steps: int,
) -> pd.DataFrame:
    """Train networks, and have them learn their last sub-task anew; one row each and optimiser.

    Every weight may change then, and no penalty acts. The columns are those of `retraining_table`
    but for the way, and the `validation_accuracy` before, over all sub-tasks.
    """
    run = fit(task, from_scale(penalty, scale), strengths, seeds, steps=training_steps)
    rows = retraining_table(run.network, run.task, {"free": {}}, steps).drop(columns="way")
    x, targets = repeated(stacked(d.validation for d in run.data), len(strengths))
    with torch.no_grad():
        right = run.task.accuracy(run.network(x), targets, run.task.heads).mean(-1).numpy()
    own = run.table[["task", "penalty", "strength"]].assign(validation_accuracy=right)
    again = pd.concat([own] * (len(rows) // len(own)), ignore_index=True)
    return pd.concat([rows, again], axis=1).assign(scale=scale)


def best_kept(selection: pd.DataFrame) -> float:
    """Return the strength at which most is kept, of those that keep the accuracy of strength 0.

    `selection` has the rows of `retained` of one task, scale and penalty, strength 0 among them.
    """
    rows = selection[selection.optimiser == JUDGE]
    means = rows.groupby("strength")[["validation_accuracy", "kept"]].mean()
    floor = means.validation_accuracy[0.0] - ACCURACY_MARGIN - ROUNDING
    return means.kept[means.validation_accuracy >= floor].idxmax()
