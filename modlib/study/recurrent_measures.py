"""Measure a stack of trained recurrent networks: one row per network."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.chain import weights
from modlib.modularity.agreement import agreement
from modlib.modularity.measure import modularity
from modlib.modularity.nulls import permuted
from modlib.network.connections import Connection, Network
from modlib.study.avalanches import avalanche_fit, avalanche_sizes, branching_ratio
from modlib.study.clusters import spreading, waking
from modlib.study.dynamics import information_curve, lyapunov_exponent, memory_curve
from modlib.study.recurrent_networks import RecurrentStack, Target, bits
from modlib.training.lesions import specialisation

CAPACITY_DELAYS = range(1, 41)
"""The delays over which the memory capacity of trained networks is summed."""

SPREADING_RATE, SPREADING_TIMES = 1e-3, 10_000
"""With which neurons wake by themselves, and for how many steps, where activity spreads."""


def recurrent_network(chain: Sequence[Float[Tensor, "*stack _ _"]]) -> Network:
    """Return inputs, hidden neurons and outputs, joined by W_in, W_rec and W_out."""
    W_in, W_rec, W_out = chain
    sizes = {"inputs": W_in.shape[-2], "hidden": W_in.shape[-1], "outputs": W_out.shape[-1]}
    connections = [
        Connection("into", "inputs", "hidden", W_in),
        Connection("recurrent", "hidden", "hidden", W_rec),
        Connection("out", "hidden", "outputs", W_out),
    ]
    return Network(sizes, connections, [])


@torch.no_grad()
def recall_accuracy(
    network: RecurrentStack,
    target: Target,
    delays: Sequence[int],
    u: Float[Tensor, "n_stack batch time n_streams"],
    silenced: Tensor | None = None,
) -> Float[Tensor, "n_stack n_streams n_delays"]:
    """Return the share of bits that each output gets right, after the longest delay."""
    hit = network(u, silenced) * target(u, delays) > 0
    shares = hit[:, :, max(delays) :].double().mean((1, 2))
    return shares.unflatten(-1, (u.shape[-1], len(delays)))


def lesions(
    network: RecurrentStack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    target: Target,
    delays: Sequence[int],
    u: Float[Tensor, "n_stack batch time n_streams"],
) -> Float[Tensor, "n_stack n_communities n_streams"]:
    """Return the accuracy that each stream loses when a community's hidden neurons are silenced."""
    n_in, n = weights(network)[0].shape[-2:]
    hidden = torch.as_tensor(communities[:, n_in : n_in + n])
    intact = recall_accuracy(network, target, delays, u).mean(-1)
    drops = [
        intact - recall_accuracy(network, target, delays, u, hidden == community).mean(-1)
        for community in range(int(hidden.max()) + 1)
    ]
    return torch.stack(drops, 1)


def spread(
    W_rec: Float[np.ndarray, "n_stack n n"], seeds: Sequence[int]
) -> Int[np.ndarray, "n_stack time"]:
    """Return how many hidden neurons are active when activity spreads with the ratio 1."""
    rngs = [np.random.default_rng((seed, 9)) for seed in seeds]
    return spreading(waking(W_rec, 1.0), SPREADING_RATE, SPREADING_TIMES, rngs)


def avalanche_exponent(activity: Int[np.ndarray, " time"]) -> float:
    """Return the exponent of one network's avalanches; NaN if they are too few for a fit."""
    try:
        return avalanche_fit(avalanche_sizes(activity)).exponent
    except ValueError:
        return np.nan


@torch.no_grad()
def measure_recurrent(
    network: RecurrentStack,
    target: Target,
    delays: Sequence[int],
    *,
    times: int,
    examples: int = 300,
    nulls: int = 5,
    restarts: int = 2,
) -> pd.DataFrame:
    """Return one row per network.

    `validation_accuracy` and, on other sequences, `accuracy`, over all outputs, and
    `accuracy_<delay>`; `q`, `excess` and `share`; `ari`, the agreement of inputs and outputs with
    the streams; `specialisation`, by lesions; `radius`, the spectral radius of W_rec;
    and, while bits come in, `lyapunov`, and `capacity` and `information`, the linear memory
    capacity of the states and the bits that readouts transmit, summed over streams. Last come
    measures of activity that spreads along W_rec with the ratio 1: the `branching` ratio, the same
    with the weights of W_rec permuted, `branching_permuted`, and the `exponent` of its avalanches.
    """
    chain = [W.numpy() for W in weights(network)]
    n_streams, seeds = chain[0].shape[-2], network.seeds
    validation, test = (next(bits(seeds, (examples, times, n_streams), s)) for s in (1, 2))
    by_delay = recall_accuracy(network, target, delays, test)
    found = modularity(recurrent_network(weights(network)), nulls, restarts, np.array(seeds))
    streams = np.arange(n_streams)
    signal = next(bits(seeds, (1, 2_000, n_streams), 3))
    x = network.states(signal)[:, 0].double().numpy()
    into, recurrent, _ = network.layers
    drive = (into(signal[:, 0]) + recurrent.bias).double().numpy()
    W_rec = chain[1].astype(float)
    drops = lesions(network, found.communities, target, delays, test)
    streams_of = [signal[:, 0, :, s].double().numpy() for s in range(n_streams)]
    activity = spread(W_rec, seeds)
    nulls_of = [
        permuted([torch.as_tensor(W)], torch.Generator().manual_seed(seed))[0].numpy()
        for W, seed in zip(W_rec, seeds, strict=True)
    ]
    table = {
        "seed": seeds,
        "accuracy": by_delay.mean((1, 2)),
        "validation_accuracy": recall_accuracy(network, target, delays, validation).mean((1, 2)),
        "q": found.q,
        "excess": found.excess,
        "share": found.share,
        "ari": agreement(found.communities, streams, streams.repeat(len(delays))),
        "specialisation": specialisation(drops),
        "radius": np.abs(np.linalg.eigvals(W_rec)).max(-1),
        "lyapunov": lyapunov_exponent(
            lambda state, t: np.tanh((state[:, None] @ W_rec)[:, 0] + drive[:, t]), x[:, 0]
        ),
        "capacity": sum(memory_curve(x, u, CAPACITY_DELAYS).sum(-1) for u in streams_of),
        "information": sum(information_curve(x, u, CAPACITY_DELAYS).sum(-1) for u in streams_of),
        "branching": branching_ratio(activity),
        "branching_permuted": branching_ratio(spread(np.stack(nulls_of), seeds)),
        "exponent": [avalanche_exponent(of_one) for of_one in activity],
    }
    return pd.DataFrame(
        table | {f"accuracy_{d}": by_delay[..., k].mean(1) for k, d in enumerate(delays)}
    )
