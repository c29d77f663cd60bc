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

SMALLEST_SUM = 1e-300
"""A row or column whose weights sum to less is left as it is."""


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
