"""How activity spreads: the branching ratio, and the sizes of avalanches."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num


def branching_ratio(activity: Num[np.ndarray, "*stack time"]) -> Float[np.ndarray, "*stack"]:
    """Return how many active neurons follow from one: the slope of A(t + 1) over A(t).

    The line has an intercept, so that a constant rate of activity from outside does not count.
    NaN where the activity never changes.

    Source: Harris (1963), The Theory of Branching Processes; Heyde & Seneta (1972),
    J. Appl. Probab. 9:235-256, for the estimator with immigration.
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
