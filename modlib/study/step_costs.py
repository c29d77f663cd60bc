"""What a training step takes, plain and with what makes modules: the table `step_costs`.

Times are those of the processor, on one thread, so that what else runs beside it counts little.
In each round steps of every kind are taken in turn, in an order of its own, so that what slows all
of them leaves their ratios.

Walk loops as steps have noise at every step and count loops at few. What they take is that of a
run: a step that counts none, and the share of what a count takes beside.
"""

import ctypes
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from modlib.chain import weights
from modlib.network.denormals import flushed_denormals
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty
from modlib.penalties.walk_loops import COUNTS, WalkLoops
from modlib.training import optimisers

STEPS = 2_000
"""Of a run, in which walk loops as steps count loops at one of `WalkLoops.every` steps."""

IN_LOSS = ("none", "l1", "walk_loops")
"""What is in the loss of networks of every size."""

BLOCK = 0.01
"""Seconds that the steps of one kind take in turn, at the least, were they plain ones."""


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Options of `mallopt`, as in malloc.h: from how much on what is free at the end is given back,
never at -1, and how many blocks may have pages of their own."""


class Training:
    """A rectified perceptron and random examples for it; called, it takes a step of training.

    >>> train = Training((4, 3, 2), 5, PENALTIES["l1"])
    >>> train()
    >>> train.update.state[train.model[0].weight]["step"].item()
    1.0
    """

    def __init__(self, widths: Sequence[int], batch: int, penalty: Penalty) -> None:
        *hidden, last = [nn.Linear(*ends) for ends in pairwise(widths)]
        self.model = nn.Sequential(*(m for layer in hidden for m in (layer, nn.ReLU())), last)
        self.penalty, self.strength = penalty.make(None, widths, [0], [1.0]), penalty.strength
        learned = [*self.model.parameters(), *self.penalty.parameters()]
        self.update = optimisers.ADAM(learned)
        self.x, self.targets = torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))

    def __call__(self) -> None:
        self.update.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.targets)
        if self.strength > 0:
            loss = loss + self.strength * self.penalty(weights(self.model))
        loss.backward()
        self.update.step()


def in_steps(widths: Sequence[int], batch: int) -> dict[str, Callable[[], None]]:
    """Return the two kinds of what walk loops do in steps of their own.

    `noise` is a step that counts no loops, `count` two, of which the second counts.
    """
    train = Training(widths, batch, PENALTIES["none"])
    loops = WalkLoops(train.model, steps=STEPS)

    def taken_from(step: int, count: int) -> None:
        loops.taken = step
        for _ in range(count):
            train()
            loops.step()

    # the weights before the step that counts are kept
    return {
        "noise": lambda: taken_from(0, 1),
        "count": lambda: taken_from(loops.every - 2, 2),
    }


def timed(step: Callable[[], None], count: int) -> float:
    """Return the processor's seconds that a call takes, on average over so many."""
    begun = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - begun) / count


def turns(
    steps: Mapping[str, Callable[[], None]], seconds: float, rng: np.random.Generator
) -> pd.Series:
    """Return the median of what each step takes, over turns that last so long together."""
    count = 1 + int(BLOCK / timed(steps["none"], 1))
    found: list[dict[str, float]] = []
    while not found or count * sum(sum(turn.values()) for turn in found) < seconds:
        order = rng.permutation([*steps]).tolist()
        found.append({name: timed(steps[name], count) for name in order})
    return pd.DataFrame(found)[[*steps]].median()


def of_run(found: pd.Series, every: int) -> pd.Series:
    """Return what steps take, with `walk_loop_steps`, as in a run, in place of `count`.

    Args:
        every: at one of how many steps loops are counted.

    >>> of_run(pd.Series({"none": 1.0, "noise": 2.0, "count": 14.0}), every=10).to_dict()
    {'none': 1.0, 'noise': 2.0, 'walk_loop_steps': 3.0}
    """
    steps = found.noise + (found["count"] - 2 * found.noise) / every
    return pd.concat([found.drop("count"), pd.Series({"walk_loop_steps": steps})])


def keep_memory() -> None:
    """Have GNU's C library keep the memory that is freed, for as long as the process lasts.

    Else large tensors get pages that the system has to clear, in some steps and not in others.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option, value in ((M_TRIM_THRESHOLD, -1), (M_MMAP_MAX, 0)):
            library.mallopt(option, value)


def machine() -> str:
    """Return the name of the processor, where Linux tells it, or else its kind."""
    told = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", told.read_text("utf-8")) if told.exists() else []
    return names[0] if names else platform.machine()


def step_costs(
    widths: str, batch: int, rivals: Sequence[str], rounds: int, seconds: float
) -> pd.DataFrame:
    """Return the seconds of a step with each penalty in networks of one size, a row per round.

    Args:
        widths: of the layers, as '128-48-48-20'.
        batch: examples in a mini-batch.
        rivals: penalties that are timed beside `IN_LOSS`.
        seconds: how long a round lasts, at the least.

    Of BIMT's steps those are timed in which no neurons are swapped.

    >>> step_costs("4-3-2", 5, [], rounds=1, seconds=0.0).penalty.tolist()
    ['none', 'l1', 'walk_loops', 'noise', 'walk_loop_steps']
    """
    sizes, threads = [int(width) for width in widths.split("-")], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), flushed_denormals():
            torch.manual_seed(0)
            steps = {name: Training(sizes, batch, PENALTIES[name]) for name in (*IN_LOSS, *rivals)}
            steps |= in_steps(sizes, batch)
            for step in steps.values():
                step()
            found = [
                of_run(turns(steps, seconds, np.random.default_rng(n)), STEPS // COUNTS)
                for n in range(rounds)
            ]
    finally:
        torch.set_num_threads(threads)
    rows = pd.DataFrame(found).rename_axis("round").reset_index()
    told = rows.assign(widths=widths, batch=batch, machine=machine())
    return told.melt(
        ["widths", "batch", "round", "machine"], var_name="penalty", value_name="seconds"
    )
