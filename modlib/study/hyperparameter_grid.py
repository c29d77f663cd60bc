"""Settings of training that one default strength is judged in, fixed before any was tried.

One factor at a time departs from `BASE`, on each of three tasks, and `N_DRAWN` combinations of all
factors are drawn at random. Methods are developed on the departures on two digits and on the first
half of the combinations; the departures on the other tasks, and the other half, are looked at once,
at the end.

A network without a penalty has learned a setting if its accuracy is at least `LEARNED` of the way
from guessing to that of the base setting. In such settings a method meets the target if, on
average over seeds, the share of the attainable excess is at least `SHARE`, agreement with the known
modules at least `AGREEMENT`, and accuracy at most `LOSS` below that without a penalty. It is meant
to in 90 % of them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from modlib.tasks import TASKS

SHARE, AGREEMENT, LOSS, LEARNED = 0.85, 0.9, 0.005, 0.9
"""What a method has to reach in a setting that is learned without a penalty, and when one is."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
    "sigmoid": torch.sigmoid,
}

OPTIMISERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, float]]] = {
    **{f"Adam {rate}": (torch.optim.Adam, {"lr": rate}) for rate in (5e-3, 2e-3, 1e-3, 5e-4)},
    **{f"AdamW {rate}": (torch.optim.AdamW, {"lr": rate}) for rate in (5e-3, 1e-3)},
    **{
        f"SGD {rate}": (torch.optim.SGD, {"lr": rate, "momentum": 0.9})
        for rate in (0.2, 0.1, 0.05, 0.02, 0.01)
    },
}
"""What takes the steps, by name and learning rate; all else is torch's default."""


class Setting(NamedTuple):
    """How networks are trained.

    Attributes:
        task: a task's name.
        activation: one of `ACTIVATIONS`.
        optimiser: one of `OPTIMISERS`.
        steps: as a multiple of the task's own.
        batch: examples in a mini-batch.
        width: neurons in each hidden layer.
        layers: hidden ones.
        scale: what initial weights are multiplied by.
    """

    task: str
    activation: str
    optimiser: str
    steps: float
    batch: int
    width: int
    layers: int
    scale: float

    @property
    def n_steps(self) -> int:
        """How many steps are taken."""
        return round(self.steps * TASKS[self.task]().steps)

    @property
    def multiplications(self) -> float:
        """How many a network's training takes, forward and back, in its weight matrices."""
        task = TASKS[self.task]()
        ends = len(task.input_modules) + len(task.output_modules)
        weights = self.width * (ends + (self.layers - 1) * self.width)
        return 3.0 * self.n_steps * self.batch * weights


BASE = Setting("two_digits", "tanh", "Adam 0.005", 1, 128, 48, 2, 1)

FACTORS: dict[str, tuple] = {
    "activation": tuple(ACTIVATIONS),
    "optimiser": tuple(OPTIMISERS),
    "steps": (1 / 3, 1, 3),
    "batch": (16, 64, 128, 512, 1_024),
    "width": (16, 48, 128, 256, 1_024),
    "layers": (1, 2, 3, 4, 6),
    "scale": (0.3, 1, 3),
}
"""The values of each factor."""

GRID_TASKS = ("two_digits", "four_digits", "planted_0")

N_DRAWN, MOST = 60, 3e11
"""Combinations drawn, of those whose training takes no more multiplications than these."""


def departures(task: str) -> list[Setting]:
    """Return the base setting on a task, and those that depart from it in one factor."""
    base = BASE._replace(task=task)
    return [
        base,
        *(
            base._replace(**{factor: value})
            for factor, values in FACTORS.items()
            for value in values
            if value != getattr(base, factor)
        ),
    ]


def combinations() -> list[Setting]:
    """Return settings drawn at random from all combinations of factors, for each task in turn."""
    rng = np.random.default_rng(0)
    drawn: list[Setting] = []
    while len(drawn) < N_DRAWN:
        task = GRID_TASKS[len(drawn) % len(GRID_TASKS)]
        setting = Setting(task, *(of[rng.integers(len(of))] for of in FACTORS.values()))
        if setting.multiplications <= MOST and setting not in drawn:
            drawn.append(setting)
    return drawn


def development() -> list[Setting]:
    """Return the settings that a method may be developed on."""
    return [*departures("two_digits"), *combinations()[: N_DRAWN // 2]]


def held_back() -> list[Setting]:
    """Return the settings that are looked at once, at the end."""
    others = [setting for task in GRID_TASKS[1:] for setting in departures(task)]
    return [*others, *combinations()[N_DRAWN // 2 :]]
