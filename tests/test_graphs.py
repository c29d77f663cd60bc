"""A chain's neuron graph entry by entry, and what its null models and pruning keep."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import NONZERO, blocks, chains, random_chain

from modlib.graphs import (
    arrays_of,
    balanced,
    by_community,
    community_order,
    layer_of,
    layer_sizes,
    neuron_graph,
    permuted,
    pruned,
)


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


def heavy_tailed(*shape, seed=0, share=1.0):
    """Weights as of a trained network: of random size over decades, a share of them not zero."""
    rng = np.random.default_rng(seed)
    W = rng.lognormal(sigma=2, size=shape) * rng.choice([-1, 1], size=shape)
    return W * (rng.random(shape) < share)


def strengths(W):
    return np.abs(W).sum(0), np.abs(W).sum(1)


@given(chains(depth=2, entries=NONZERO), st.integers(0, 9))
def test_balancing_keeps_the_strength_of_each_neuron_towards_each_side(chain, seed):
    chain = arrays(chain)
    before = [W.copy() for W in chain]
    after = balanced(chain, np.random.default_rng(seed))
    for W, B, original in zip(chain, after, before, strict=True):
        assert B.shape == W.shape
        assert (B > 0).all()
        for kept, given_ in zip(strengths(B), strengths(W), strict=True):
            assert kept == pytest.approx(given_, rel=1e-6)
        assert (original == W).all()


@pytest.mark.parametrize(("share", "seed"), [(1.0, 0), (0.6, 1), (0.6, 2)])
def test_balancing_keeps_strengths_and_the_number_of_weights_of_trained_layers(share, seed):
    W = heavy_tailed(30, 40, seed=seed, share=share)
    (B,) = balanced([W], np.random.default_rng(seed))
    assert np.count_nonzero(B) == np.count_nonzero(W)
    columns, rows = strengths(B)
    assert columns == pytest.approx(strengths(W)[0], rel=1e-12)
    # the rows' turn comes before the columns', so that a small error is left in them
    assert rows == pytest.approx(strengths(W)[1], rel=1e-3)


def test_a_balanced_layer_is_the_permuted_one_times_a_factor_per_row_and_column():
    W = heavy_tailed(20, 30)
    (B,) = balanced([W], np.random.default_rng(3))
    (P,) = permuted([np.abs(W)], np.random.default_rng(3))
    # log r_i + log c_j has no interaction; with the sums this leaves one matrix alone
    factors = np.log(B / P)
    interaction = factors - factors.mean(0) - factors.mean(1)[:, None] + factors.mean()
    assert np.abs(interaction).max() < 1e-10
    assert np.ptp(factors) > 1


def test_balancing_leaves_a_layer_of_equal_weights_alone():
    W = np.where(random_chain(6, 9)[0].numpy() > 0, 0.7, -0.7)
    (B,) = balanced([W], np.random.default_rng(0))
    assert pytest.approx(0.7, rel=1e-12) == B


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(chains(depth=2, largest=5), st.integers(0, 9))
def test_balancing_leaves_silent_neurons_silent_and_all_weights_finite(dtype, chain, seed):
    chain = [W.astype(dtype) for W in arrays(chain)]
    for W, B in zip(chain, balanced(chain, np.random.default_rng(seed)), strict=True):
        assert np.isfinite(B).all()
        assert (B >= 0).all()
        assert not B[~W.any(1)].any()
        assert not B[:, ~W.any(0)].any()


def test_balancing_rewires_at_random():
    W = blocks(2, 15, depth=1)[0].numpy() + 0.01
    rng = np.random.default_rng(0)
    (first,), (second,) = balanced([W], rng), balanced([W], rng)
    assert not np.array_equal(first, second)
    # blocks hold 99 % of the weight before, and half of it, as they do of the pairs, after
    within = [B[:15, :15].sum() + B[15:, 15:].sum() for B in (W, first, second)] / W.sum()
    assert within[0] > 0.98
    assert within[1:] == pytest.approx(0.5, abs=0.1)


@given(
    st.lists(st.floats(-9, 9), min_size=24, max_size=24, unique_by=abs),
    st.sampled_from([(1, 24), (4, 6), (24, 1)]),
    st.integers(1, 24),
)
def test_pruning_leaves_the_largest_weights_of_each_layer(weights, shape, k):
    W, other = np.reshape(weights, shape), random_chain(shape[1], 24)[0].numpy()
    left, _ = pruned([W, other], k / 24)
    largest = sorted(weights, key=abs, reverse=True)[:k]
    assert left.ravel().tolist() == [w if w in largest else 0 for w in weights]
    assert W.ravel().tolist() == weights


@pytest.mark.parametrize("density", [0.1, 0.25, 0.29, 0.3, 0.7, 0.99])
def test_pruned_layers_are_equally_dense_whatever_their_weights(density):
    chain = [*arrays(random_chain(10, 20, 5, dtype=torch.float32)), np.ones((5, 20))]
    # 0.3 * 10 and 1 - 0.3 are not exact in binary
    for W, left in zip(chain, pruned(chain, density), strict=True):
        assert np.count_nonzero(left) == round(density * W.size)
        assert left.dtype == W.dtype


@given(chains(depth=2))
def test_pruning_to_a_density_of_1_leaves_everything(chain):
    for W, left in zip(arrays(chain), pruned(arrays(chain), 1.0), strict=True):
        assert (left == W).all()


@pytest.mark.parametrize("density", [0.0, -0.1, 1.1, math.nan])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(ValueError, match=f"above 0 and at most 1, got {density}"):
        pruned([np.ones((2, 2))], density)


def test_layers_are_counted_from_the_inputs():
    sizes = layer_sizes(random_chain(3, 1, 2, stack=(4,)))
    assert sizes == [3, 1, 2]
    assert layer_of(sizes).tolist() == [0, 0, 0, 1, 2, 2]


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 1 .* has 3 columns but matrix 2 has 4 rows"):
        layer_sizes([np.ones((1, 2)), np.ones((2, 3)), np.ones((4, 2))])


def test_neurons_of_each_layer_are_sorted_by_community():
    chain = [np.array([[1.0, 2], [3, 4]]), np.array([[5.0], [6]])]
    communities = np.array([1, 0, 1, 0, 0])
    first, second = by_community(chain, communities)
    assert first.tolist() == [[4, 3], [2, 1]]
    assert second.tolist() == [[6], [5]]
    order = community_order(chain, communities)
    assert [layer.tolist() for layer in order] == [[1, 0], [1, 0], [0]]


def test_neurons_of_one_community_stay_in_their_order():
    chain = [np.arange(100.0).reshape(50, 2)]
    (ordered,) = by_community(chain, np.arange(52) % 2)
    assert ordered[:, 0].tolist() == [*range(0, 100, 4), *range(2, 100, 4)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_arrays_of_a_chain_are_its_numbers_whatever_their_precision_and_gradient(dtype):
    W = torch.tensor([[0.5, -2.0]], dtype=dtype, requires_grad=True)
    for array in arrays_of([W, W.detach()]):
        assert array.tolist() == [[0.5, -2.0]]
        assert array.dtype == np.float64
