"""Tables of networks whose modules are given: memory, order and chaos, patterns held, avalanches.

Each has one row per network and measure, and the columns `model`, `level` (spectral radius,
threshold, temperature or ratio), `into` and `between` (the share of connections that leave a
community), which say what the networks are and which of their communities hear the input.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from modlib.batch.tables import long
from modlib.study.avalanches import avalanche_fit, avalanche_sizes, branching_ratio
from modlib.study.clusters import clustered_graph, reverberation, spreading, waking
from modlib.study.dynamics import information_curve, lyapunov_exponent, memory_curve, recall
from modlib.study.reservoir_networks import (
    communities_of,
    modular_sources,
    narma,
    of_radius,
    states,
    threshold_like,
    weights_of,
)

N, COMMUNITIES, DEGREE = 200, 10, 8
"""Neurons of a reservoir, its communities, and how many others each neuron hears."""

DELAYS = range(1, 50)
"""The delays over which memory capacity and information are summed."""

HEARD = 0.3
"""The share of its communities' neurons that hear an input."""

HALF = communities_of(N, COMMUNITIES) < COMMUNITIES // 2
INTO: dict[str, Bool[np.ndarray, "n_inputs n"]] = {
    "half": HALF[None],
    "all": np.ones((1, N), dtype=bool),
    "two": np.stack([HALF, ~HALF]),
}
"""The neurons that may hear each input: one half, all, or one half each of two inputs."""

CLUSTERS, HELD_FOR = 20, 100
"""Clusters of noisy neurons, and the steps over which a pattern is compared with its start."""

RATE = 1e-4
"""With which a neuron wakes by itself where activity spreads."""

Activation = Callable[[np.ndarray], np.ndarray]


def generators(seeds: Sequence[int], purpose: int) -> list[np.random.Generator]:
    """Return a generator for each network, another one for each purpose."""
    return [np.random.default_rng((seed, purpose)) for seed in seeds]


def sources(seeds: Sequence[int], between: float) -> list[Int[np.ndarray, "n degree"]]:
    """Return whom each neuron of each reservoir hears, as in `modular_sources`."""
    return [modular_sources(N, COMMUNITIES, between, DEGREE, rng) for rng in generators(seeds, 1)]


def input_weights(seeds: Sequence[int], into: str) -> Float[np.ndarray, "n_stack n_inputs n"]:
    """Return normal weights to the share `HEARD`, drawn at random, of the neurons in `INTO`."""
    shape = INTO[into].shape
    drawn = [(rng.random(shape) < HEARD) * rng.normal(size=shape) for rng in generators(seeds, 2)]
    return np.stack(drawn) * INTO[into]


def tanh_weights(seeds: Sequence[int], between: float) -> Float[np.ndarray, "n_stack n n"]:
    """Return normal weights of spectral radius 1."""
    values = [rng.normal(size=(N, DEGREE)) for rng in generators(seeds, 3)]
    return of_radius(_placed(sources(seeds, between), values), 1.0)


def threshold_weights(seeds: Sequence[int], between: float) -> Float[np.ndarray, "n_stack n n"]:
    """Return mostly positive weights, whose absolute values sum to 1 at each neuron."""
    values = [rng.uniform(-0.2, 1, size=(N, DEGREE)) for rng in generators(seeds, 3)]
    shares = [v / np.abs(v).sum(-1, keepdims=True) for v in values]
    return _placed(sources(seeds, between), shares)


def _placed(heard: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([weights_of(*part) for part in zip(heard, values, strict=True)])


def bits(seeds: Sequence[int], times: int, n_inputs: int) -> Int[np.ndarray, "n_stack time _"]:
    """Return streams of random bits, 0 or 1."""
    return np.stack([rng.integers(2, size=(times, n_inputs)) for rng in generators(seeds, 4)])


def exponent(
    W: Float[np.ndarray, "n_stack n n"],
    drive: Float[np.ndarray, "n_stack time n"],
    activation: Activation,
) -> Float[np.ndarray, " n_stack"]:
    """Return the Lyapunov exponents of reservoirs that are driven, over at most 300 steps.

    They start away from rest: communities that hear nothing would stay at rest for ever, where
    it is unstable too.
    """
    start = np.random.default_rng(0).uniform(-1, 1, W.shape[:2])
    return lyapunov_exponent(
        lambda x, t: activation((x[:, None] @ W)[:, 0] + drive[:, t]),
        start,
        times=min(300, drive.shape[1] - 100),
    )


def capacity(
    x: Float[np.ndarray, "n_stack time n"], u: Float[np.ndarray, "n_stack time n_inputs"]
) -> Float[np.ndarray, " n_stack"]:
    """Return the linear memory capacity of states, summed over the inputs."""
    return sum(memory_curve(x, stream, DELAYS).sum(-1) for stream in np.moveaxis(u, 2, 0))


def memory_table(
    seeds: Sequence[int],
    between: Sequence[float],
    radii: Sequence[float],
    thresholds: Sequence[float],
    times: int,
) -> pd.DataFrame:
    """Return what reservoirs remember of random bits: tanh ones, and threshold-like ones.

    The measures are `capacity` and, where one half hears the input, `lyapunov`; of tanh
    reservoirs also `narma`, the r^2 of NARMA-10, which goes to all communities.
    """
    found = []
    for share in between:
        base, signed = tanh_weights(seeds, share), threshold_weights(seeds, share)
        for into in INTO:
            W_in, drawn = input_weights(seeds, into), bits(seeds, times, len(INTO[into]))
            kinds = [("tanh", r, r * base, W_in, 2.0 * drawn - 1, np.tanh) for r in radii] + [
                ("threshold", t, signed, 1.0 * (W_in != 0), 1.0 * drawn, threshold_like(t))
                for t in thresholds
            ]
            for model, level, W, heard, u, activation in kinds:
                measures = {"capacity": capacity(states(W, heard, u, activation), u)}
                if into == "half":
                    measures["lyapunov"] = exponent(W, u @ heard, activation)
                told = {"model": model, "level": level, "into": into, "between": share}
                found.append(long(seeds, measures, **told))
        u = np.stack([rng.uniform(0, 0.5, size=(times, 1)) for rng in generators(seeds, 5)])
        for radius in radii:
            x = states(radius * base, input_weights(seeds, "all"), u)
            told = {"model": "tanh", "level": radius, "into": "all", "between": share}
            found.append(
                long(seeds, {"narma": recall(x, narma(u[..., 0])[..., None])[:, 0]}, **told)
            )
    return pd.concat(found)


def edge_table(
    seeds: Sequence[int], between: Sequence[float], radii: Sequence[float], times: int
) -> pd.DataFrame:
    """Return tanh reservoirs from order to chaos, one stream of bits going to all communities.

    The measures are `lyapunov` and `information`, the bits that readouts transmit of the stream,
    summed over delays.
    """
    found = []
    W_in, u = input_weights(seeds, "all"), 2.0 * bits(seeds, times, 1) - 1
    for share in between:
        base = tanh_weights(seeds, share)
        for radius in radii:
            x = states(radius * base, W_in, u)
            measures = {
                "information": information_curve(x, u[..., 0], DELAYS).sum(-1),
                "lyapunov": exponent(radius * base, u @ W_in, np.tanh),
            }
            told = {"model": "edge", "level": radius, "into": "all", "between": share}
            found.append(long(seeds, measures, **told))
    return pd.concat(found)


def cluster_table(
    seeds: Sequence[int], rewired: Sequence[float], temperatures: Sequence[float]
) -> pd.DataFrame:
    """Return how long clusters of noisy neurons hold a pattern.

    Half of the clusters begin with all neurons at 1, the others at -1; `held` is the agreement
    with that, averaged over the steps that follow.
    """
    signs = [1.0, -1.0] * (CLUSTERS // 2)
    pattern = np.stack([rng.permutation(signs) for rng in generators(seeds, 6)])
    pattern = pattern[:, communities_of(N, CLUSTERS)]
    found = []
    for share, temperature in product(rewired, temperatures):
        A = np.stack([clustered_graph(N, CLUSTERS, share, rng) for rng in generators(seeds, 7)])
        s = reverberation(A, pattern, temperature, HELD_FOR, generators(seeds, 8))
        told = {"model": "clusters", "level": temperature, "into": "all", "between": share}
        found.append(long(seeds, {"held": (s * pattern[:, None]).mean((1, 2))}, **told))
    return pd.concat(found)


def activity(
    seeds: Sequence[int], between: float, ratio: float, times: int
) -> Int[np.ndarray, "n_stack time"]:
    """Return how many neurons of each network are active when activity spreads, as in `waking`."""
    ones = np.ones((N, DEGREE))
    same = np.stack([weights_of(heard, ones) for heard in sources(seeds, between)])
    return spreading(waking(same, ratio), RATE, times, generators(seeds, 9))


def spreading_table(
    seeds: Sequence[int], between: Sequence[float], ratios: Sequence[float], times: int
) -> pd.DataFrame:
    """Return how activity spreads: `branching`, `activity` and the fit of avalanches' sizes.

    The avalanches of all networks of one kind are fitted together; the fit stands in the row of
    every one.
    """
    found = []
    for share, ratio in product(between, ratios):
        active = activity(seeds, share, ratio, times)
        sizes = np.concatenate([avalanche_sizes(of_one) for of_one in active])
        measures = {"branching": branching_ratio(active), "activity": active.mean(-1) / N} | {
            f"avalanches_{name}": np.full(len(seeds), value)
            for name, value in avalanche_fit(sizes)._asdict().items()
        }
        told = {"model": "spreading", "level": ratio, "into": "all", "between": share}
        found.append(long(seeds, measures, **told))
    return pd.concat(found)
