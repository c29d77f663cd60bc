"""The paper's loops and penalty against their definitions; integers make float64 exact."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    INTEGERS,
    blocks,
    chains,
    pairs_by_layer,
    random_chain,
    random_network,
    weights_in,
    with_weights,
)

import modlib
from modlib import Network, loop_penalty, loop_sum, retraced_sum, total_loop_sum
from modlib.loops import hidden_layers


def definition(W, V, keep=lambda j, k: True):
    (n_in, n_hid), n_out = W.shape, V.shape[1]
    indices = product(range(n_in), range(n_hid), range(n_hid), range(n_out))
    # the names of the indices are the paper's
    terms = ((W[i, j] * W[i, k] * V[j, l] * V[k, l], j, k) for i, j, k, l in indices)  # noqa: E741
    return sum(term for term, j, k in terms if keep(j, k))


def parts(chain):
    """The two parts of L_reg, which is affine in its decay: square root and quartic."""
    once, twice = loop_penalty(chain, decay=1.0), loop_penalty(chain, decay=2.0)
    return twice - 2 * once, twice - once


@given(chains())
def test_loop_sum_equals_its_definition(pair):
    W, V = pair
    assert loop_sum(W, V) == definition(W, V)
    assert loop_sum(W, V) == ((W.T @ W) * (V @ V.T)).sum()


@given(chains())
def test_retraced_terms_are_those_with_j_equal_k(pair):
    assert retraced_sum(*pair) == definition(*pair, keep=lambda j, k: j == k)


@given(chains(), st.randoms())
def test_hidden_units_have_no_order(pair, random):
    W, V = pair
    order = random.sample(range(len(V)), k=len(V))
    assert loop_sum(W[:, order], V[order]) == loop_sum(W, V)
    assert retraced_sum(W[:, order], V[order]) == retraced_sum(W, V)


@given(chains(), chains())
def test_separate_modules_add_up(a, b):
    W, V = (torch.block_diag(p, q) for p, q in zip(a, b, strict=True))
    assert loop_sum(W, V) == loop_sum(*a) + loop_sum(*b)
    assert retraced_sum(W, V) == retraced_sum(*a) + retraced_sum(*b)


@given(chains(), INTEGERS, INTEGERS)
def test_loops_have_degree_two_in_each_matrix(pair, a, b):
    W, V = pair
    assert loop_sum(a * W, b * V) == a**2 * b**2 * loop_sum(W, V)


@given(chains())
def test_gradient_is_twice_w_v_v_transposed(pair):
    W, V = (x.requires_grad_() for x in pair)
    (grad,) = torch.autograd.grad(loop_sum(W, V), W)
    assert torch.equal(grad, 2 * W @ V @ V.T)


@pytest.mark.parametrize("function", [loop_sum, retraced_sum])
def test_gradients_agree_with_finite_differences(function):
    pair = [W.requires_grad_() for W in random_chain(3, 4, 2)]
    assert torch.autograd.gradcheck(function, pair)


def test_penalty_gradient_agrees_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(3, 4, 2, 3)]
    assert torch.autograd.gradcheck(lambda *chain: loop_penalty(chain, decay=0.5), chain)


@given(chains(depth=3))
def test_a_network_adds_up_its_hidden_layers(chain):
    W, V, U = chain
    assert total_loop_sum(chain) == definition(W, V) + definition(V, U)


def total_definition(network):
    return sum(definition(W, V) for layer in pairs_by_layer(network) for W, V in layer)


@given(st.integers(0, 10**6))
def test_where_layers_branch_and_merge_every_pair_through_a_layer_closes_loops(seed):
    network = random_network(seed, entries=3)
    assert total_loop_sum(network) == total_definition(network)


def test_loops_of_a_network_counted_by_hand():
    # 2 x 3 neurons, three ways through the second layer: twice itself, out of itself, into itself
    ones = [torch.ones(2, 3), torch.ones(3, 3), torch.ones(3, 1)]
    ends = [("x", "h"), ("h", "h"), ("h", "y")]
    connections = [
        modlib.Connection(f"{a}{b}", a, b, W) for (a, b), W in zip(ends, ones, strict=True)
    ]
    network = Network({"x": 2, "h": 3, "y": 1}, connections, [])
    # j and k are any of three, i any of 2 + 3 and l any of 3 + 1
    assert total_loop_sum(network) == 3 * 3 * (2 + 3) * (3 + 1)


def test_networks_in_a_stack_have_the_loops_of_each_where_layers_branch():
    alone = [random_network(seed) for seed in (0, 1)]
    weights = zip(*(network.connections for network in alone), strict=True)
    stacked = [
        modlib.Connection(one.name, one.source, one.target, torch.stack([one.weight, other.weight]))
        for one, other in weights
    ]
    counted = total_loop_sum(Network(alone[0].sizes, stacked, []))
    torch.testing.assert_close(counted, torch.stack([total_loop_sum(one) for one in alone]))


def test_a_layer_takes_one_product_however_many_connections_meet_in_it():
    network = random_network()
    shapes = [(tuple(W.shape), tuple(V.shape)) for W, V in hidden_layers(network)]
    # a: from x, to c and y; b: from x and b, to c and b; c: from a, b and x, to y
    assert shapes == [((3, 2), (2, 5)), ((7, 4), (4, 7)), ((9, 3), (3, 2))]


def test_penalty_gradient_of_a_network_agrees_with_finite_differences():
    network = random_network()
    weights = [W.requires_grad_() for W in weights_in(network)]
    assert torch.autograd.gradcheck(
        lambda *weights: loop_penalty(with_weights(network, weights), 0.5), weights
    )


@pytest.mark.parametrize("function", [total_loop_sum, loop_penalty])
@pytest.mark.parametrize("stack", [(), (3,)])
def test_a_chain_as_a_network_is_the_chain(function, stack):
    chain = random_chain(3, 4, 5, 2, stack=stack, dtype=torch.float32)
    chain = [W.mT.contiguous().mT for W in chain]  # as weights of a model lie in memory
    assert torch.equal(function(Network.from_chain(chain)), function(chain))


@given(st.one_of(chains(depth=3), st.builds(random_network, st.integers(0, 99), st.just(2))),
       st.integers(1, 5))  # fmt: skip
def test_penalty_equals_its_definition(chain, decay):
    loops = total_definition(chain)
    quartic = sum(w**4 for W in weights_in(chain) for w in W.flatten())
    expected = -math.sqrt(loops) + decay * quartic
    # the sum of squares is exact, its root is rounded
    assert loop_penalty(chain, float(decay)).item() == pytest.approx(float(expected), rel=1e-14)


@given(chains(depth=3))
def test_reward_has_degree_two_and_decay_four(chain):
    root, quartic = parts(chain)
    scaled_root, scaled_quartic = parts([3 * W for W in chain])
    assert scaled_root.item() == pytest.approx(9 * root.item(), abs=1e-8)
    assert scaled_quartic.item() == pytest.approx(81 * quartic.item(), abs=1e-8)


@pytest.mark.parametrize("stack", [(3,), (2, 3)])
@pytest.mark.parametrize("function", [total_loop_sum, loop_penalty])
def test_a_stack_gives_what_its_networks_give_alone(function, stack):
    chain = random_chain(3, 4, 5, 2, stack=stack)
    together = function(chain)
    assert together.shape == stack
    for index in product(*map(range, stack)):
        # batched products may add up in another order
        torch.testing.assert_close(together[index], function([W[index] for W in chain]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_weights_the_penalty_and_its_gradient_are_zero(dtype):
    chain = random_chain(3, 4, 2, stack=(2,), dtype=dtype)
    for W in chain:
        W[0] = 0
        W.requires_grad_()
    penalty = loop_penalty(chain)
    penalty.sum().backward()
    assert penalty[0] == 0
    for W in chain:
        assert torch.equal(W.grad[0], torch.zeros_like(W[0]))
        assert W.grad[1].isfinite().all()
        assert (W.grad[1] != 0).any()


@given(st.integers(0, 100))
def test_one_clique_bounds_the_loops_from_above(seed):
    W, V = random_chain(3, 5, 4, seed=seed)
    frobenius = W.norm() * V.norm()
    quartic = (W.numel() * V.numel()) ** 0.25 * (W.norm(p=4) * V.norm(p=4))
    assert loop_sum(W, V).sqrt() < frobenius < quartic


@given(*[st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=4)] * 3)
def test_aligned_matrices_of_rank_one_and_equal_size_reach_the_bound(inputs, hidden, outputs):
    s, t, u = (torch.tensor(signs, dtype=torch.float64) for signs in (inputs, hidden, outputs))
    W, V = 2 * torch.outer(s, t), 2 * torch.outer(t, u)
    bound = (W.numel() * V.numel()) ** 0.25 * (W.norm(p=4) * V.norm(p=4))
    assert loop_sum(W, V).sqrt().item() == pytest.approx(bound.item(), rel=1e-12)


@pytest.mark.parametrize("decay", [0.25, 1.0])
@pytest.mark.parametrize("n_blocks", [1, 2, 3, 4])
def test_the_best_k_equal_blocks_score_one_kth_squared_of_one_dense_block(n_blocks, decay):
    # K blocks of m = n / K with weights a: -sqrt(K) m^2 a^2 + 2 C K m^2 a^4, which is
    # least at a^2 = 1 / (4 C sqrt(K)), where it is -m^2 / 8 C = -(n / K)^2 / 8 C
    n = 12
    pattern = blocks(n_blocks, n // n_blocks)
    best = (4 * decay * math.sqrt(n_blocks)) ** -0.5
    at = {s: loop_penalty([s * best * W for W in pattern], decay).item() for s in (0.9, 1.0, 1.1)}
    assert at[1.0] == pytest.approx(-(n**2) / (8 * decay * n_blocks**2), rel=1e-12)
    assert at[1.0] < min(at[0.9], at[1.1])
    chain = [(best * W).requires_grad_() for W in pattern]
    for grad in torch.autograd.grad(loop_penalty(chain, decay), chain):
        torch.testing.assert_close(grad, torch.zeros_like(grad), atol=1e-12, rtol=0)


@pytest.mark.parametrize("function", [total_loop_sum, loop_penalty])
def test_a_network_without_a_hidden_layer_has_no_loops(function):
    with pytest.raises(ValueError, match="two weight matrices or more, got 1"):
        function([torch.zeros(2, 3)])
    apart = [modlib.Connection(f"x{y}", "x", y, torch.zeros(2, 3)) for y in "yz"]
    with pytest.raises(ValueError, match="got 2: a network without a hidden layer closes none"):
        function(Network({"x": 2, "y": 3, "z": 3}, apart, []))


@pytest.mark.parametrize("decay", [0.0, -1.0, math.nan, math.inf])
def test_a_penalty_without_decay_is_refused(decay):
    with pytest.raises(ValueError, match=f"needs a finite decay > 0, got {decay}"):
        loop_penalty(random_chain(2, 3, 2), decay)
