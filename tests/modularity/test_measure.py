"""Modularity of layered networks: its definition, what was planted, what must not matter."""

import importlib
import math
import threading
from itertools import pairwise

import numpy as np
import pytest
import searches
import torch
from hypothesis import given
from sklearn.metrics import adjusted_rand_score
from strategies import blocks, chains, random_chain

from modlib import modularity
from modlib.modularity.gauge import balanced, chained
from modlib.modularity.nulls import same_strengths
from modlib.network.connections import Connection, Network

MEASURE = importlib.import_module("modlib.modularity.measure")
QUICK = {"nulls": 3, "restarts": 2}


def layers_of(chain, labels):
    sizes = [len(chain[0]), *(W.shape[1] for W in chain)]
    return np.split(np.asarray(labels), np.cumsum(sizes)[:-1])


def by_definition(chain, labels):
    """Q and what is attainable, sum by sum."""
    q = attainable = 0.0
    for W, (here, there) in zip(chain, pairwise(layers_of(chain, labels)), strict=True):
        A = np.abs(np.asarray(W))
        m, r, c = A.sum(), A.sum(1), A.sum(0)
        if m == 0:
            continue
        attainable += 1
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                if here[i] == there[j]:
                    q += A[i, j] / m - r[i] * c[j] / m**2
                    attainable -= r[i] * c[j] / m**2
    return q / len(chain), attainable / len(chain)


@given(chains(depth=3))
def test_q_and_share_are_those_of_the_communities_returned(chain):
    with searches.brief():
        found = modularity(chain, **QUICK)
    gauged = [W[0] for W in balanced([W[None] for W in chain], chained(3))]
    q, attainable = by_definition(gauged, found.communities)
    assert found.q == pytest.approx(q, abs=1e-9)
    assert found.excess == found.q - found.null_mean
    room = found.null_mean if found.excess < 0 else attainable - found.null_mean
    expected = found.excess / room if room > 1e-8 else 0
    assert found.share == pytest.approx(expected, abs=1e-4)
    assert -1 <= found.share <= 1 + 1e-9


def test_a_network_less_modular_than_its_nulls_lacks_a_share_of_their_q():
    # one hidden neuron joins all of them: Q is 0, and permuted weights fall apart
    star = [np.zeros((6, 6)), np.zeros((6, 6))]
    star[0][:, 0] = star[1][0] = 1
    star[0][0, 1:] = star[1][1:, 0] = 1e-3
    found = modularity(star, nulls=10)
    assert found.excess < -0.1
    assert found.share == pytest.approx(found.excess / found.null_mean)
    assert -1 <= found.share < -0.5


@pytest.mark.parametrize("n_blocks", [2, 5])
def test_b_disconnected_blocks_have_a_q_of_1_minus_1_over_b_and_all_that_is_attainable(n_blocks):
    found = modularity(blocks(n_blocks, 3), **QUICK)
    assert found.q == pytest.approx(1 - 1 / n_blocks, abs=1e-9)
    assert found.share == pytest.approx(1, abs=1e-9)
    assert found.communities.tolist() == np.tile(np.repeat(range(n_blocks), 3), 3).tolist()


def test_blocks_of_unequal_sizes_have_one_less_the_sum_of_squares_of_their_shares():
    sizes = [2, 3, 5]
    block = torch.block_diag(*[torch.ones(n, n) for n in sizes])
    shares = np.square(sizes) / np.square(sizes).sum()
    found = modularity([block, block], **QUICK)
    assert found.q == pytest.approx(1 - np.square(shares).sum(), abs=1e-9)


def planted(depth, width=32, ratio=3, seed=0):
    """Two modules through all layers: weights within are so many times as large."""
    rng, module = np.random.default_rng(seed), np.arange(width) // (width // 2)
    same = np.where(module[:, None] == module, ratio, 1)
    return [np.abs(rng.standard_normal((width, width))) * same for _ in range(depth)], module


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 12])
def test_modules_that_run_through_all_layers_are_found_at_any_depth(depth):
    chain, module = planted(depth)
    found = modularity(chain, nulls=5)
    assert adjusted_rand_score(np.tile(module, depth + 1), found.communities) == 1
    assert 0.08 < found.excess < 0.2
    assert found.share > 0.25


def test_one_module_and_equal_weights_have_no_modularity():
    found = modularity([np.ones((3, 4)), np.ones((4, 2))], **QUICK)
    assert found.q == found.null_mean == pytest.approx(0, abs=1e-12)
    assert found.excess == found.null_std == found.share == pytest.approx(0, abs=1e-12)


def test_random_weights_have_as_much_as_their_nulls():
    found = modularity(random_chain(40, 40, 40, stack=(4,)), nulls=10)
    assert np.abs(found.excess).max() < 0.01
    assert np.abs(found.share).max() < 0.02


def test_networks_without_weights_have_no_modularity():
    found = modularity([np.zeros((2, 3)), np.zeros((3, 1))], **QUICK)
    assert found.q == found.null_mean == found.excess == found.share == 0
    assert found.communities.tolist() == list(range(6))


# what must not matter


def test_the_order_of_neurons_does_not_matter():
    chain, module = planted(3, width=16)
    rng = np.random.default_rng(1)
    orders = [rng.permutation(16) for _ in range(4)]
    shuffled = [W[np.ix_(a, b)] for W, (a, b) in zip(chain, pairwise(orders), strict=True)]
    first, second = modularity(chain, nulls=20), modularity(shuffled, nulls=20)
    assert second.q == pytest.approx(first.q, abs=1e-12)
    assert second.excess == pytest.approx(first.excess, abs=0.01)
    expected = np.concatenate([module[order] for order in orders])
    assert adjusted_rand_score(expected, second.communities) == 1


@pytest.mark.parametrize("scales", [(-4, 0.25), (1e-30, 1e20), (7.3, 1)])
def test_the_scale_and_signs_of_matrices_do_not_matter(scales):
    chain = random_chain(8, 10, 6)
    first = modularity(chain, **QUICK)
    scaled = modularity([W * scale for W, scale in zip(chain, scales, strict=True)], **QUICK)
    for a, b in zip(first, scaled, strict=True):
        assert np.allclose(a, b, atol=1e-9)


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_rescaling_rectified_neurons_does_not_matter(spread):
    W, V, U = random_chain(16, 20, 18, 6)
    torch.manual_seed(0)
    a, b = (torch.randn(n).double().mul(spread).exp() for n in (20, 18))
    rescaled = [W * a, V / a[:, None] * b, U / b[:, None]]
    x = torch.randn(5, 16).double()
    outputs = [((x @ c[0]).relu() @ c[1]).relu() @ c[2] for c in ([W, V, U], rescaled)]
    assert torch.allclose(*outputs)
    first, second = modularity([W, V, U], nulls=20), modularity(rescaled, nulls=20)
    # the searches see weights that differ in the tenth digit, and may end elsewhere
    assert second.q == pytest.approx(first.q, abs=3e-3)
    assert second.excess == pytest.approx(first.excess, abs=5e-3)


def test_rescaling_does_not_matter_to_any_digit_where_the_search_finds_the_best():
    chain, _ = planted(2, width=8)
    factors = torch.tensor([1e-3, 1, 20, 1, 0.3, 5, 7, 1e4]).double().numpy()
    rescaled = [chain[0] * factors, chain[1] / factors[:, None]]
    first, second = modularity(chain, nulls=3), modularity(rescaled, nulls=3)
    assert all(np.allclose(a, b, atol=1e-9) for a, b in zip(first, second, strict=True))


def test_dead_neurons_change_nothing_but_the_number_of_communities():
    W, V, U = random_chain(6, 8, 7, 3)
    wider = [
        torch.cat([W, torch.randn(6, 3).double()], 1),  # three more that nothing leaves
        torch.cat([torch.cat([V, torch.zeros(3, 7).double()]), torch.zeros(11, 2).double()], 1),
        torch.cat([U, torch.randn(2, 3).double()]),  # two more that nothing enters
    ]
    first, second = modularity([W, V, U], nulls=10), modularity(wider, nulls=10)
    assert second.q == pytest.approx(first.q, abs=1e-9)
    assert second.excess == pytest.approx(first.excess, abs=0.01)
    assert len(set(second.communities)) == len(set(first.communities)) + 5


@pytest.mark.parametrize("dead", range(4))
def test_a_neuron_without_weight_is_a_community_of_its_own(dead):
    block = np.kron(np.eye(2), np.ones((2, 2)))
    first = block.copy()
    first[dead] = 0.0
    communities = modularity([first, block], nulls=2).communities.tolist()
    assert communities.count(communities[dead]) == 1
    assert len(set(communities)) == 3


@pytest.mark.parametrize("stack", [(3,), (2, 2)])
def test_a_network_in_a_stack_gets_the_answer_that_it_gets_alone(stack):
    chain = random_chain(5, 6, 4, stack=stack)
    together = modularity(chain, **QUICK)
    assert together.q.shape == stack
    assert together.communities.shape == (*stack, 15)
    for index in np.ndindex(stack):
        alone = modularity([W[index] for W in chain], **QUICK)
        for a, b in zip(together, alone, strict=True):
            assert np.allclose(a[index], b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seeds", [(7, 0, 7), np.array([[4, 3], [2, 1]])])
def test_seeds_may_be_given_for_each_network(seeds):
    stack = np.shape(seeds)
    chain = random_chain(5, 6, 4, stack=stack)
    together = modularity(chain, **QUICK, seed=seeds)
    for index in np.ndindex(stack):
        seed = int(np.array(seeds)[index])
        alone = modularity([W[index] for W in chain], **QUICK, seed=seed)
        for a, b in zip(together, alone, strict=True):
            assert np.allclose(a[index], b, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_measure_and_another_other_nulls():
    chain = random_chain(8, 10, 6)
    first, again, other = (modularity(chain, **QUICK, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.null_mean != other.null_mean


def test_a_duplicated_network_has_the_same_measure_each_time():
    chain = [W.expand(3, -1, -1) for W in random_chain(8, 10, 6)]
    found = modularity(chain, **QUICK)
    assert found.null_mean[0] == found.null_mean[1] == found.null_mean[2]
    assert (found.communities == found.communities[0]).all()
    assert modularity(chain, **QUICK, seed=[5, 6, 5]).null_mean[1] != found.null_mean[1]


# nulls


def test_nulls_are_those_that_are_asked_for():
    chain, drawn = random_chain(8, 10, 6), []

    def null(weights, generator):
        drawn.append(same_strengths(weights, generator))
        return drawn[-1]

    found = modularity(chain, **QUICK, seed=4, null=null)
    q = np.array([modularity(weights, **QUICK, seed=4).q for weights in drawn])
    assert len(q) == len(np.unique(q)) == QUICK["nulls"]
    assert found.null_mean == pytest.approx(q.mean(), abs=1e-9)
    assert found.null_std == pytest.approx(q.std(), abs=1e-9)
    assert found.q == modularity(chain, **QUICK, seed=4).q


def test_over_nulls_that_keep_strengths_modules_are_an_excess_and_strong_neurons_are_none():
    chain, _ = planted(2)
    assert modularity(chain, **QUICK, null=same_strengths).excess > 0.1
    # every tenth input is ten times as strong: no module, but permuting spreads it
    loud = np.where(np.arange(40) % 10 == 0, 10, 1)[:, None]
    W, V = (W.numpy() for W in random_chain(40, 40, 40))
    assert modularity([W * loud, V], nulls=10).excess < -0.02
    assert abs(modularity([W * loud, V], nulls=10, null=same_strengths).excess) < 0.01


def test_sparsity_alone_is_no_excess():
    rng = np.random.default_rng(0)
    sparse = [W.numpy() * (rng.random(W.shape) < 0.1) for W in random_chain(40, 40, 40, 40)]
    found = modularity(sparse, nulls=10)
    assert found.q > 0.4
    assert abs(found.excess) < 0.03


# networks


def test_a_chain_is_a_network_whose_layers_form_a_line():
    chain = random_chain(8, 10, 6)
    first, second = modularity(chain, **QUICK), modularity(Network.from_chain(chain), **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_modules_of_a_network_with_skips_a_branch_and_a_loop_are_found():
    module = np.arange(12) // 6
    same = torch.as_tensor(np.where(module[:, None] == module, 4.0, 1.0))
    generator = torch.Generator().manual_seed(0)
    ends = [("x", "h"), ("h", "h"), ("h", "y"), ("x", "y"), ("h", "z")]
    connections = [
        Connection(f"{a}{b}", a, b, torch.rand(12, 12, generator=generator).double() * same)
        for a, b in ends
    ]
    found = modularity(Network(dict.fromkeys("xhyz", 12), connections, []), nulls=5)
    assert adjusted_rand_score(np.tile(module, 4), found.communities) == 1
    assert found.share > 0.3


def test_a_layer_without_a_connection_is_refused():
    lone = Network({"x": 3, "y": 2, "z": 4}, [Connection("xy", "x", "y", torch.ones(3, 2))], [])
    with pytest.raises(ValueError, match="a connection at each layer, got none at z; leave"):
        modularity(lone)


# bad input, threads, precisions


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    chain = random_chain(3, 4, 2)
    chain[1][0, 0] = bad
    with pytest.raises(ValueError, match="finite weights, got NaN or infinity in matrix 1"):
        modularity(chain)


@pytest.mark.parametrize(("nulls", "restarts"), [(1, 5), (2, 0)])
def test_too_few_nulls_or_restarts_are_refused(nulls, restarts):
    with pytest.raises(
        ValueError, match=f"nulls >= 2 and restarts >= 1, got {nulls} and {restarts}"
    ):
        modularity(random_chain(3, 4, 2), nulls=nulls, restarts=restarts)


@pytest.mark.parametrize("seed", [None, -1, 0.5, "a", [0, None]])
def test_seeds_that_are_no_whole_numbers_are_refused(seed):
    with pytest.raises(ValueError, match="whole numbers from 0 as seeds"):
        modularity(random_chain(3, 4, 2), seed=seed)


@pytest.mark.parametrize("seed", [[1], [1, 2], [[1, 2, 3]]])
def test_seeds_are_one_or_as_many_as_networks(seed):
    with pytest.raises(ValueError, match=r"one for each network of a stack of shape \(3,\), got"):
        modularity([torch.ones(3, 4, 2), torch.ones(3, 2, 2)], 2, 1, seed)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrix 0 .* has 3 columns but matrix 1 has 4 rows"):
        modularity([torch.ones(2, 3), torch.ones(4, 2)])


@pytest.mark.parametrize("first", [(2,), (3, 1), ()])
def test_matrices_of_unequal_stacks_are_refused(first):
    with pytest.raises(ValueError, match="as many networks are needed in each matrix, got leading"):
        modularity([torch.ones(*first, 3, 3), torch.ones(3, 3, 3)])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64])
def test_weights_of_any_precision_are_measured(dtype):
    chain, _ = planted(2, width=8)
    whole = [torch.as_tensor(4 * W).round().clamp_min(1).to(dtype) for W in chain]
    exact = modularity([W.double() for W in whole], **QUICK)
    found = modularity([W if dtype == torch.int64 else W.requires_grad_() for W in whole], **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(found, exact, strict=True))


@pytest.mark.parametrize("at_once", [450, 1_300, 10_000])
def test_searches_side_by_side_find_what_they_find_one_after_the_other(at_once, monkeypatch):
    monkeypatch.setattr(MEASURE, "AT_ONCE", at_once)
    chain = random_chain(20, 20, 10, stack=(3,))
    before, found = torch.get_num_threads(), {}
    for threads in (1, 4):
        torch.set_num_threads(threads)
        try:
            found[threads] = modularity(chain, **QUICK)
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(found[1], found[4], strict=True))


def test_a_batch_that_fails_is_told_and_the_number_of_threads_restored(monkeypatch):
    def failing(*_):
        raise RuntimeError("no memory")

    before = torch.get_num_threads()
    monkeypatch.setattr(MEASURE, "search", failing)
    with pytest.raises(RuntimeError, match="no memory"):
        modularity(random_chain(3, 4, 2), **QUICK)
    assert torch.get_num_threads() == before


def test_threads_answer_as_one_and_keep_their_number_of_threads():
    chain = random_chain(20, 20, 10, stack=(2,))
    alone, before, found = modularity(chain, **QUICK), torch.get_num_threads(), {}

    def measured(n):
        found[n] = modularity(chain, **QUICK)

    threads = [threading.Thread(target=measured, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for n in found for a, b in zip(found[n], alone, strict=True))
    assert torch.get_num_threads() == before
