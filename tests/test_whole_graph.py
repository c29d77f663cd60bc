"""Newman's Q of the whole graph: searches against networkx and what was planted; its nulls."""

import math

import networkit as nk
import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from strategies import NONZERO, blocks, chains, random_chain

from modlib.graphs import neuron_graph, newman_q
from modlib.whole_graph import balanced, find_communities, newman_modularity, permuted

QUICK = {"nulls": 3, "restarts": 2}


def arrays(chain):
    return [W.numpy() for W in chain]


@pytest.mark.parametrize("n_blocks", [2, 5])
def test_b_disconnected_blocks_have_a_q_of_1_minus_1_over_b(n_blocks):
    found = newman_modularity(blocks(n_blocks, 3), **QUICK)
    assert found.q == pytest.approx(1 - 1 / n_blocks, abs=1e-12)
    assert found.communities.tolist() == np.tile(np.repeat(range(n_blocks), 3), 3).tolist()


def planted(n_blocks, size, noise, seed):
    """A chain of blocks of weights about 1 on a floor of noise, and each neuron's block."""
    rng = np.random.default_rng(seed)
    mask = np.kron(np.eye(n_blocks), np.ones((size, size)))
    chain = [
        mask * rng.uniform(0.5, 1.5, mask.shape) + noise * rng.random(mask.shape) for _ in "12"
    ]
    return chain, np.tile(np.repeat(np.arange(n_blocks), size), 3)


@pytest.mark.parametrize("seed", range(3))
def test_planted_communities_are_found(seed):
    chain, truth = planted(4, 6, noise=0.1, seed=seed)
    order = np.random.default_rng(seed).permutation(24)
    # rewired so that a community is no contiguous range
    shuffled = [W[np.ix_(order, order)] for W in chain]
    expected = np.concatenate([layer[order] for layer in np.split(truth, 3)])
    found = find_communities(neuron_graph(shuffled))
    assert adjusted_rand_score(expected, found) == 1
    assert list(dict.fromkeys(found.tolist())) == [0, 1, 2, 3]


def test_searches_are_as_good_as_networkx_louvain_on_average():
    ours, theirs = [], []
    for seed in range(6):
        graph = nx.gnp_random_graph(40, 0.12, seed=seed)
        A = nx.to_scipy_sparse_array(graph, dtype=float)
        ours.append(newman_q(A, find_communities(A, restarts=3, seed=seed)))
        found = [nx.community.louvain_communities(graph, seed=10 * seed + i) for i in range(3)]
        theirs.append(max(nx.community.modularity(graph, parts) for parts in found))
    assert np.mean(ours) >= np.mean(theirs) - 1e-12


def test_more_restarts_never_find_less_where_the_searches_are_the_same():
    A = neuron_graph([W.numpy() for W in random_chain(20, 20, 20)])
    # the searches of seed 0 with more restarts include those with fewer
    q = [newman_q(A, find_communities(A, restarts, seed=0)) for restarts in (1, 4, 16)]
    assert q == sorted(q)
    assert q[0] < q[-1]


@pytest.fixture
def two_threads():
    before = nk.getMaxNumberOfThreads()
    nk.setNumberOfThreads(2)
    yield
    nk.setNumberOfThreads(before)


def test_a_search_gives_the_same_answer_on_any_number_of_threads(two_threads):
    A = neuron_graph([W.numpy() for W in random_chain(20, 30, 20)])
    first = find_communities(A, restarts=1)
    assert nk.getMaxNumberOfThreads() == 2
    nk.setNumberOfThreads(1)
    for _ in range(5):
        assert np.array_equal(find_communities(A, restarts=1), first)


def test_the_same_seed_gives_the_same_measure_and_another_other_nulls():
    chain = random_chain(8, 10, 6)
    first, again, other = (newman_modularity(chain, **QUICK, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.null_mean != other.null_mean


def test_the_scale_and_signs_of_weights_do_not_matter():
    chain = random_chain(8, 10, 6)
    first, scaled = (
        newman_modularity(chain, **QUICK),
        newman_modularity([-4 * W for W in chain], **QUICK),
    )
    # powers of two scale without rounding
    assert all(np.array_equal(a, b) for a, b in zip(first, scaled, strict=True))
    assert newman_modularity([1e-30 * W for W in chain], **QUICK).q == pytest.approx(
        first.q, rel=1e-9
    )


def test_q_is_that_of_the_communities_returned():
    chain = random_chain(8, 10, 6)
    found = newman_modularity(chain, **QUICK)
    graph = nx.from_numpy_array(neuron_graph([W.numpy() for W in chain]).toarray())
    parts = [set(np.flatnonzero(found.communities == c).tolist()) for c in set(found.communities)]
    assert found.q == pytest.approx(nx.community.modularity(graph, parts), abs=1e-12)


def test_networks_without_weights_have_no_newman_modularity():
    found = newman_modularity([np.zeros((2, 3)), np.zeros((3, 1))], **QUICK)
    assert found.q == found.null_mean == found.excess == 0
    assert math.isnan(found.z)
    assert found.communities.tolist() == list(range(6))


@pytest.mark.parametrize("stack", [(3,), (2, 2)])
def test_a_network_in_a_stack_gets_the_answer_that_it_gets_alone(stack):
    chain = random_chain(5, 6, 4, stack=stack)
    together = newman_modularity(chain, **QUICK)
    assert together.q.shape == stack
    assert together.communities.shape == (*stack, 15)
    for index in np.ndindex(stack):
        alone = newman_modularity([W[index] for W in chain], **QUICK)
        for a, b in zip(together, alone, strict=True):
            assert np.array_equal(a[index], b)


@pytest.mark.parametrize("seeds", [(7, 0, 7), np.array([[4, 3], [2, 1]])])
def test_seeds_may_be_given_for_each_network(seeds):
    stack = np.shape(seeds)
    chain = random_chain(5, 6, 4, stack=stack)
    together = newman_modularity(chain, **QUICK, seed=seeds)
    for index in np.ndindex(stack):
        seed = int(np.array(seeds)[index])
        alone = newman_modularity([W[index] for W in chain], **QUICK, seed=seed)
        for a, b in zip(together, alone, strict=True):
            assert np.array_equal(a[index], b)


def test_a_network_of_the_same_seed_gets_the_same_nulls_whatever_the_others():
    chain = [W.expand(3, -1, -1) for W in random_chain(8, 10, 6)]
    found = newman_modularity(chain, **QUICK, seed=np.array([5, 6, 5]))
    assert found.null_mean[0] == found.null_mean[2] != found.null_mean[1]


def test_nulls_are_those_that_are_asked_for():
    chain, drawn = [W.numpy() for W in random_chain(8, 10, 6)], []

    def null(given_chain, rng):
        assert all(np.array_equal(a, b) for a, b in zip(given_chain, chain, strict=True))
        drawn.append(balanced(given_chain, rng))
        return drawn[-1]

    found = newman_modularity(chain, **QUICK, seed=4, null=null)
    graphs = [neuron_graph(c) for c in drawn]
    q = [newman_q(A, find_communities(A, QUICK["restarts"], seed=4)) for A in graphs]
    assert len(q) == QUICK["nulls"]
    assert (found.null_mean, found.null_std) == (np.mean(q), np.std(q))
    assert found.null_mean == newman_modularity(chain, **QUICK, seed=4, null=balanced).null_mean
    assert found.q == newman_modularity(chain, **QUICK, seed=4).q


def test_over_balanced_nulls_blocks_are_an_excess_and_random_weights_are_none():
    blocks_and_noise, _ = planted(4, 6, noise=0.1, seed=0)
    assert newman_modularity(blocks_and_noise, **QUICK, null=balanced).excess > 0.2
    assert abs(newman_modularity(random_chain(24, 24, 24), **QUICK, null=balanced).excess) < 0.02


def test_weights_may_be_arrays_or_tensors_that_need_a_gradient():
    chain = random_chain(5, 6, 4)
    tensors = newman_modularity([W.requires_grad_() for W in chain], **QUICK)
    arrays = newman_modularity([W.detach().numpy() for W in chain], **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(tensors, arrays, strict=True))


def test_excess_and_z_are_what_they_say():
    found = newman_modularity(random_chain(8, 10, 6, stack=(2,)), nulls=4, restarts=1)
    assert np.array_equal(found.excess, found.q - found.null_mean)
    assert np.array_equal(found.z, found.excess / found.null_std)


def test_a_network_of_blocks_is_more_modular_than_its_nulls():
    chain, _ = planted(4, 6, noise=0.0, seed=0)
    found = newman_modularity(chain, **QUICK)
    assert found.excess > 0.2
    assert found.null_std > 0
    # a null keeps the sparsity, which alone gives it a Q
    assert 0.1 < found.null_mean < found.q


def test_a_network_that_permutation_leaves_alone_is_its_own_null():
    found = newman_modularity([np.ones((3, 4)), np.ones((4, 2))], **QUICK)
    assert found.q == found.null_mean
    assert found.excess == found.null_std == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    chain = random_chain(3, 4, 2)
    chain[1][0, 0] = bad
    with pytest.raises(ValueError, match="finite weights, got NaN or infinity in matrix 1"):
        newman_modularity(chain)


@pytest.mark.parametrize(("nulls", "restarts"), [(1, 5), (2, 0)])
def test_too_few_nulls_or_restarts_are_refused(nulls, restarts):
    with pytest.raises(
        ValueError, match=f"nulls >= 2 and restarts >= 1, got {nulls} and {restarts}"
    ):
        newman_modularity(random_chain(3, 4, 2), nulls=nulls, restarts=restarts)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 0 .* has 3 columns but matrix 1 has 4 rows"):
        newman_modularity([torch.ones(2, 3), torch.ones(4, 2)])


@pytest.mark.parametrize("first", [(2,), (3, 1), ()])
def test_matrices_of_unequal_stacks_are_refused(first):
    with pytest.raises(ValueError, match="as many networks in each matrix, got leading"):
        newman_modularity([torch.ones(*first, 3, 3), torch.ones(3, 3, 3)])


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
