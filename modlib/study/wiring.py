"""Other ways to wire the same neurons: what a layered network's Q owes to its layers.

Each function changes one thing about a network and keeps the rest, so that a difference in Q can
be laid at its door: which pairs of neurons are joined (`randomly_wired`, `alternately_wired`), and
how many (`thinned`).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

from modlib.chain import weights
from modlib.graphs import layer_of, layer_sizes
from modlib.training.stacks import Stack


def unstacked(
    chain: Sequence[Float[Tensor | np.ndarray, "n_stack _ _"]],
) -> list[tuple[Float[np.ndarray, "_ _"], ...]]:
    """Return the networks of a stack one by one, as arrays in float64."""
    return list(zip(*(np.asarray(W, dtype=np.float64) for W in chain), strict=True))


def initial_networks(
    sizes: Sequence[int], seeds: Sequence[int], edges: int | None = None
) -> list[Sequence[Float[np.ndarray, "_ _"]]]:
    """Return untrained networks, one per seed, with all their weights or so many of them."""
    networks = unstacked([W.detach() for W in weights(Stack(sizes, seeds))])
    if edges is None:
        return networks
    return [
        thinned(network, edges, np.random.default_rng(seed))
        for network, seed in zip(networks, seeds, strict=True)
    ]


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
