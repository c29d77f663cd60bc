"""A chain's neuron graph entry by entry, and what permuting its weights keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import chains, random_chain

from modlib.graphs import layer_of, layer_sizes, neuron_graph, permuted


def arrays(chain):
    return [W.numpy() for W in chain]


@given(chains(depth=3))
def test_an_edge_joins_neurons_of_adjacent_layers_and_weighs_the_absolute_weight(chain):
    chain = arrays(chain)
    neurons = [(0, i) for i in range(len(chain[0]))]
    neurons += [(d, i) for d, W in enumerate(chain, 1) for i in range(W.shape[1])]

    def weight(u, v):
        (depth, i), (next_depth, j) = sorted([u, v])
        return abs(chain[depth][i, j]) if next_depth == depth + 1 else 0

    expected = [[weight(u, v) for v in neurons] for u in neurons]
    assert neuron_graph(chain).toarray().tolist() == expected


@given(chains(depth=3), st.integers(0, 9))
def test_permuting_keeps_the_weights_of_each_layer(chain, seed):
    chain = arrays(chain)
    before = [W.copy() for W in chain]
    after = permuted(chain, np.random.default_rng(seed))
    for W, P, original in zip(chain, after, before, strict=True):
        assert P.shape == W.shape
        assert sorted(P.flat) == sorted(W.flat)
        assert (original == W).all()


def test_permuting_moves_weights_within_and_between_rows():
    (W,) = arrays(random_chain(20, 30))
    (P,) = permuted([W], np.random.default_rng(0))
    rows = {w: i for (i, _), w in np.ndenumerate(W)}
    columns = {w: j for (_, j), w in np.ndenumerate(W)}
    # a uniform draw keeps a weight's row once in 20 times, its column once in 30
    same_row = np.mean([rows[p] == i for (i, _), p in np.ndenumerate(P)])
    same_column = np.mean([columns[p] == j for (_, j), p in np.ndenumerate(P)])
    assert abs(same_row - 1 / 20) < 0.05
    assert abs(same_column - 1 / 30) < 0.04


def test_each_permutation_differs():
    chain, rng = arrays(random_chain(4, 5)), np.random.default_rng(0)
    assert not np.array_equal(permuted(chain, rng), permuted(chain, rng))


def test_layers_are_counted_from_the_inputs():
    sizes = layer_sizes(random_chain(3, 1, 2, stack=(4,)))
    assert sizes == [3, 1, 2]
    assert layer_of(sizes).tolist() == [0, 0, 0, 1, 2, 2]


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 1 .* has 3 columns but matrix 2 has 4 rows"):
        layer_sizes([np.ones((1, 2)), np.ones((2, 3)), np.ones((4, 2))])
