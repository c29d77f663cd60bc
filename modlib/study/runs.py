"""Runs of adjacent layers: the communities that a network has because it has layers."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import adjusted_rand_score

from modlib.graphs import layer_of, layer_sizes, neuron_graph, newman_q
from modlib.modularity.louvain import communities_of
from modlib.study.wiring import initial_networks

Chain = Sequence[Float[np.ndarray, "_ _"]]


def best_runs(chain: Sequence[Float[np.ndarray, "_ _"]]) -> Int[np.ndarray, " n_neurons"]:
    """Return the partition of largest Q among those into runs of adjacent whole layers.

    With m the sum of all absolute weights, w that of the layers inside a run and k
    its neurons' degrees, a run adds w / m - (k / 2m)^2 to Q; the best cuts follow by
    dynamic programming.
    """
    totals = np.array([np.abs(W).sum() for W in chain])
    m, degrees = totals.sum(), np.r_[totals, 0.0] + np.r_[0.0, totals]
    best, cut = [0.0], []
    for stop in range(1, len(degrees) + 1):
        scores = [
            best[start] + totals[start : stop - 1].sum() / m
            - (degrees[start:stop].sum() / (2 * m)) ** 2
            for start in range(stop)
        ]  # fmt: skip
        best.append(max(scores))
        cut.append(int(np.argmax(scores)))
    runs, stop = np.zeros(len(degrees), dtype=int), len(degrees)
    while stop > 0:
        runs[: cut[stop - 1]] += 1
        stop = cut[stop - 1]
    return (runs.max() - runs)[layer_of(layer_sizes(chain))]


def depths_of_pairs(most: int) -> list[int]:
    """Return the numbers of equal layers, from three to `most`, whose best runs are pairs."""
    return [
        depth
        for depth in range(3, most + 1)
        if np.array_equal(best_runs([np.ones((1, 1))] * (depth - 1)), np.arange(depth) // 2)
    ]


def module_table(networks: Mapping[Hashable, Sequence[Chain]]) -> pd.DataFrame:
    """Return how the communities of layered networks lie in their layers.

    The adjusted Rand index of all neurons' communities with pairs of adjacent layers (`pairs`),
    with `layers` and with the best runs of layers (`runs`, see `best_runs`); Q of the communities,
    `q`, and of the runs, `q_runs`.
    """
    rows = []
    for name, copies in networks.items():
        for copy, chain in enumerate(copies):
            graph, layer = neuron_graph(chain), layer_of(layer_sizes(chain))
            found = communities_of(graph)
            known = {"pairs": layer // 2, "layers": layer, "runs": best_runs(chain)}
            scores = {key: adjusted_rand_score(part, found) for key, part in known.items()}
            q = {"q": newman_q(graph, found), "q_runs": newman_q(graph, known["runs"])}
            rows.append({"network": name, "copy": copy} | q | scores)
    return pd.DataFrame(rows)


def modules_by_depth(
    width: int, depths: Sequence[int], kept: float | int, seeds: Sequence[int]
) -> dict[str, pd.DataFrame]:
    """Return `module_table` of layers of one width, fully connected and with a share of edges."""
    shares = {"fully connected": 1, f"{kept:.0%} of the edges": kept}
    return {
        name: module_table(
            {
                d: initial_networks([width] * d, seeds, round(share * width**2 * (d - 1)))
                for d in depths
            }
        )
        for name, share in shares.items()
    }


def layer_map(chain: Chain) -> Float[np.ndarray, "n_communities n_layers"]:
    """Return which share of each layer's neurons belongs to which community."""
    found = communities_of(neuron_graph(chain))
    counts = pd.crosstab(found, layer_of(layer_sizes(chain))).to_numpy()
    return counts / counts.sum(0)
