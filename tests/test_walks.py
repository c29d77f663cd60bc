"""Walk loops against their definition, with every degree and index spelled out."""

import math
from itertools import chain as chained
from itertools import pairwise, product
from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    NONZERO,
    blocks,
    chains,
    pairs_by_layer,
    random_chain,
    random_network,
    weights_in,
    with_weights,
)

from modlib import Connection, Network, relative_loops, walk_loop_penalty, walk_loop_sum
from modlib.walks import normalised


def step_probabilities(W):
    """Chances of stepping forward from i to j, and back from j to i; 0 without an edge."""
    A = W.abs().tolist()
    rows, columns = [sum(row) for row in A], [sum(column) for column in zip(*A, strict=True)]
    forward = [[a and a / rows[i] for a in row] for i, row in enumerate(A)]
    back = [[a and a / columns[j] for j, a in enumerate(row)] for row in A]
    return forward, back


def definition(chain):
    total = 0.0
    for W, V in chained.from_iterable(pairs_by_layer(chain)):
        (n_in, n_hid), n_out = W.shape, V.shape[1]
        (wf, wb), (vf, vb) = step_probabilities(W), step_probabilities(V)
        indices = product(range(n_in), range(n_hid), range(n_hid), range(n_out))
        for i, j, k, l in indices:  # noqa: E741  the paper's names
            if j != k:
                via_j = wf[i][j] * wb[i][j] * vf[j][l] * vb[j][l]
                via_k = wf[i][k] * wb[i][k] * vf[k][l] * vb[k][l]
                total += sqrt(via_j * via_k)
    return total


@given(st.one_of(chains(depth=3, largest=3), st.builds(random_network, st.integers(0, 10**6))))
def test_walk_loops_equal_their_definition(chain):
    # the roots are rounded
    assert walk_loop_sum(chain).item() == pytest.approx(definition(chain), abs=1e-12)


@given(chains())
def test_squared_entries_are_the_chances_of_a_step_and_its_return(pair):
    W = pair[0]
    forward, back = (torch.tensor(p, dtype=torch.float64) for p in step_probabilities(W))
    torch.testing.assert_close(normalised(W).square(), forward * back, atol=1e-14, rtol=0)


@given(chains(depth=3), st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3))
def test_the_scale_and_sign_of_a_layer_do_not_matter(chain, scales):
    scaled = [-scale * W for W, scale in zip(chain, scales, strict=True)]
    torch.testing.assert_close(walk_loop_sum(scaled), walk_loop_sum(chain), atol=1e-12, rtol=0)


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize(("n_blocks", "size"), [(1, 2), (1, 6), (3, 2), (2, 5)])
def test_b_full_blocks_of_m_neurons_give_b_times_1_minus_1_over_m_per_layer(n_blocks, size, depth):
    expected = (depth - 1) * n_blocks * (1 - 1 / size)
    chain = [0.3 * W for W in blocks(n_blocks, size, depth)]
    assert walk_loop_sum(chain).item() == pytest.approx(expected, rel=1e-12)


def test_a_perfect_matching_closes_no_loops():
    chain = [
        torch.eye(5, dtype=torch.float64)[order] for order in ([2, 0, 1, 4, 3], [4, 3, 2, 1, 0])
    ]
    assert walk_loop_sum(chain) == 0


@given(chains(), st.randoms())
def test_hidden_units_have_no_order(pair, random):
    W, V = pair
    order = random.sample(range(len(V)), k=len(V))
    torch.testing.assert_close(
        walk_loop_sum([W[:, order], V[order]]), walk_loop_sum([W, V]), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("stack", [(3,), (2, 3)])
@pytest.mark.parametrize("function", [walk_loop_sum, walk_loop_penalty])
def test_a_stack_gives_what_its_networks_give_alone(function, stack):
    chain = random_chain(3, 4, 5, 2, stack=stack)
    together = function(chain)
    assert together.shape == stack
    for index in product(*map(range, stack)):
        torch.testing.assert_close(together[index], function([W[index] for W in chain]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_neuron_without_weights_counts_for_nothing(dtype):
    W, V = random_chain(4, 5, 3, dtype=dtype)
    W[:, 2], V[2] = 0, 0
    W.requires_grad_()
    V.requires_grad_()
    kept = [0, 1, 3, 4]
    loops = walk_loop_sum([W, V])
    torch.testing.assert_close(loops, walk_loop_sum([W[:, kept], V[kept]]))
    grads = torch.autograd.grad(loops, [W, V])
    expected = torch.autograd.grad(walk_loop_sum([W[:, kept], V[kept]]), [W, V])
    for grad, without in zip(grads, expected, strict=True):
        torch.testing.assert_close(grad, without)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e15])
@pytest.mark.parametrize("function", [walk_loop_sum, walk_loop_penalty])
def test_values_and_gradients_are_finite_for_weights_of_any_size(function, scale, dtype):
    chain = [(scale * W).requires_grad_() for W in random_chain(3, 4, 2, stack=(2,), dtype=dtype)]
    value = function(chain)
    assert value.isfinite().all()
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(value.sum(), chain))
    if scale == 0:
        assert (value == 0).all()


def squares(chain):
    return sum(w.item() ** 2 for W in chain for w in W.flatten())


def test_gradients_of_a_network_agree_with_finite_differences():
    network = random_network()
    weights = [W.requires_grad_() for W in weights_in(network)]
    assert torch.autograd.gradcheck(
        lambda *weights: walk_loop_penalty(with_weights(network, weights), 2.0), weights
    )


@pytest.mark.parametrize("function", [walk_loop_sum, walk_loop_penalty])
@pytest.mark.parametrize("stack", [(), (3,)])
def test_a_chain_as_a_network_is_the_chain(function, stack):
    chain = random_chain(3, 4, 5, 2, stack=stack, dtype=torch.float32)
    chain = [W.mT.contiguous().mT for W in chain]  # as weights of a model lie in memory
    assert torch.equal(function(Network.from_chain(chain)), function(chain))


@given(chains(depth=3, entries=NONZERO, largest=3), st.integers(0, 5))
def test_penalty_rewards_loops_and_decays_squares(chain, decay):
    expected = -definition(chain) + decay * squares(chain)
    assert walk_loop_penalty(chain, float(decay)).item() == pytest.approx(expected, abs=1e-9)


def test_the_decay_is_7_in_1000_unless_another_is_given():
    chain = random_chain(3, 4, 5, 2)
    expected = -definition(chain) + 0.007 * squares(chain)
    assert walk_loop_penalty(chain).item() == pytest.approx(expected, rel=1e-12)


def test_without_decay_the_penalty_is_the_loops_alone():
    chain = random_chain(3, 4, 5, 2)
    assert torch.equal(walk_loop_penalty(chain, decay=0.0), -walk_loop_sum(chain))


@pytest.mark.parametrize("sizes", [(8, 12, 2), (3, 5, 4, 6)])
def test_no_layer_of_n_neurons_has_more_than_a_quarter_of_n_loops(sizes):
    for seed in range(5):
        assert walk_loop_sum(random_chain(*sizes, seed=seed)) < sum(sizes[1:-1]) / 4
    # blocks of two neurons have as many
    assert walk_loop_sum(blocks(3, 2)).item() == pytest.approx(6 / 4)


@settings(max_examples=25)
@given(chains(depth=2, entries=NONZERO, largest=3))
def test_gradients_agree_with_finite_differences_away_from_zero(chain):
    chain = [W.requires_grad_() for W in chain]
    assert torch.autograd.gradcheck(lambda *chain: walk_loop_penalty(chain, decay=2.0), chain)


@pytest.mark.parametrize("function", [walk_loop_sum, walk_loop_penalty])
def test_a_network_without_a_hidden_layer_has_no_loops(function):
    with pytest.raises(ValueError, match="two weight matrices or more, got 1"):
        function([torch.ones(2, 3)])


@pytest.mark.parametrize("decay", [-0.5, math.nan, math.inf])
def test_a_decay_that_is_negative_or_not_finite_is_refused(decay):
    with pytest.raises(ValueError, match=f"needs a finite decay >= 0, got {decay}"):
        walk_loop_penalty(random_chain(2, 3, 2), decay=decay)


def loops_through(chain):
    """Return, matrix by matrix, the sum over the loops that each connection is part of."""
    steps = [normalised(W).tolist() for W in chain]
    through = [torch.zeros_like(W) for W in chain]
    for depth, (W, V) in enumerate(pairwise(steps)):
        ends = product(range(len(W)), range(len(V)), range(len(V)), range(len(V[0])))
        for i, j, k, l in ends:  # noqa: E741  the paper's names
            if j != k:
                loop = W[i][j] * W[i][k] * V[j][l] * V[k][l]
                for place, of in ((0, (i, j)), (0, (i, k)), (1, (j, l)), (1, (k, l))):
                    through[depth + place][of] += loop
    return through


@given(chains(depth=3, largest=3))
def test_relative_loops_are_shares_of_loops_over_shares_of_weight(chain):
    for W, ratio, through in zip(chain, relative_loops(chain), loops_through(chain), strict=True):
        weight = W.abs()
        if through.sum() < 1e-6:
            assert torch.equal(ratio, torch.ones_like(W))
            continue
        expected = through / through.sum()
        torch.testing.assert_close(ratio * weight / weight.sum(), expected, atol=1e-9, rtol=0)
        assert not ratio[weight == 0].any()


def test_relative_loops_know_nothing_of_scale_and_leave_weights_without_loops():
    W, V = random_chain(3, 4, 2)
    for a, b in zip(relative_loops([W, V]), relative_loops([5 * W, V / 3]), strict=True):
        torch.testing.assert_close(a, b)
    past = Connection("past", "0", "2", torch.ones(3, 2))
    line = Network.from_chain([W, V])
    found = relative_loops(line._replace(connections=[*line.connections, past]))
    assert torch.equal(found[2], torch.ones(3, 2))
    assert not any(ratio.requires_grad for ratio in found)
