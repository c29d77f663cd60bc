"""A chain as a weighted graph of neurons, and the null models it is held against.

Neurons are numbered layer by layer, inputs first; an edge joins two neurons of
adjacent layers and weighs |w|. Biases join nothing and are left out.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import sparse
from torch import Tensor


def layer_sizes(chain: Sequence[ArrayLike]) -> list[int]:
    """Return the number of neurons in each layer, inputs first.

    Raises:
        ValueError: if the matrices do not fit together.
    """
    shapes = [np.shape(W)[-2:] for W in chain]
    for depth, ((_, n_out), (n_in, _)) in enumerate(pairwise(shapes)):
        if n_out != n_in:
            raise ValueError(
                f"matrix {depth} of the chain has {n_out} columns but matrix {depth + 1} has"
                f" {n_in} rows; rows feed columns, so an nn.Linear enters as weight.T"
            )
    return [shapes[0][0], *(n_out for _, n_out in shapes)]


def arrays_of(chain: Sequence[ArrayLike]) -> list[np.ndarray]:
    """Return the matrices of a chain as arrays in double precision, without their gradients."""
    tensors = (W.detach().cpu().double() if isinstance(W, Tensor) else W for W in chain)
    return [np.asarray(W, dtype=np.float64) for W in tensors]


def community_order(
    chain: Sequence[ArrayLike], communities: Int[np.ndarray, " n_neurons"]
) -> list[Int[np.ndarray, " _"]]:
    """Return the neurons of each layer, counted within it, sorted by community."""
    layers = np.split(communities, np.cumsum(layer_sizes(chain))[:-1])
    return [np.argsort(layer, kind="stable") for layer in layers]


def by_community(
    chain: Sequence[Float[Tensor | np.ndarray, "_ _"]], communities: Int[np.ndarray, " n_neurons"]
) -> list[Float[np.ndarray, "_ _"]]:
    """Return the same network with the neurons of each layer sorted by community."""
    order = community_order(chain, communities)
    return [
        W[np.ix_(rows, columns)]
        for W, (rows, columns) in zip(arrays_of(chain), pairwise(order), strict=True)
    ]


def neuron_graph(chain: Sequence[Float[np.ndarray, "_ _"]]) -> sparse.csr_array:
    """Return the symmetric adjacency matrix of one network's neurons."""
    starts = np.cumsum([0, *layer_sizes(chain)])
    ends, data = [], []
    for W, start, next_start in zip(chain, starts[:-2], starts[1:-1], strict=True):
        rows, columns = np.nonzero(W)
        ends.append((rows + start, columns + next_start))
        data.append(np.abs(W[rows, columns]))
    u, v = (np.concatenate(side) for side in zip(*ends, strict=True))
    both_ways = np.concatenate([u, v]), np.concatenate([v, u])
    return sparse.csr_array((np.tile(np.concatenate(data), 2), both_ways), shape=(starts[-1],) * 2)


def pruned(
    chain: Sequence[Float[np.ndarray, "_ _"]], density: float
) -> list[Float[np.ndarray, "_ _"]]:
    """Return the chain with only the largest weights of each layer left, the rest zero.

    `density` is the share that is left, so that networks become equally dense.

    Raises:
        ValueError: if `density` is not between 0 and 1.
    """
    if not 0 < density <= 1:
        raise ValueError(f"pruning leaves a share above 0 and at most 1, got {density}")
    left = [np.zeros_like(W) for W in chain]
    for sparse_W, W in zip(left, chain, strict=True):
        order = np.argsort(-np.abs(W), axis=None, kind="stable")
        kept = order[: round(density * W.size)]
        sparse_W.flat[kept] = W.flat[kept]
    return left


def layer_of(sizes: Sequence[int]) -> Int[np.ndarray, " n_neurons"]:
    """Return the layer that each neuron is in, counted from the inputs."""
    return np.repeat(np.arange(len(sizes)), sizes)


def newman_q(adjacency: sparse.csr_array, communities: Int[np.ndarray, " n_neurons"]) -> float:
    """Return Newman's Q of a partition of a weighted undirected graph; 0 if it has no edges.

    Source: Newman & Girvan (2004), doi 10.1103/PhysRevE.69.026113.

    >>> pairs = sparse.csr_array(np.kron(np.eye(2), [[0, 1], [1, 0]]))
    >>> newman_q(pairs, np.array([0, 0, 1, 1]))
    0.5
    """
    edges = adjacency.tocoo()
    total = edges.data.sum()
    if total == 0:
        return 0.0
    ends = communities[edges.row], communities[edges.col]
    within = edges.data[ends[0] == ends[1]].sum()
    strengths = np.bincount(ends[0], weights=edges.data)
    return float(within / total - np.square(strengths / total).sum())


def conductance(adjacency: sparse.csr_array, communities: Int[np.ndarray, " n_neurons"]) -> float:
    """Return the mean of the communities' `conductances`; 0 without any weight."""
    of_each = conductances(adjacency, communities)
    return float(np.mean(of_each)) if len(of_each) else 0.0


def conductances(
    adjacency: sparse.csr_array, communities: Int[np.ndarray, " n_neurons"]
) -> Float[np.ndarray, " n_communities"]:
    """Return the share of each community's weight that leaves it, cut(c) / vol(c).

    Communities without weight have none and are left out. The sum of the others' is the
    partition's n-cut.

    Source: Shi & Malik (2000), doi 10.1109/34.868688.
    """
    edges = adjacency.tocoo()
    ends = communities[edges.row], communities[edges.col]
    volume = np.bincount(ends[0], weights=edges.data)
    within = np.bincount(ends[0], weights=edges.data * (ends[0] == ends[1]))[volume > 0]
    return 1 - within / volume[volume > 0]


def in_order_of_appearance(labels: ArrayLike) -> Int[np.ndarray, " n"]:
    """Return the labels renumbered 0, 1, ... in the order in which they first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
