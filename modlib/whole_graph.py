r"""Modularity of the whole graph of neurons, as it is found in the literature.

For a partition of the neurons into communities, Newman & Girvan's (2004)

    Q = (1 / 2m) sum_uv [A_uv - k_u k_v / 2m] delta(community of u, community of v)

with A the adjacency matrix, k its row sums and 2m their sum. It expects edges between any two
neurons, most of which a layered network cannot have, so that layers count as modules:
`modlib.modularity` does not. Raw Q rises with sparsity alone, so the headline is the *excess*: Q
minus the mean Q that the same search finds on the same layers with their weights permuted.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

from modlib.graphs import arrays_of, in_order_of_appearance, neuron_graph, newman_q
from modlib.modularity import require_searches

SMALLEST_SUM = 1e-300
"""A row or column whose weights sum to less is left as it is."""

Null = Callable[
    [Sequence[Float[np.ndarray, "_ _"]], np.random.Generator], list[Float[np.ndarray, "_ _"]]
]
"""Makes, of one network's chain, the chain of a null network."""


def permuted(
    chain: Sequence[Float[np.ndarray, "_ _"]], rng: np.random.Generator
) -> list[Float[np.ndarray, "_ _"]]:
    """Return the chain with the weights of each layer in random order.

    Layer sizes, density and every layer's weights are kept; who is wired to whom
    is not.
    """
    return [rng.permuted(W, axis=None) for W in chain]


def balanced(
    chain: Sequence[Float[np.ndarray, "_ _"]], rng: np.random.Generator, sweeps: int = 50
) -> list[Float[np.ndarray, "_ _"]]:
    """Return the chain with the weights of each layer in random order, at the old strengths.

    The absolute weights are permuted and then multiplied by a factor per row and per column
    until every neuron has, towards each side, about the sum of absolute weights that it had
    (iterative proportional fitting). Layer sizes, density and every neuron's strength are
    kept; who is wired to whom is not, and the weights themselves only roughly.

    Source: Deming & Stephan (1940), doi 10.1214/aoms/1177731829.
    """
    return [_refitted(np.abs(W), rng.permuted(np.abs(W), axis=None), sweeps) for W in chain]


def _refitted(
    W: Float[np.ndarray, "_ _"], shuffled: Float[np.ndarray, "_ _"], sweeps: int
) -> Float[np.ndarray, "_ _"]:
    """Return `shuffled` with rows and columns rescaled to the sums of W's, columns last."""
    # in double precision, where the smallest sum is not 0
    rows, columns = W.sum(1, dtype=np.float64), W.sum(0, dtype=np.float64)
    r, c = np.ones_like(rows), np.ones_like(columns)
    for _ in range(sweeps):
        r = rows / np.maximum(shuffled @ c, SMALLEST_SUM)
        c = columns / np.maximum(r @ shuffled, SMALLEST_SUM)
    return r[:, None] * shuffled * c


class WholeGraph(NamedTuple):
    """Modularity of a network, or of each network of a stack.

    Attributes:
        q: largest Q found.
        null_mean: mean of the nulls' largest Q.
        null_std: its standard deviation.
        excess: q - null_mean.
        z: excess / null_std.
        communities: each neuron's community, numbered from 0 in the order in
            which neurons, inputs first, meet them.

    >>> newman_modularity([np.eye(2)] * 2, nulls=2).communities.tolist()
    [0, 1, 0, 1, 0, 1]
    """

    q: Float[np.ndarray, "*stack"]
    null_mean: Float[np.ndarray, "*stack"]
    null_std: Float[np.ndarray, "*stack"]
    excess: Float[np.ndarray, "*stack"]
    z: Float[np.ndarray, "*stack"]
    communities: Int[np.ndarray, "*stack n_neurons"]


def newman_modularity(
    chain: Sequence[Float[Tensor | np.ndarray, "*stack _ _"]],
    nulls: int = 20,
    restarts: int = 5,
    seed: int | Sequence[int] | Int[np.ndarray, "*stack"] = 0,
    null: Null = permuted,
) -> WholeGraph:
    """Measure the modularity of a chain's neuron graph against nulls.

    Each network of a stack gets the answer that it would get alone. A network
    without any weight has Q = 0.

    Args:
        nulls: number of null networks, at least 2.
        restarts: partition searches on each graph, of which the best counts.
        seed: fixes the nulls and the searches; one for all networks, or one for each.
        null: makes a null network: `permuted`, weights permuted within each layer, or
            `balanced`, which keeps every neuron's strength too.

    Raises:
        ValueError: if weights are not finite, if the matrices do not fit together or stack
            different numbers of networks, or if `nulls` or `restarts` is too small.

    Two networks side by side have Q = 1/2:

    >>> block = np.kron(np.eye(2), np.ones((2, 2)))
    >>> round(float(newman_modularity([block, block]).q), 4)
    0.5
    """
    require_searches(nulls, restarts)
    if not len(chain):
        raise ValueError("modularity needs at least one weight matrix, got an empty chain")
    arrays = arrays_of(chain)
    for depth, W in enumerate(arrays):
        if not np.isfinite(W).all():
            raise ValueError(
                f"modularity needs finite weights, got NaN or infinity in matrix {depth} of the"
                " chain; leave diverged networks out"
            )
    stack = arrays[0].shape[:-2]
    if any(W.shape[:-2] != stack for W in arrays):
        raise ValueError(
            "modularity needs as many networks in each matrix, got leading dimensions"
            f" {[W.shape[:-2] for W in arrays]}"
        )
    seeds = np.broadcast_to(seed, stack)
    each = [
        _of_one_network([W[index] for W in arrays], nulls, restarts, int(seeds[index]), null)
        for index in np.ndindex(stack)
    ]
    q, null_mean, null_std = (
        np.array(column).reshape(stack) for column in zip(*(row[:3] for row in each), strict=True)
    )
    communities = np.array([row[3] for row in each]).reshape(*stack, -1)
    excess = q - null_mean
    with np.errstate(divide="ignore", invalid="ignore"):
        z = excess / null_std
    return WholeGraph(q, null_mean, null_std, excess, z, communities)


def _of_one_network(
    chain: list[Float[np.ndarray, "_ _"]], nulls: int, restarts: int, seed: int, null: Null
) -> tuple[float, float, float, Int[np.ndarray, " n_neurons"]]:
    rng = np.random.default_rng(seed)
    graph = neuron_graph(chain)
    communities = find_communities(graph, restarts, seed)
    null_graphs = (neuron_graph(null(chain, rng)) for _ in range(nulls))
    null_q = [newman_q(A, find_communities(A, restarts, seed)) for A in null_graphs]
    return newman_q(graph, communities), float(np.mean(null_q)), float(np.std(null_q)), communities


def find_communities(
    adjacency: sparse.csr_array, restarts: int = 5, seed: int = 0
) -> Int[np.ndarray, " n_neurons"]:
    """Return the partition of largest Q among several searches by the Leiden algorithm.

    Neurons without edges are communities of their own. The same seed gives the
    same partition, on any number of threads: the search runs on one.

    Source: Traag, Waltman & van Eck (2019), doi 10.1038/s41598-019-41695-z, as
    implemented in NetworKit.
    """
    # imported here because it imports matplotlib, which `import modlib` must not
    import networkit as nk

    edges, n_neurons = adjacency.tocoo(), len(adjacency.indptr) - 1
    if not edges.data.any():
        return np.arange(n_neurons)
    once = edges.row <= edges.col
    # GraphFromCoo reads its arrays as 64-bit numbers, whatever they are
    ends = edges.row[once].astype(np.uint64), edges.col[once].astype(np.uint64)
    data = edges.data[once].astype(np.float64) / edges.data.max()
    graph = nk.GraphFromCoo((data, ends), n=n_neurons, weighted=True, directed=False)
    threads = nk.getMaxNumberOfThreads()
    nk.setNumberOfThreads(1)
    found = []
    try:
        for restart in range(restarts):
            nk.setSeed(seed * restarts + restart, useThreadId=False)
            found.append(nk.community.ParallelLeiden(graph).run().getPartition())
    finally:
        nk.setNumberOfThreads(threads)
    best = max(found, key=lambda partition: nk.community.Modularity().getQuality(partition, graph))
    return in_order_of_appearance(best.getVector())
