"""What trained networks bear: noise, cut connections and silenced neurons.

Everything here leaves the networks as they were. The damage follows from a network's seed, so
that networks of one seed, trained with different penalties, meet the same.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import weights
from modlib.tasks.task import Examples, Task
from modlib.training.stacks import Stack

Damage = Callable[[Stack, Tensor, Task, float, Sequence[np.random.Generator]], Tensor]
"""Maps a stack, its inputs, their task, a level and one generator per network to outputs."""


def each(draw: Callable[[np.random.Generator], np.ndarray], rngs: Sequence) -> Float[Tensor, "..."]:
    """Return what each network's generator draws, along a new leading dimension."""
    return torch.from_numpy(np.stack([draw(rng) for rng in rngs]).astype(np.float32))


def weight_noise(
    network: Stack,
    x: Float[Tensor, "n_stack batch n_in"],
    task: Task,
    level: float,
    rngs: Sequence[np.random.Generator],
) -> Float[Tensor, "n_stack batch n_out"]:
    """Return the outputs with normal noise on the weights that are there and read something.

    These are weights other than zero, in the first layer those from live inputs. The noise's
    standard deviation is `level` times their root mean square in the layer, so that networks
    with small weights meet as much noise for their signal as networks with large ones.
    """
    noisy = deepcopy(network)
    for depth, W in enumerate(weights(noisy)):
        felt = W != 0
        if depth == 0:
            felt &= torch.from_numpy(task.live)[:, None] != 0
        power = (W.square() * felt).sum((-2, -1), keepdim=True) / felt.sum((-2, -1), keepdim=True)
        noise = each(lambda rng, W=W: rng.normal(size=W.shape[1:]), rngs)
        W += level * power.sqrt() * noise * felt
    return noisy(x)


def input_noise(
    network: Stack,
    x: Float[Tensor, "n_stack batch n_in"],
    task: Task,
    level: float,
    rngs: Sequence[np.random.Generator],
) -> Float[Tensor, "n_stack batch n_out"]:
    """Return the outputs with normal noise of standard deviation `level` on live inputs."""
    noise = each(lambda rng: rng.normal(size=x.shape[1:]), rngs)
    return network(x + level * noise * torch.from_numpy(task.live))


def removed_connections(
    network: Stack,
    x: Float[Tensor, "n_stack batch n_in"],
    task: Task,
    level: float,
    rngs: Sequence[np.random.Generator],
) -> Float[Tensor, "n_stack batch n_out"]:
    """Return the outputs with the share `level` of each layer's connections cut at random."""
    damaged = deepcopy(network)
    for W in weights(damaged):
        W *= each(lambda rng, W=W: rng.random(W.shape[1:]) >= level, rngs)
    return damaged(x)


def removed_neurons(
    network: Stack,
    x: Float[Tensor, "n_stack batch n_in"],
    task: Task,
    level: float,
    rngs: Sequence[np.random.Generator],
) -> Float[Tensor, "n_stack batch n_out"]:
    """Return the outputs with the share `level` of the hidden neurons silenced at random."""
    hidden = network.widths[1:-1]
    silenced = [each(lambda rng, n=n: rng.random(n) < level, rngs).bool() for n in hidden]
    return network(x, silenced)


DAMAGES: dict[str, Damage] = {
    "weight noise": weight_noise,
    "input noise": input_noise,
    "removed connections": removed_connections,
    "removed neurons": removed_neurons,
}
"""The damages by name."""

LEVELS: dict[str, Sequence[float]] = {
    "weight noise": (0.0, 0.25, 0.5, 0.75, 1.0),
    "input noise": (0.0, 0.25, 0.5, 0.75, 1.0),
    "removed connections": (0.0, 0.2, 0.4, 0.6, 0.8),
    "removed neurons": (0.0, 0.2, 0.4, 0.6, 0.8),
}
"""The levels that networks are compared at, by damage."""


@torch.no_grad()
def damaged_accuracy(
    network: Stack,
    task: Task,
    examples: Examples,
    damage: Damage,
    levels: Sequence[float],
    draws: int = 5,
) -> Float[np.ndarray, "n_levels n_stack"]:
    """Return each network's accuracy at each level of a damage.

    It is averaged over sub-tasks and over `draws` draws of the damage. `examples` hold one set
    per network, along a leading dimension.

    Raises:
        ValueError: for no level, a level below 0, or no draw.
    """
    if len(levels) == 0 or min(levels) < 0 or draws < 1:
        raise ValueError(
            "damage needs at least one level, each at least 0, and one draw, got"
            f" {list(levels)} and {draws}"
        )
    curve = []
    for level in levels:
        rngs = [np.random.default_rng((seed, 4)) for seed in network.seeds]
        hit = [
            task.accuracy(
                damage(network, examples.x, task, level, rngs), examples.targets, task.heads
            )
            for _ in range(draws)
        ]
        curve.append(torch.stack(hit).mean((0, -1)))
    return torch.stack(curve).numpy()


def area_under(
    curve: Float[np.ndarray, "n_levels *stack"], levels: Sequence[float]
) -> Float[np.ndarray, "*stack"]:
    """Return the mean height of a curve over its levels, by the trapezoidal rule.

    Raises:
        ValueError: if levels are fewer than two or do not rise.
    """
    if len(levels) < 2 or np.any(np.diff(levels) <= 0):
        raise ValueError(f"an area needs two levels or more, in rising order; got {list(levels)}")
    return np.trapezoid(curve, levels, axis=0) / (levels[-1] - levels[0])


def damage_table(network: Stack, task: Task, examples: Examples, draws: int = 5) -> pd.DataFrame:
    """Return one row per network and damage: its accuracy at each of `LEVELS`, and their mean.

    The columns are `network`, its place in the stack, `seed`, `damage`, `area`, as in
    `area_under`, `level_0` and so on, and `accuracy_0` and so on, as in `damaged_accuracy`.
    """
    found = []
    for damage, levels in LEVELS.items():
        curve = damaged_accuracy(network, task, examples, DAMAGES[damage], levels, draws)
        at = {f"level_{n}": level for n, level in enumerate(levels)}
        at |= {f"accuracy_{n}": accuracy for n, accuracy in enumerate(curve)}
        told = {"seed": network.seeds, "damage": damage, "area": area_under(curve, levels)}
        found.append(pd.DataFrame(told | at).rename_axis("network").reset_index())
    return pd.concat(found, ignore_index=True)
