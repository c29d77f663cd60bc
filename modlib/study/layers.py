"""Tables of Q for layered networks and for the same weights wired otherwise.

Each function returns one row per network.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from modlib.chain import weights
from modlib.graphs import layer_of, layer_sizes, neuron_graph, permuted
from modlib.modularity import find_communities, newman_q
from modlib.study.wiring import (
    alternately_wired,
    best_runs,
    randomly_wired,
    scattered,
    thinned,
    unrolled,
    unshared,
    window,
)
from modlib.training.stacks import Stack

Chain = Sequence[Float[np.ndarray, "_ _"]]


def largest_q(adjacency: sparse.sparray, restarts: int = 3) -> float:
    """Return the largest Q that `find_communities` finds in a graph."""
    return newman_q(adjacency, find_communities(adjacency, restarts))


def unstacked(chain: Sequence[Float[Tensor | np.ndarray, "n_stack _ _"]]) -> list[Chain]:
    """Return the networks of a stack one by one, as arrays in float64."""
    return list(zip(*(np.asarray(W, dtype=np.float64) for W in chain), strict=True))


def initial_networks(
    sizes: Sequence[int], seeds: Sequence[int], edges: int | None = None
) -> list[Chain]:
    """Return untrained networks, one per seed, with all their weights or so many of them."""
    chain = [W.detach() for W in weights(Stack(sizes, seeds))]
    networks = unstacked(chain)
    if edges is None:
        return networks
    return [
        thinned(network, edges, np.random.default_rng(seed))
        for network, seed in zip(networks, seeds, strict=True)
    ]


def wiring_table(networks: Mapping[Hashable, Sequence[Chain]], restarts: int = 3) -> pd.DataFrame:
    """Return the largest Q of each network as it is, and of its weights wired otherwise.

    Columns: `network`, `copy`; `layered`, `within` (weights permuted within layers),
    `alternate` (see `alternately_wired`) and `random` (see `randomly_wired`).
    """
    rows = []
    for name, copies in networks.items():
        for copy, chain in enumerate(copies):
            rng = np.random.default_rng(copy)
            graphs = {
                "layered": neuron_graph(chain),
                "within": neuron_graph(permuted(chain, rng)),
                "alternate": alternately_wired(chain, rng),
                "random": randomly_wired(chain, rng),
            }
            q = {wiring: largest_q(graph, restarts) for wiring, graph in graphs.items()}
            rows.append({"network": name, "copy": copy, **q})
    return pd.DataFrame(rows)


def module_table(networks: Mapping[Hashable, Sequence[Chain]], restarts: int = 3) -> pd.DataFrame:
    """Return how the communities of layered networks lie in their layers.

    Columns: `network`, `copy`; the adjusted Rand index of all neurons' communities with
    pairs of adjacent layers (`pairs`), with `layers` and with the best runs of layers
    (`runs`, see `best_runs`); Q of the communities, `q`, and of those partitions, `q_pairs`
    and `q_runs`; `span`, the number of layers that a community covers, as the
    exponential of the entropy of its neurons' layers, averaged over neurons.
    """
    rows = []
    for name, copies in networks.items():
        for copy, chain in enumerate(copies):
            graph, layer = neuron_graph(chain), layer_of(layer_sizes(chain))
            found = find_communities(graph, restarts)
            known = {"pairs": layer // 2, "layers": layer, "runs": best_runs(chain)}
            scores = {key: adjusted_rand_score(part, found) for key, part in known.items()}
            q = {f"q_{key}": newman_q(graph, known[key]) for key in ("pairs", "runs")}
            counts = pd.crosstab(found, layer).to_numpy()
            shares = counts / counts.sum(1, keepdims=True)
            logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
            span = np.exp(-(shares * logs).sum(1)) @ counts.sum(1) / len(found)
            rows.append(
                {"network": name, "copy": copy, "q": newman_q(graph, found), "span": span}
                | scores | q
            )  # fmt: skip
    return pd.DataFrame(rows)


def layer_map(chain: Chain) -> Float[np.ndarray, "n_communities n_layers"]:
    """Return which share of each layer's neurons belongs to which community."""
    found = find_communities(neuron_graph(chain))
    counts = pd.crosstab(found, layer_of(layer_sizes(chain))).to_numpy()
    return counts / counts.sum(0)


def convolution_table(
    side: int, channels: Sequence[int], kernel: int, seeds: Iterable[int], restarts: int = 3
) -> pd.DataFrame:
    """Return the largest Q of stacks of convolutions, with and without what defines them.

    One row per seed: `shared_local`, a stack of convolutions of square images that wrap
    around, with these numbers of channels; `mixed_local`, its non-zero weights permuted
    within each layer; `shared_scattered` and `mixed_scattered`, the same for kernels whose
    places are drawn from the whole image; `neither`, all entries of each layer permuted;
    `full`, a fully connected network of the same layers.
    """
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        kernels = [
            rng.uniform(-1, 1, (c_out, c_in, kernel**2)) / np.sqrt(c_in * kernel**2)
            for c_in, c_out in pairwise(channels)
        ]
        local = [unrolled(k, window(kernel), side) for k in kernels]
        far = [unrolled(k, scattered(kernel**2, side, rng), side) for k in kernels]
        full = initial_networks([c * side**2 for c in channels], [seed])[0]
        networks = {
            "shared_local": local,
            "mixed_local": [unshared(W, rng) for W in local],
            "shared_scattered": far,
            "mixed_scattered": [unshared(W, rng) for W in far],
            "neither": permuted(local, rng),
            "full": full,
        }
        q = {name: largest_q(neuron_graph(chain), restarts) for name, chain in networks.items()}
        rows.append({"seed": seed, **q})
    return pd.DataFrame(rows)
