"""What a recurrent network remembers, and how close to critical it is.

The activity of a network is a series of states, one row per time step; a stack of networks is
measured as if each were alone.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

RIDGE = 1e-8
"""The weight of the readouts' squares, relative to the number of times they are fitted on."""

SILENT = 1e-12
"""A readout whose variance is at most this share of its target's never changes."""


def recall(
    x: Float[np.ndarray, "n_stack time n"],
    targets: Float[np.ndarray, "n_stack time n_targets"],
    washout: int = 100,
) -> Float[np.ndarray, "n_stack n_targets"]:
    """Return how well linear readouts of the states tell each target: r^2 at held-out times.

    Readouts, with a bias, are fitted by ridge regression on the first half of the times after
    `washout`, and judged on the second. A readout or target that never changes recalls nothing.

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
    told = judged @ np.linalg.solve(gram, fit.mT @ to_fit)
    told, true = (part - part.mean(1, keepdims=True) for part in (told, true))
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
    if min(delays) < 0 or max(delays) > washout:
        raise ValueError(f"delays must lie between 0 and the washout, {washout}, got {delays}")
    return recall(x, delayed(u, delays), washout)


def branching_ratio(activity: Num[np.ndarray, "*stack time"]) -> Float[np.ndarray, "*stack"]:
    """Return how many active neurons follow from one: the slope of A(t + 1) over A(t).

    The line has an intercept, so that a constant rate of activity from outside does not count.
    NaN where the activity never changes.

    Source: Harris (1963), The Theory of Branching Processes; Heyde & Seneta (1972),
    doi 10.1093/biomet/59.3.680, for the estimator with immigration.
    """
    now, then = activity[..., :-1], activity[..., 1:]
    now = now - now.mean(-1, keepdims=True)
    shared, size = (now * then).sum(-1), (now**2).sum(-1)
    return np.divide(shared, size, out=np.full(np.shape(shared), np.nan), where=size > 0)


def avalanche_sizes(activity: Num[np.ndarray, " time"]) -> Num[np.ndarray, " n_avalanches"]:
    """Return the sum of the activity over each run of active times between silent ones.

    Runs that are under way at the first or the last time are left out, their beginning or end
    not being known.
    """
    silent = np.flatnonzero(activity == 0)
    total = np.cumsum(activity)[silent]
    sizes = np.diff(total)
    return sizes[sizes > 0]


class Avalanches(NamedTuple):
    """A power law fitted to avalanche sizes.

    Attributes:
        exponent: of the power law, P(s) ~ s^-exponent.
        smallest: the size from which on it is fitted.
        share: the share of avalanches that are at least as large.
        ratio: log-likelihood ratio to an exponential above `smallest`, in units of its standard
            deviation; positive favours the power law.
        p: of that ratio's sign being chance.
    """

    exponent: float
    smallest: float
    share: float
    ratio: float
    p: float


def avalanche_fit(sizes: Num[np.ndarray, " n_avalanches"]) -> Avalanches:
    """Fit a discrete power law by maximum likelihood, from the size on where it fits best.

    That size has the least Kolmogorov-Smirnov distance between data and fit.

    Source: Clauset, Shalizi & Newman (2009), doi 10.1137/070710111, as implemented in
    `powerlaw` (Alstott, Bullmore & Plenz 2014, doi 10.1371/journal.pone.0085777).

    Raises:
        ValueError: if there are fewer than 50 avalanches, or fewer than three sizes.
    """
    if len(sizes) < 50 or len(np.unique(sizes)) < 3:
        raise ValueError(
            f"a power law needs 50 avalanches of three sizes or more, got {len(sizes)} of"
            f" {len(np.unique(sizes))}; record for longer"
        )
    # imported here because it imports matplotlib, which `import modlib` must not
    import powerlaw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own code's deprecations, and fits it then drops
        fit = powerlaw.Fit(sizes, discrete=True, verbose=False)
        ratio, p = fit.distribution_compare("power_law", "exponential", normalized_ratio=True)
    share = float(np.mean(sizes >= fit.xmin))
    return Avalanches(float(fit.power_law.alpha), float(fit.xmin), share, float(ratio), float(p))


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
    for t in range(washout):
        x = step(x, t)

    def length(a: np.ndarray) -> np.ndarray:
        return np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), np.finfo(float).tiny)

    apart = np.random.default_rng(seed).normal(size=x.shape)
    growth = 0.0
    for t in range(washout, washout + times):
        y = step(x + apart * distance / length(apart), t)
        x = step(x, t)
        apart = y - x
        growth = growth + np.log(length(apart) / distance)
    return growth[..., 0] / times
