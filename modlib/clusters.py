"""Simple noisy neurons in clusters: what they hold without learning, and how activity spreads.

Stacks of networks run at once, each with a generator of its own.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from modlib.reservoirs import communities_of


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


def spreading(
    sources: Int[np.ndarray, "n_stack n degree"],
    ratio: float,
    rate: float,
    times: int,
    rngs: Sequence[np.random.Generator],
) -> Int[np.ndarray, "n_stack time"]:
    """Return how many neurons are active when activity spreads by chance.

    An active neuron wakes each neuron that hears it with the probability ratio / degree, so that
    it leads on average to `ratio` others where all are silent; each wakes by itself with the
    probability `rate`. For how modules change such spreading see Moretti & Munoz (2013),
    doi 10.1038/ncomms3521.

    Raises:
        ValueError: if `ratio` is not between 0 and the degree.
    """
    degree = sources.shape[-1]
    if not 0 <= ratio <= degree:
        raise ValueError(f"a ratio must lie between 0 and the degree, {degree}, got {ratio}")
    network = np.arange(len(sources))[:, None, None]
    active = np.zeros(sources.shape[:2], dtype=bool)
    found = np.zeros((len(sources), times), dtype=int)
    for t in range(times):
        asleep = (1 - rate) * (1 - ratio / degree) ** active[network, sources].sum(-1)
        active = np.stack([rng.random(sources.shape[1]) for rng in rngs]) >= asleep
        found[:, t] = active.sum(-1)
    return found
