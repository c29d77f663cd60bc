"""Simple noisy neurons in clusters: what they hold without learning, and how activity spreads.

Stacks of networks run at once, each with a generator of its own.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from modlib.study.reservoir_networks import communities_of

CERTAIN = 1 - 1e-12
"""A probability that counts as 1 where logarithms are taken."""


def clustered_graph(
    n: int, clusters: int, rewired: float, rng: np.random.Generator
) -> Float[np.ndarray, "n n"]:
    """Return clusters of neurons that are all joined, but for the share of edges that is rewired.

    With the probability `rewired` an edge leaves one of its ends for a random neuron of another
    cluster; an edge that is already there is not doubled.

    Source: Johnson, Marro & Torres (2013), doi 10.1371/journal.pone.0050276.
    """
    of = communities_of(n, clusters)
    ends = np.argwhere(np.triu(of[:, None] == of, 1))
    for edge in np.flatnonzero(rng.random(len(ends)) < rewired):
        stays = rng.permuted(ends[edge])[0]
        ends[edge] = stays, rng.choice(np.flatnonzero(of != of[stays]))
    A = np.zeros((n, n))
    A[tuple(ends.T)] = A[tuple(ends.T[::-1])] = 1.0
    return A


def reverberation(
    A: Float[np.ndarray, "n_stack n n"],
    start: Float[np.ndarray, "n_stack n"],
    temperature: float,
    times: int,
    rngs: Sequence[np.random.Generator],
) -> Float[np.ndarray, "n_stack time n"]:
    """Return the states, -1 or 1, of simple noisy neurons, all updated at once.

    A neuron is 1 with the probability (1 + tanh(h / temperature)) / 2, h being the sum of its
    neighbours' states. Nothing is learned: what is remembered is the start.

    Source: Johnson, Marro & Torres (2013), doi 10.1371/journal.pone.0050276.

    Raises:
        ValueError: if the temperature is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"noisy neurons need a temperature above 0, got {temperature}")
    found, s = np.empty((len(A), times, A.shape[-1])), start
    for t in range(times):
        chance = expit(2 * (s[:, None] @ A)[:, 0] / temperature)
        s = np.where(np.stack([rng.random(s.shape[-1]) for rng in rngs]) < chance, 1.0, -1.0)
        found[:, t] = s
    return found


def waking(W: Float[np.ndarray, "n_stack n n"], ratio: float) -> Float[np.ndarray, "n_stack n n"]:
    """Return the probabilities with which neurons wake each other, in proportion to |w|.

    Entry (i, j) is ratio |w_ij| / s, or 1 where that is more, s being the mean over the network's
    neurons of sum_j |w_ij|: an active neuron leads on average to `ratio` others where all are
    silent, and fewer where entries had to be cut to 1.

    Raises:
        ValueError: if `ratio` is negative, or a network has no weight other than zero.
    """
    size = np.abs(W)
    strength = size.sum(-1).mean(-1)
    if ratio < 0 or not strength.all():
        raise ValueError(
            "activity spreads along weights other than zero with a ratio of at least 0, got"
            f" {int((strength == 0).sum())} networks without any, and {ratio}"
        )
    return np.minimum(ratio * size / strength[:, None, None], 1.0)


def spreading(
    wakes: Float[np.ndarray, "n_stack n n"],
    rate: float,
    times: int,
    rngs: Sequence[np.random.Generator],
) -> Int[np.ndarray, "n_stack time"]:
    """Return how many neurons are active when activity spreads by chance.

    An active neuron i wakes neuron j with the probability wakes[i, j], whichever others are
    active; each wakes by itself with the probability `rate`. For how modules change such
    spreading see Moretti & Munoz (2013), doi 10.1038/ncomms3521.

    Raises:
        ValueError: if an entry is no probability.
    """
    if not ((wakes >= 0) & (wakes <= 1)).all():
        raise ValueError(
            f"activity spreads with probabilities, got {np.min(wakes)} to {np.max(wakes)}; see"
            " `waking`"
        )
    # the logarithm of not being woken; a certain wake is as good as certain
    unmoved = np.log1p(-np.minimum(wakes, CERTAIN))
    active = np.zeros((len(wakes), wakes.shape[-1]))
    found = np.zeros((len(wakes), times), dtype=int)
    for t in range(times):
        asleep = (1 - rate) * np.exp((active[:, None] @ unmoved)[:, 0])
        drawn = np.stack([rng.random(wakes.shape[-1]) for rng in rngs])
        active = (drawn >= asleep).astype(float)
        found[:, t] = active.sum(-1)
    return found
