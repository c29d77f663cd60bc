"""Other ways to wire the same neurons: what a layered network's Q owes to its layers.

Each function changes one thing about a network and keeps the rest, so that a
difference in Q can be laid at its door: which pairs of neurons are joined
(`randomly_wired`, `alternately_wired`), how many (`thinned`), and, in a convolution
unrolled to its weight matrix, whether the weights are local and whether they are
shared (`unrolled`, `unshared`).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from modlib.graphs import layer_of, layer_sizes


def thinned(
    chain: Sequence[Float[np.ndarray, "_ _"]], edges: int, rng: np.random.Generator
) -> list[Float[np.ndarray, "_ _"]]:
    """Return the chain with that many weights, drawn uniformly, and zeros elsewhere.

    Raises:
        ValueError: if the chain has fewer weights than that.
    """
    sizes = [W.size for W in chain]
    if not 0 <= edges <= sum(sizes):
        raise ValueError(f"a chain of {sum(sizes)} weights cannot keep {edges} of them")
    kept = np.zeros(sum(sizes), dtype=bool)
    kept[rng.choice(sum(sizes), edges, replace=False)] = True
    masks = np.split(kept, np.cumsum(sizes)[:-1])
    return [np.where(mask.reshape(W.shape), W, 0.0) for W, mask in zip(chain, masks, strict=True)]


def randomly_wired(
    chain: Sequence[Float[np.ndarray, "_ _"]], rng: np.random.Generator
) -> sparse.csr_array:
    """Return the chain's neurons joined at random: any pair, by the same absolute weights.

    Numbers of neurons and edges and the multiset of weights are kept; there are no
    layers any more.
    """
    n_neurons = sum(layer_sizes(chain))
    return _joined(chain, *np.triu_indices(n_neurons, 1), n_neurons, rng)


def alternately_wired(
    chain: Sequence[Float[np.ndarray, "_ _"]], rng: np.random.Generator
) -> sparse.csr_array:
    """Return the chain's neurons joined at random, odd layers to even ones.

    As in the chain no edge stays within a layer or skips one; but an edge may skip
    two, so that the layers have no order.
    """
    side = layer_of(layer_sizes(chain)) % 2
    return _joined(chain, *np.nonzero(np.triu(side[:, None] != side)), len(side), rng)


def _joined(
    chain: Sequence[Float[np.ndarray, "_ _"]],
    rows: Int[np.ndarray, " n_pairs"],
    columns: Int[np.ndarray, " n_pairs"],
    n_neurons: int,
    rng: np.random.Generator,
) -> sparse.csr_array:
    weights = np.concatenate([np.abs(W)[W != 0] for W in chain])
    drawn = rng.choice(len(rows), len(weights), replace=False)
    upper = sparse.coo_array((weights, (rows[drawn], columns[drawn])), shape=(n_neurons,) * 2)
    return (upper + upper.T).tocsr()


def window(side: int) -> Int[np.ndarray, "n_offsets 2"]:
    """Return the places that a square kernel of an odd side looks at, from its centre."""
    return np.stack(np.divmod(np.arange(side**2), side), axis=1) - side // 2


def scattered(n_offsets: int, side: int, rng: np.random.Generator) -> Int[np.ndarray, "_ 2"]:
    """Return that many different places drawn from the whole of a square image."""
    return np.stack(np.divmod(rng.choice(side**2, n_offsets, replace=False), side), axis=1)


def unrolled(
    kernel: Float[np.ndarray, "c_out c_in n_offsets"],
    offsets: Int[np.ndarray, "n_offsets 2"],
    side: int,
) -> Float[np.ndarray, "n_in n_out"]:
    """Return the weight matrix of a convolution over square images that wrap around.

    The output at place p of channel o is sum_ik kernel[o, i, k] x[i, p + offsets[k]].
    Offsets from `window` make it PyTorch's `Conv2d` with `padding_mode="circular"`;
    any others share weights in the same way, but not between neighbours.

    Raises:
        ValueError: if two offsets reach the same place, for then their weights add up.
    """
    c_out, c_in, _ = kernel.shape
    to = np.arange(side**2)
    row, column = np.divmod(to, side)
    come_from = [(row + down) % side * side + (column + right) % side for down, right in offsets]
    if len({places[0] for places in come_from}) < len(offsets):
        raise ValueError(
            f"offsets must reach different places of an image of side {side}, got"
            f" {offsets.tolist()}; take a larger image or a smaller kernel"
        )
    W = np.zeros((c_in, side**2, c_out, side**2))
    for places, weights in zip(come_from, np.moveaxis(kernel, -1, 0), strict=True):
        W[:, places, :, to] = weights.T
    return W.reshape(c_in * side**2, c_out * side**2)


def unshared(
    W: Float[np.ndarray, "n_in n_out"], rng: np.random.Generator
) -> Float[np.ndarray, "n_in n_out"]:
    """Return the matrix with its weights other than zero in random order.

    Who is wired to whom is kept; which connections have the same weight is not.
    """
    mixed = W.copy()
    mixed[W != 0] = rng.permutation(W[W != 0])
    return mixed


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
