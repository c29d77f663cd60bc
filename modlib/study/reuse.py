"""Tables of what new networks learn from few examples, with modules of trained ones or without."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Int

from modlib.study.changed_tasks import exchanged, few, larger
from modlib.study.damage import area_under
from modlib.study.modules import (
    Masks,
    accuracy_alone,
    but_for_head,
    everything,
    freeze,
    module_of_head,
    size,
    transplant,
)
from modlib.study.turns import follow
from modlib.tasks import TASKS
from modlib.tasks.task import Task
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

FRESH = 12
"""Neurons beside the donors' outputs, where these become a hidden layer."""

KEPT = (0, 20, 40, 60, 100, 140, 200, 300)
"""The steps whose accuracy is in the table, of those that are measured, every 20."""


def combinations(task: Task) -> list[Task]:
    """Return the new tasks that combine a donor's sub-tasks: AND and XOR, or which is larger."""
    if task.name == "retina":
        return [TASKS[f"retina_{goal}"]() for goal in ("and", "xor")]
    return [larger(task)]


def new_tasks(task: Task) -> list[tuple[Task, list[int]]]:
    """Return the tasks that new networks learn, each with their widths.

    The first has other labels for the donor's second sub-task; in the others the donors' outputs
    are in a further hidden layer.
    """
    own = [len(task.live), *task.hidden, len(task.output_modules)]
    further = [*own[:-1], own[-1] + FRESH, 1]
    return [(exchanged(task, 1), own), *((new, further) for new in combinations(task))]


def new_networks(task: Task, widths: Sequence[int], seeds: Sequence[int]) -> Stack:
    """Return new networks with the donors' data and weights of their own."""
    network = Stack(widths, [seed + 1_000 for seed in seeds], task.activation)
    network.seeds = tuple(seeds)
    return network


def learned(new: Task, network: Stack, steps: int) -> pd.DataFrame:
    """Train networks; return one row each.

    `seed`, the `new` task's name, the `accuracy` on test examples at the end and, as
    `accuracy_<step>`, at the steps in `KEPT`, and `area`, its mean over the steps.
    """
    history = follow(network, [new], steps=steps, every=20)
    curve = history.pivot(index="step", columns="network", values="unseen")
    at = curve[curve.index.isin(KEPT)].T.add_prefix("accuracy_")
    area = area_under(curve.to_numpy(), [float(step) for step in curve.index])
    return at.assign(seed=network.seeds, area=area, accuracy=curve.iloc[-1], new=new.name)


def anew(task: Task, seeds: Sequence[int], examples: int, steps: int) -> pd.DataFrame:
    """Return one row per network and new task: what it learns by itself, as in `learned`."""
    parts = [
        learned(few(new, examples), new_networks(new, widths, seeds), steps)
        for new, widths in new_tasks(task)
    ]
    return pd.concat(parts, ignore_index=True).assign(way="anew")


def reused(
    donor: Stack,
    task: Task,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    examples: int,
    steps: int,
) -> pd.DataFrame:
    """Return one row per donor, new task and way, as in `learned`.

    `way` is what is put into the new network and whether it is frozen: the `module` of the first
    sub-task, or of both, or the whole `donor` (but for outputs whose labels are exchanged).
    `alone` is the accuracy of the modules cut out of the donor, `size` the share of its hidden
    neurons that they have.
    """
    first, second = (module_of_head(donor, communities, task.heads, n) for n in (0, 1))
    both = {name: mask | second[name] for name, mask in first.items()}
    test = stacked(task.draw(seed).test for seed in donor.seeds)
    alone = [
        accuracy_alone(donor, part, task, test)[:, n] for n, part in enumerate((first, second))
    ]
    parts = []
    for new, widths in new_tasks(task):
        if len(new.heads) > 1:
            module, whole, accuracy = first, but_for_head(donor, task.heads, 1), alone[0]
        else:
            module, whole, accuracy = both, everything(donor), sum(alone) / 2
        of_donor = pd.DataFrame({"seed": donor.seeds, "alone": accuracy, "size": size(module)})
        rows = with_parts(
            donor, few(new, examples), widths, {"module": module, "donor": whole}, steps
        )
        parts.append(rows.merge(of_donor, on="seed"))
    return pd.concat(parts, ignore_index=True)


def with_parts(
    donor: Stack, new: Task, widths: Sequence[int], parts: Mapping[str, Masks], steps: int
) -> pd.DataFrame:
    """Return what new networks learn with parts of the donors, frozen or not."""
    rows = []
    for (name, part), way in product(parts.items(), ("frozen", "free")):
        network = new_networks(new, widths, donor.seeds)
        transplant(network, donor, part)
        if way == "frozen":
            freeze(network, part)
        rows.append(learned(new, network, steps).assign(way=f"{name}, {way}"))
    return pd.concat(rows)
