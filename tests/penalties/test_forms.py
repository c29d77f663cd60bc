"""Each other form of the loop term against its definition, index by index."""

from itertools import product
from math import log, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import blocks, chains, pairs_by_layer, random_chain, random_network, weights_in

from modlib import loop_penalty, walk_loop_penalty, walk_loop_sum
from modlib.penalties import forms

DECAY = 0.007


def squares(chain):
    return sum(w.item() ** 2 for W in weights_in(chain) for w in W.flatten())


def normalised(W, power=1):
    """|w|^power over the root of its row's and its column's sum; 0 without an edge."""
    A = [[abs(w) ** power for w in row] for row in W.tolist()]
    columns = [sum(column) for column in zip(*A, strict=True)]
    return [[a and a / sqrt(sum(row) * columns[j]) for j, a in enumerate(row)] for row in A]


def circuits(W, V):
    """The input, two hidden neurons and output of all loops through one hidden layer."""
    (n_in, n_hid), n_out = W.shape, V.shape[1]
    return product(range(n_in), range(n_hid), range(n_hid), range(n_out))


def through_layers(chain):
    return [pair for pairs in pairs_by_layer(chain) for pair in pairs]


def loops_by_layer(chain, power=1, retraced=False):
    def loops(W, V):
        N, M = normalised(W, power), normalised(V, power)
        return sum(
            N[i][j] * N[i][k] * M[j][o] * M[k][o]
            for i, j, k, o in circuits(W, V)
            if retraced or j != k
        )

    return [sum(loops(W, V) for W, V in pairs) for pairs in pairs_by_layer(chain)]


def chances(W):
    """Chances of a step from i up to j, and from j down to i, in proportion to weight."""
    A = W.abs().tolist()
    columns = [sum(column) for column in zip(*A, strict=True)]
    up = [[a and a / sum(row) for a in row] for row in A]
    down = [[a and a / columns[j] for j, a in enumerate(row)] for row in A]
    return up, down


def returns_along_another_neuron(chain):
    total = 0.0
    for W, V in through_layers(chain):
        (w_up, w_down), (v_up, v_down) = chances(W), chances(V)
        for i, j, k, o in circuits(W, V):
            if j != k:
                total += w_up[i][j] * v_up[j][o] * v_down[k][o] * w_down[i][k]
    return total


def printed_loops(chain):
    total = 0.0
    for W, V in through_layers(chain):
        for i, j, k, o in circuits(W, V):
            total += (W[i, j] * W[i, k] * V[j, o] * V[k, o]).item()
    return total


def quartic(chain):
    return sum(w.item() ** 4 for W in weights_in(chain) for w in W.flatten())


def n_weights(chain):
    return sum(W.numel() for W in weights_in(chain))


DEFINITIONS = {
    forms.without_decay: lambda c: -sum(loops_by_layer(c)),
    forms.with_less_decay: lambda c: DECAY / 5 * squares(c) - sum(loops_by_layer(c)),
    forms.with_more_decay: lambda c: 5 * DECAY * squares(c) - sum(loops_by_layer(c)),
    forms.of_squared_weights: lambda c: DECAY * squares(c) - sum(loops_by_layer(c, power=2)),
    forms.with_retraced: lambda c: DECAY * squares(c) - sum(loops_by_layer(c, retraced=True)),
    forms.row_stochastic: lambda c: DECAY * squares(c) - returns_along_another_neuron(c),
    forms.root: lambda c: DECAY / 4 * squares(c) - sum(sqrt(x + 1e-6) for x in loops_by_layer(c)),
    forms.logarithm: lambda c: (
        DECAY / 4 * squares(c) - sum(log(x + 1e-6) for x in loops_by_layer(c))
    ),
    forms.per_weight: lambda c: 100 * squares(c) - n_weights(c) * sum(loops_by_layer(c)),
    forms.printed_with_l2: lambda c: squares(c) - sqrt(printed_loops(c) + 1e-6),
    forms.more_quartic_decay: lambda c: 10 * quartic(c) - sqrt(abs(printed_loops(c))),
    forms.most_quartic_decay: lambda c: 100 * quartic(c) - sqrt(abs(printed_loops(c))),
}
FUNCTIONS = pytest.mark.parametrize("function", DEFINITIONS, ids=lambda f: f.__name__)


@settings(max_examples=50)
@given(st.one_of(chains(depth=3, largest=3), st.builds(random_network, st.integers(0, 10**6))))
def test_every_form_equals_its_definition(chain):
    for function, definition in DEFINITIONS.items():
        expected = definition(chain)
        # rounding of 1e-16 in a sum of loops is 1e-10 in its logarithm
        assert function(chain).item() == pytest.approx(expected, rel=1e-9, abs=1e-8), function


def test_the_default_lies_between_less_and_more_decay():
    chain = random_chain(3, 4, 5, 2)
    less, default, more = (
        function(chain)
        for function in (forms.with_less_decay, walk_loop_penalty, forms.with_more_decay)
    )
    assert less < default < more
    torch.testing.assert_close((more - default) / (default - less), torch.tensor(5.0).double())


def test_more_decay_of_the_printed_penalty_is_that_of_its_own_argument():
    chain = random_chain(3, 4, 5, 2)
    assert torch.equal(forms.more_quartic_decay(chain), loop_penalty(chain, decay=10.0))
    assert torch.equal(forms.most_quartic_decay(chain), loop_penalty(chain, decay=100.0))


@pytest.mark.parametrize(("n_blocks", "size"), [(1, 3), (3, 2), (2, 5)])
def test_in_full_blocks_of_equal_weights_all_normalisations_agree(n_blocks, size):
    chain = [0.3 * W for W in blocks(n_blocks, size, depth=3)]
    loops = walk_loop_sum(chain)
    decayed = DECAY * squares(chain)
    for function in (forms.row_stochastic, forms.of_squared_weights):
        torch.testing.assert_close(decayed - function(chain), loops)
    # the m loops in a block of m neurons that retrace their steps add 1 / m^2 each
    retraced = 2 * n_blocks / size
    torch.testing.assert_close(decayed - forms.with_retraced(chain), loops + retraced)


@FUNCTIONS
def test_gradients_agree_with_finite_differences_away_from_zero(function):
    chain = [W.requires_grad_() for W in random_chain(3, 4, 3, 2, stack=(2,))]
    assert torch.autograd.gradcheck(lambda *chain: function(chain), chain)


@FUNCTIONS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dead", [0, 1, 2])
def test_gradients_are_finite_where_neurons_have_no_weights(function, dead, dtype):
    chain = random_chain(4, 5, 5, 3, dtype=dtype)
    for W in chain:
        W[dead], W[:, dead] = 0, 0
        W.requires_grad_()
    value = function(chain)
    assert value.isfinite()
    for W, grad in zip(chain, torch.autograd.grad(value, chain), strict=True):
        assert grad.isfinite().all()
        assert (grad[W == 0] == 0).all()


@pytest.mark.parametrize("function", [forms.root, forms.logarithm])
def test_loops_that_rounding_leaves_below_zero_count_as_none(function):
    rng = torch.Generator().manual_seed(0)
    for _ in range(50):
        # one weight to a neuron: the loops all retrace their steps
        chain = [torch.diag(0.1 + torch.rand(12, generator=rng)).requires_grad_() for _ in "123"]
        value = function(chain)
        assert value.isfinite()
        assert all(grad.isfinite().all() for grad in torch.autograd.grad(value, chain))


@FUNCTIONS
def test_a_stack_gives_what_its_networks_give_alone(function):
    chain = random_chain(3, 4, 5, 2, stack=(2, 3))
    together = function(chain)
    assert together.shape == (2, 3)
    for index in product(range(2), range(3)):
        torch.testing.assert_close(together[index], function([W[index] for W in chain]))


@FUNCTIONS
def test_a_network_without_a_hidden_layer_has_no_loops(function):
    with pytest.raises(ValueError, match="two weight matrices or more, got 1"):
        function([torch.ones(2, 3)])


@given(chains(depth=3, largest=3))
def test_walks_that_return_along_another_hidden_neuron(chain):
    expected = returns_along_another_neuron(chain)
    assert forms.walk_return_sum(chain).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert walk_loop_sum(chain).item() <= expected + 1e-12


@pytest.mark.parametrize(("n_in", "n_hid"), [(1, 4), (4, 3), (2, 2)])
def test_both_walk_loops_agree_where_a_neuron_gives_what_it_gets(n_in, n_hid):
    (W,) = random_chain(n_in, n_hid)
    found = forms.walk_return_sum([W, W.T]).item()
    assert found == pytest.approx(walk_loop_sum([W, W.T]).item(), abs=1e-12)
