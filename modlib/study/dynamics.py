"""What a recurrent network remembers, and whether nearby states part.

The activity of a network is a series of states, one row per time step; a stack of networks is
measured as if each were alone.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import entr

RIDGE = 1e-8
"""The weight of the readouts' squares, relative to the number of times they are fitted on."""

SILENT = 1e-12
"""A readout whose variance is at most this share of its target's never changes."""


def readouts(
    x: Float[np.ndarray, "n_stack time n"],
    targets: Float[np.ndarray, "n_stack time n_targets"],
    washout: int = 100,
) -> tuple[
    Float[np.ndarray, "n_stack held n_targets"], Float[np.ndarray, "n_stack held n_targets"]
]:
    """Return what linear readouts of the states tell of each target at held-out times, and it.

    Readouts, with a bias, are fitted by ridge regression on the first half of the times after
    `washout`; the second is held out.

    Raises:
        ValueError: if fewer than four times are left after `washout`.
    """
    if x.shape[1] - washout < 4:
        raise ValueError(
            f"a readout needs four times after the washout, got {x.shape[1]} in all and a washout"
            f" of {washout}"
        )
    design = np.concatenate([x, np.ones((*x.shape[:2], 1))], axis=-1)[:, washout:]
    middle = design.shape[1] // 2
    fit, judged = design[:, :middle], design[:, middle:]
    to_fit, true = targets[:, washout:][:, :middle], targets[:, washout:][:, middle:]
    gram = fit.mT @ fit + RIDGE * middle * np.eye(fit.shape[-1])
    return judged @ np.linalg.solve(gram, fit.mT @ to_fit), true


def recall(
    x: Float[np.ndarray, "n_stack time n"],
    targets: Float[np.ndarray, "n_stack time n_targets"],
    washout: int = 100,
) -> Float[np.ndarray, "n_stack n_targets"]:
    """Return how well `readouts` of the states tell each target: r^2 at held-out times.

    A readout or target that never changes recalls nothing.
    """
    told, true = (part - part.mean(1, keepdims=True) for part in readouts(x, targets, washout))
    shared, own, size = (told * true).sum(1) ** 2, (told**2).sum(1), (true**2).sum(1)
    return np.divide(shared, own * size, out=np.zeros_like(shared), where=own > SILENT * size)


def delayed(
    u: Float[np.ndarray, "n_stack time"], delays: Sequence[int]
) -> Float[np.ndarray, "n_stack time n_delays"]:
    """Return what a signal was at each delay; 0 before it began."""
    return np.stack([np.pad(u, ((0, 0), (d, 0)))[:, : u.shape[1]] for d in delays], axis=-1)


def memory_curve(
    x: Float[np.ndarray, "n_stack time n"],
    u: Float[np.ndarray, "n_stack time"],
    delays: Sequence[int],
    washout: int = 100,
) -> Float[np.ndarray, "n_stack n_delays"]:
    """Return the r^2 with which linear readouts recall a signal after each delay.

    Its sum over delays is the linear memory capacity, which for independent inputs is at most
    the number of neurons.

    Source: Jaeger (2001), GMD Report 152.

    Raises:
        ValueError: if a delay is negative or longer than `washout`, or as `recall`.
    """
    _require_within(delays, washout)
    return recall(x, delayed(u, delays), washout)


def _require_within(delays: Sequence[int], washout: int) -> None:
    if min(delays) < 0 or max(delays) > washout:
        raise ValueError(f"delays must lie between 0 and the washout, {washout}, got {delays}")


def information_curve(
    x: Float[np.ndarray, "n_stack time n"],
    u: Float[np.ndarray, "n_stack time"],
    delays: Sequence[int],
    washout: int = 100,
) -> Float[np.ndarray, "n_stack n_delays"]:
    """Return how many bits `readouts` of the states transmit of a stream of bits, at each delay.

    That is the mutual information between a bit and whether its readout lies above the middle of
    the two values, at held-out times, less the bias of its estimate: 1 / (2 ln 2) over their
    number. It is at most 1 at each delay.

    Source: Bertschinger & Natschlaeger (2004), doi 10.1162/089976604323057443; for the bias,
    Miller (1955), Information Theory in Psychology.

    Raises:
        ValueError: if the stream has other than two values, or as `memory_curve`.
    """
    if len(np.unique(u)) != 2:
        raise ValueError(f"a stream of bits needs two values, got {len(np.unique(u))}")
    middle = (u.min() + u.max()) / 2
    _require_within(delays, washout)
    told, true = (part > middle for part in readouts(x, delayed(u, delays), washout))
    joint = np.array([[(told == a) & (true == b) for b in (0, 1)] for a in (0, 1)]).mean(3)
    alone = entr(joint.sum(0)).sum(0) + entr(joint.sum(1)).sum(0)
    return (alone - entr(joint).sum((0, 1)) - 1 / (2 * told.shape[1])) / np.log(2)


def lyapunov_exponent(
    step: Callable[[np.ndarray, int], np.ndarray],
    x: Float[np.ndarray, "n_stack n"],
    times: int = 500,
    washout: int = 100,
    distance: float = 1e-7,
    seed: int = 0,
) -> Float[np.ndarray, " n_stack"]:
    """Return the largest Lyapunov exponent: the rate per step at which nearby states part.

    Positive is chaos. `step(x, t)` returns the states that follow at time t. Two states
    `distance` apart are followed, and brought back to that distance after each step.

    Source: Benettin, Galgani, Giorgilli & Strelcyn (1980), doi 10.1007/BF02128236.

    Raises:
        ValueError: if `times` or `distance` is not positive.
    """
    if times < 1 or distance <= 0:
        raise ValueError(f"times and distance must be positive, got {times} and {distance}")

    def length(a: np.ndarray) -> np.ndarray:
        return np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), np.finfo(float).tiny)

    # the washout also turns the difference towards the direction that grows fastest
    apart = np.random.default_rng(seed).normal(size=x.shape)
    growth = 0.0
    for t in range(washout + times):
        y = step(x + apart * distance / length(apart), t)
        x = step(x, t)
        apart = y - x
        if t >= washout:
            growth = growth + np.log(length(apart) / distance)
    return growth[..., 0] / times
