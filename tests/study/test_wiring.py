"""Other wirings of the same neurons: what they keep, and which pairs they join."""

from itertools import pairwise, product

import numpy as np
import pytest

from modlib.graphs import layer_of, layer_sizes, neuron_graph
from modlib.study.wiring import alternately_wired, initial_networks, randomly_wired, thinned

SIZES = (5, 4, 3, 6)


def chain(seed, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in pairwise(sizes)]


@pytest.mark.parametrize("wire", [randomly_wired, alternately_wired])
def test_rewiring_keeps_neurons_edges_and_weights(wire):
    network = thinned(chain(0), 30, np.random.default_rng(1))
    before, after = neuron_graph(network), wire(network, np.random.default_rng(2))
    assert (after != after.T).nnz == 0
    assert after.diagonal().sum() == 0
    assert after.shape == before.shape
    assert np.array_equal(np.sort(after.data), np.sort(before.data))
    assert (after != before).nnz > 0


def test_alternate_wiring_joins_odd_to_even_layers_and_random_wiring_all():
    side = layer_of(SIZES) % 2
    joined = {wire: set() for wire in (randomly_wired, alternately_wired)}
    for wire, seed in product(joined, range(60)):
        rows, columns = wire(chain(0), np.random.default_rng(seed)).nonzero()
        joined[wire] |= set(zip(rows.tolist(), columns.tolist(), strict=True))
    pairs = {(u, v) for u, v in product(range(18), repeat=2) if u != v}
    assert joined[randomly_wired] == pairs
    assert joined[alternately_wired] == {(u, v) for u, v in pairs if side[u] != side[v]}


def test_thinning_keeps_exactly_so_many_weights_where_they_were():
    network = chain(0)
    few = thinned(network, 7, np.random.default_rng(0))
    assert sum(np.count_nonzero(W) for W in few) == 7
    assert all(((K == 0) | (K == W)).all() for K, W in zip(few, network, strict=True))
    with pytest.raises(ValueError, match="50 weights cannot keep 51"):
        thinned(network, 51, np.random.default_rng(0))


def test_initial_networks_follow_from_their_seeds_whatever_else_is_made():
    many, one = initial_networks(SIZES, range(3)), initial_networks(SIZES, [2], edges=30)[0]
    assert layer_sizes(one) == list(SIZES)
    assert sum(np.count_nonzero(W) for W in one) == 30
    assert all(((K == 0) | (K == W)).all() for K, W in zip(one, many[2], strict=True))
