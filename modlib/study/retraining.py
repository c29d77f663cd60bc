"""What trained networks keep when one of their sub-tasks changes and is learned anew.

Everything here leaves the networks as they were. New labels follow from a network's seed.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.penalties import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.penalties.penalty import no_penalty
from modlib.tasks.task import Data, Examples, Task
from modlib.training.loop import ADAM, descend, mini_batches
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD 0.1": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "SGD 0.01": partial(torch.optim.SGD, lr=0.01, momentum=0.9),
    "Adam 0.005": ADAM,
    "Adam 0.0005": partial(ADAM, lr=5e-4),
}
"""The optimisers that retraining is compared with, by name and learning rate."""

RELEARNED = 0.9
"""The share of its accuracy before the change at which a sub-task counts as learned anew."""


def relabelled(examples: Examples, heads: Sequence[int], changed: int, seed: int) -> Examples:
    """Return the examples with the classes of one sub-task under other labels.

    No class keeps its label: the permutation is a random cycle through all of them. With two
    classes they are exchanged.

    Raises:
        ValueError: if the sub-task is not one of the heads, or has no classes.
    """
    if not 0 <= changed < len(heads):
        raise ValueError(f"the changed sub-task must be one of {len(heads)}, got {changed}")
    if examples.targets.is_floating_point():
        raise ValueError("other labels need classes, got a sub-task of numbers to be predicted")
    n_classes = max(heads[changed], 2)
    cycle = np.random.default_rng((seed, 5)).permutation(n_classes)
    new_label = torch.empty(n_classes, dtype=examples.targets.dtype)
    new_label[cycle] = torch.from_numpy(np.roll(cycle, 1)).to(new_label)
    targets = examples.targets.clone()
    targets[:, changed] = new_label[targets[:, changed]]
    return Examples(examples.x, targets)


def of_sub_task(
    outputs: Float[Tensor, "n_stack batch n_out"],
    targets: Int[Tensor, "n_stack batch n_tasks"],
    heads: Sequence[int],
    one: int,
) -> tuple[Tensor, Tensor, tuple[int]]:
    """Return the outputs, targets and heads of one sub-task alone."""
    return outputs.split(list(heads), -1)[one], targets[..., [one]], (heads[one],)


class Trainable(NamedTuple):
    """Which weights and biases may change, layer by layer."""

    weight: list[Bool[Tensor, "n_stack _ _"]]
    bias: list[Bool[Tensor, "n_stack 1 _"]]


def module_of_head(
    network: Stack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    heads: Sequence[int],
    changed: int,
) -> Trainable:
    """Return which weights and biases belong to the module of one sub-task.

    Its neurons are those of the communities that the sub-task's outputs are in, less the outputs
    of others; a weight belongs to it if both its ends do.
    """
    labels = torch.as_tensor(communities)
    n_out = network.widths[-1]
    head = torch.zeros(n_out, dtype=torch.bool)
    head.split(list(heads))[changed][:] = True
    of_head = labels[:, -n_out:][:, head]
    inside = (labels[:, :, None] == of_head[:, None]).any(-1)
    inside[:, -n_out:] &= head
    layers = inside.split(network.widths, dim=-1)
    return Trainable(
        [a[:, :, None] & b[:, None] for a, b in pairwise(layers)],
        [b[:, None] for b in layers[1:]],
    )


def outputs_of_head(network: Stack, heads: Sequence[int], changed: int) -> Trainable:
    """Return which weights and biases lead into the outputs of one sub-task."""
    weight = [torch.zeros_like(layer.weight, dtype=torch.bool) for layer in network.layers]
    bias = [torch.zeros_like(layer.bias, dtype=torch.bool) for layer in network.layers]
    for of_last in (weight[-1], bias[-1]):
        of_last.split(list(heads), -1)[changed][:] = True
    return Trainable(weight, bias)


def present(network: Stack) -> Trainable:
    """Return which weights are not zero, and all biases: what pruning or hard wiring left."""
    layers = network.layers
    return Trainable(
        [layer.weight.detach() != 0 for layer in layers],
        [torch.ones_like(layer.bias, dtype=torch.bool) for layer in layers],
    )


def retrained(
    network: Stack,
    task: Task,
    data: Sequence[Data],
    changed: int,
    optimiser: Callable[..., torch.optim.Optimizer],
    *,
    trainable: Trainable | None = None,
    penalty: Callable[[Chain], Tensor] = no_penalty,
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
        penalty, strength: what is added to the loss while retraining; nothing if left out.
        every: steps between measurements.

    Returns:
        One row per network and measured step: `network`, its place in the stack, `step`,
        `changed`, the accuracy on the test examples of the changed sub-task under its new
        labels, and `kept`, that on the others, averaged.

    Raises:
        ValueError: if there is no other sub-task, for a step count below 1, or as `relabelled`.
    """
    if len(task.heads) < 2:
        raise ValueError(f"retraining needs two sub-tasks or more, {task.name} has one")
    if steps < 1 or every < 1:
        raise ValueError(f"retraining needs steps and every of at least 1, got {steps}, {every}")
    network = deepcopy(network)
    if trainable is not None:
        for layer, weight, bias in zip(network.layers, *trainable, strict=True):
            layer.weight.register_hook(weight.mul)
            layer.bias.register_hook(bias.mul)
    seeds = list(network.seeds)
    train, test = (
        [
            relabelled(getattr(d, part), task.heads, changed, seed)
            for d, seed in zip(data, seeds, strict=True)
        ]
        for part in ("train", "test")
    )
    update = optimiser(network.parameters())
    tested = stacked(test)
    rows = []

    @torch.no_grad()
    def record(step: int) -> None:
        hit = task.accuracy(network(tested.x), tested.targets, task.heads)
        others = [t for t in range(len(task.heads)) if t != changed]
        rows.append(
            pd.DataFrame(
                {
                    "network": range(len(seeds)),
                    "step": step,
                    "changed": hit[:, changed],
                    "kept": hit[:, others].mean(-1),
                }
            )
        )

    def losses(batch: Examples) -> Float[Tensor, " n_stack"]:
        outputs, own, heads = of_sub_task(network(batch.x), batch.targets, task.heads, changed)
        return task.loss(outputs, own, heads) + strength * penalty(weights(network))

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
) -> dict[str, dict]:
    """Return what `retrained` is told, for each way of learning the last sub-task anew.

    `free`: every weight may change, and no penalty acts. `as trained`: the penalty stays in
    force, and what was pruned or wired hard stays so. `module`: only what belongs to the
    sub-task's `module_of_head` may change. `outputs`: only what leads into its outputs, so that
    the other sub-tasks keep all.
    """
    known = PENALTIES | FORMS
    if penalty in known and penalty != "hard_wired":
        each = [strength] * len(network.seeds)
        made = known[penalty].make(task, network.widths, network.seeds, each)
        as_trained = {"penalty": made, "strength": strength}
    else:
        as_trained = {"trainable": present(network)}
    last = len(task.heads) - 1
    module = module_of_head(network, communities, task.heads, last)
    outputs = outputs_of_head(network, task.heads, last)
    return {
        "free": {},
        "as trained": as_trained,
        "module": {"trainable": module},
        "outputs": {"trainable": outputs},
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
        before = task.accuracy(network(test.x), test.targets, task.heads).numpy()
    found = []
    for (optimiser, made), (way, told) in product(OPTIMISERS.items(), ways.items()):
        history = retrained(network, task, data, last, made, steps=steps, every=every, **told)
        learned = history[history.changed >= RELEARNED * before[history.network, last]]
        end = history[history.step == steps].set_index("network")
        rows = {
            "seed": network.seeds,
            "optimiser": optimiser,
            "way": way,
            "accuracy": before[:, :last].mean(1),
            "kept": end.kept,
            "changed": end.changed,
            "relearned": learned.groupby("network").step.min().reindex(end.index),
        }
        found.append(pd.DataFrame(rows).assign(steps=steps))
    return pd.concat(found, ignore_index=True)
