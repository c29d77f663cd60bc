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

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import weights
from modlib.modularity.agreement import connected_agreement
from modlib.penalties import PENALTIES
from modlib.penalties.noise import Noise, noise_left
from modlib.penalties.walk_loops import WalkLoops
from modlib.tasks import TASKS
from modlib.tasks.task import Examples, Task
from modlib.training.loop import descend, falling, mini_batches
from modlib.training.measures import finite, overview, stack_modularity
from modlib.training.stacks import Stack, scale_weights
from modlib.walks import walk_loop_penalty

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


ROLES: dict[str, Callable[[], list[Setting]]] = {"selection": development, "evaluation": held_back}
"""Settings by what their networks are for."""

METHODS = ("none", "noise", "penalty", "steps")
"""No penalty; the noise of `WalkLoops` alone; `walk_loop_penalty` in the loss, at the strength of
the other tables; `WalkLoops`, noise and fading."""


def started(setting: Setting, seeds: Sequence[int]) -> Stack:
    """Return untrained networks of a setting, one for each seed."""
    task = TASKS[setting.task]()
    hidden = [setting.width] * setting.layers
    widths = [len(task.input_modules), *hidden, len(task.output_modules)]
    network = Stack(widths, list(seeds), ACTIVATIONS[setting.activation])
    scale_weights(network, setting.scale)
    return network


def train(
    network: Stack, setting: Setting, method: str, task: Task, examples: Sequence[Examples]
) -> None:
    """Train the networks of a stack in a setting, by one of `METHODS`."""
    kind, options = OPTIMISERS[setting.optimiser]
    update = partial(kind, **options)(network.parameters())
    factor = PENALTIES["walk_loops"].strength if method == "penalty" else 0.0
    loops = WalkLoops(network, steps=setting.n_steps) if method == "steps" else None
    noise = Noise(network, weights(network)) if method == "noise" else None

    def losses(batch: Examples) -> Float[Tensor, " n_stack"]:
        loss = task.loss(network(batch.x), batch.targets, task.heads)
        return loss + factor * walk_loop_penalty(weights(network)) if factor else loss

    batches = mini_batches(examples, network.seeds, setting.batch, setting.n_steps)
    for step in descend(update, losses, batches, falling(update, setting.n_steps)):
        if noise is not None:
            noise.set(noise_left(step, setting.n_steps))
        if loops is not None and step > 0:
            loops.step()


def grid_table(
    setting: Setting, method: str, seeds: Sequence[int], *, nulls: int = 3, restarts: int = 2
) -> pd.DataFrame:
    """Train one network for each seed in a setting, by one of `METHODS`; return one row each.

    The setting, the number of steps and the seconds that one network took; its `overview`, and
    `connected_ari`. A diverged network's measures are NaN.

    >>> tiny = BASE._replace(steps=0.002, width=4)
    >>> grid_table(tiny, "none", [0], nulls=2, restarts=1)[["method", "n_steps"]].values.tolist()
    [['none', 4]]
    """
    task, network = TASKS[setting.task](), started(setting, seeds)
    data = [task.draw(seed) for seed in seeds]
    begun = time.perf_counter()
    # noise is drawn as torch draws it, from one state for the whole thread
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds[0])
        train(network, setting, method, task, [each.train for each in data])
    seconds = (time.perf_counter() - begun) / len(seeds)
    network.eval()
    found = stack_modularity(network, nulls, restarts)
    rows = overview(network, task, data, found)
    sound = finite(weights(network))
    chain = [W.detach().where(sound[:, None, None], 0.0).numpy() for W in weights(network)]
    agreed = connected_agreement(chain, found.communities, task.input_modules, task.output_modules)
    rows["connected_ari"] = pd.Series(agreed).where(rows.status == "ok")
    told = setting._asdict() | {"method": method, "n_steps": setting.n_steps, "seconds": seconds}
    return rows.assign(seed=list(seeds), **told)
