"""What trained networks keep when one of their sub-tasks changes and is learned anew.

Everything here leaves the networks as they were. New labels follow from a network's seed.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.chain import weights
from modlib.penalties import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.penalties.penalty import Penalty, no_rule
from modlib.study.changed_tasks import relabelled
from modlib.study.modules import Masks, module_of_head, outputs_of_head, present
from modlib.tasks.task import Data, Examples, Task
from modlib.training.loop import descend, mini_batches
from modlib.training.measures import stacked
from modlib.training.optimisers import RETRAINING
from modlib.training.stacks import Stack

RELEARNED = 0.9
"""The share of its accuracy before the change at which a sub-task counts as learned anew."""


def retrained(
    network: Stack,
    task: Task,
    data: Sequence[Data],
    changed: int,
    optimiser: Callable[..., torch.optim.Optimizer],
    *,
    trainable: Masks | None = None,
    penalty: Penalty = PENALTIES["none"],
    strength: float = 0.0,
    steps: int = 300,
    every: int = 10,
    batch_size: int = 128,
) -> pd.DataFrame:
    """Train a copy of each network on one sub-task whose labels have changed, on that alone.

    Args:
        data: of each network; its labels of the sub-task `changed` are changed here.
        optimiser: called with the parameters of the stack.
        trainable: what may change; everything if left out.
        penalty, strength: what stays in force while retraining, with a rule between steps; so
            does noise that networks were trained with. Nothing if left out.
        every: steps between measurements.

    Returns:
        One row per network and measured step: `network`, its place in the stack, `step`,
        `changed`, the accuracy on the test examples of the changed sub-task under its new
        labels, and `kept`, that on the others, averaged.

    Raises:
        ValueError: if there is no other sub-task, for a step count below 1, for a penalty that
            learns something beside the networks, or as `relabelled`.
    """
    heads, seeds = task.heads, network.seeds
    if len(heads) < 2:
        raise ValueError(f"retraining needs two sub-tasks or more, {task.name} has one")
    if steps < 1 or every < 1:
        raise ValueError(f"retraining needs steps and every of at least 1, got {steps}, {every}")
    network = deepcopy(network)
    if trainable is not None:
        for name, parameter in network.named_parameters():
            parameter.register_hook(trainable[name].mul)
    train, test = (
        [relabelled(part, heads, changed, seed) for part, seed in zip(parts, seeds, strict=True)]
        for parts in ([d.train for d in data], [d.test for d in data])
    )
    test = stacked(test)
    others = [sub_task for sub_task in range(len(heads)) if sub_task != changed]
    each = [strength] * len(seeds)
    regulariser = penalty.make(task, network.widths, seeds, each)
    if any(True for _ in regulariser.parameters()):
        raise ValueError(
            f"retraining needs a penalty without parameters of its own, got {penalty.name}, which"
            " would begin anew; retrain without it"
        )
    update = optimiser(network.parameters())
    rule = penalty.follow(network, each, steps)
    update.register_step_post_hook(lambda *_: rule())
    rows = []

    @torch.no_grad()
    def record(step: int) -> None:
        accuracy = task.scored(test)(network.eval()(test.x))
        measures = {"changed": accuracy[:, changed], "kept": accuracy[:, others].mean(-1)}
        rows.append(pd.DataFrame({"network": range(len(seeds)), "step": step} | measures))

    def losses(batch: Examples) -> Float[Tensor, " n_stack"]:
        network.train(penalty.name != "none")
        outputs = network(batch.x).split(list(heads), -1)[changed]
        loss = task.loss(outputs, batch.targets[..., [changed]], (heads[changed],))
        return loss + strength * regulariser(weights(network))

    for step in descend(update, losses, mini_batches(train, seeds, batch_size, steps)):
        if step % every == 0:
            record(step)
    record(steps)
    return pd.concat(rows, ignore_index=True)


def ways(
    network: Stack,
    task: Task,
    penalty: str,
    strength: float,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    share: float,
) -> dict[str, dict]:
    """Return the arguments of `retrained`, for each way of learning the last sub-task anew.

    `free`: every weight may change, and no penalty acts. `as trained`: the penalty stays in
    force, and what was pruned or wired hard stays so. The strength of a rule between steps is
    for a whole run: retraining takes the `share` of the steps of training, and of the rule's
    strength. `module`: only what belongs to the
    sub-task's `module_of_head` may change. `outputs`: only what leads into its outputs, so that
    the other sub-tasks keep all.
    """
    known = PENALTIES | FORMS
    if penalty in known and penalty != "hard_wired":
        record = known[penalty]
        per_run = 1.0 if record.follow is no_rule else share
        as_trained = {"penalty": record, "strength": strength * per_run}
    else:
        as_trained = {"trainable": present(network)}
    last = len(task.heads) - 1
    return {
        "free": {},
        "as trained": as_trained,
        "module": {"trainable": module_of_head(network, communities, task.heads, last)},
        "outputs": {"trainable": outputs_of_head(network, task.heads, last)},
    }


def retraining_table(
    network: Stack, task: Task, ways: dict[str, dict], steps: int, every: int = 20
) -> pd.DataFrame:
    """Return one row per network, optimiser and way of learning the last sub-task anew.

    `seed`, `optimiser`, `way`, `steps`; the `accuracy` before on the other sub-tasks, and what of
    it is `kept`; the accuracy on the `changed` one; and after how many steps it was `relearned`,
    measured `every` so many, NaN if it was not.
    """
    last = len(task.heads) - 1
    data = [task.draw(seed) for seed in network.seeds]
    test = stacked(d.test for d in data)
    with torch.no_grad():
        before = task.scored(test)(network(test.x)).numpy()
    parts = []
    for (name, optimiser), (way, arguments) in product(RETRAINING.items(), ways.items()):
        history = retrained(
            network, task, data, last, optimiser, steps=steps, every=every, **arguments
        )
        learned = history[history.changed >= RELEARNED * before[history.network, last]]
        end = history[history.step == steps].set_index("network")
        columns = {
            "seed": network.seeds,
            "optimiser": name,
            "way": way,
            "accuracy": before[:, :last].mean(1),
            "kept": end.kept,
            "changed": end.changed,
            "relearned": learned.groupby("network").step.min().reindex(end.index),
            "steps": steps,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
