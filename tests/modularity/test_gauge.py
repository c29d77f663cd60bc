"""The representative of all rescalings against convex optimisation, and what it leaves as it is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import chains, random_chain

from modlib.modularity import gauge
from modlib.modularity.gauge import alive, balanced, chained, levelled


def batched(chain):
    return [W[None] for W in chain]


def shares(chain):
    """Each matrix's weights as shares of its sum, which is all that modularity sees."""
    return [W / W.sum().clamp_min(1e-300) for W in chain]


def of_one(chain, ends=None):
    found = balanced(batched(chain), ends or chained(len(chain)))
    return [W[0] for W in found]


def same(first, second, rtol=1e-7):
    return all(torch.allclose(a, b, rtol=rtol) for a, b in zip(first, second, strict=True))


def least(chain):
    """The same by a general minimiser of the sum of absolute weights over log-factors."""
    sizes = [W.shape[1] for W in chain[:-1]]
    weights = [W.abs().numpy() for W in chain]

    def scaled(logs):
        factors = [np.ones(len(weights[0])), *np.split(np.exp(logs), np.cumsum(sizes)[:-1])]
        factors.append(np.ones(weights[-1].shape[1]))
        return [W / factors[n][:, None] * factors[n + 1] for n, W in enumerate(weights)]

    found = minimize(
        lambda logs: sum(W.sum() for W in scaled(logs)), np.zeros(sum(sizes)), tol=1e-14
    )
    return [torch.as_tensor(W) for W in scaled(found.x)]


@pytest.mark.parametrize("sizes", [(3, 4, 2), (2, 3, 4, 3), (5, 3, 2, 3, 2)])
def test_it_has_the_least_sum_of_weights(sizes):
    chain = random_chain(*sizes)
    found = of_one(chain)
    for ours, other in zip(shares(found), shares(least(chain)), strict=True):
        assert torch.allclose(ours, other, atol=1e-5)


def test_with_one_hidden_layer_as_much_enters_as_leaves():
    W, V = of_one(random_chain(7, 5, 3))
    assert torch.allclose(W.sum(0), V.sum(1))


def test_in_deep_networks_as_much_enters_as_leaves_but_for_a_factor_of_the_layer():
    for W, V in zip((found := of_one(random_chain(*[9] * 12))), found[1:], strict=False):
        ratio = W.sum(0) / V.sum(1)
        assert torch.allclose(ratio, ratio.mean().expand(9), rtol=1e-8)


@given(st.integers(0, 99), st.floats(0.1, 3))
def test_rescaling_hidden_neurons_changes_nothing(seed, spread):
    chain = random_chain(4, 6, 5, 3, seed=seed)
    torch.manual_seed(seed)
    factors = [torch.ones(4), *(torch.randn(n).mul(spread).exp() for n in (6, 5)), torch.ones(3)]
    rescaled = [W / factors[n][:, None] * factors[n + 1] for n, W in enumerate(chain)]
    assert same(shares(of_one(chain)), shares(of_one(rescaled)))


def test_inputs_and_outputs_keep_their_scale():
    chain = random_chain(4, 6, 3)
    louder = [chain[0] * torch.tensor([[5.0], [1], [1], [1]]), chain[1]]
    ratio = of_one(louder)[0] / of_one(chain)[0]
    assert torch.allclose(ratio[0] / ratio[1], torch.tensor(5.0).double().expand(6))
    assert same([W.abs() for W in chain[:1]], of_one(chain[:1]))  # nothing is hidden


def test_a_neuron_that_nothing_enters_or_leaves_loses_its_weights_and_so_do_those_before_it():
    W, V, U = random_chain(3, 4, 5, 2)
    U[2] = 0  # nothing leaves neuron 2 of the second hidden layer
    V[1, [0, 1, 3, 4]] = 0  # and that was all that neuron 1 of the first led to
    found = of_one([W, V, U])
    assert not found[1][:, 2].any()
    assert not found[0][:, 1].any()
    smaller = of_one([W[:, [0, 2, 3]], V[[0, 2, 3]][:, [0, 1, 3, 4]], U[[0, 1, 3, 4]]])
    assert torch.allclose(found[0][:, [0, 2, 3]], smaller[0])
    assert torch.allclose(found[1][[0, 2, 3]][:, [0, 1, 3, 4]], smaller[1])


@given(chains(depth=3, largest=4))
def test_alive_are_hidden_neurons_on_a_path_from_an_input_to_an_output(chain):
    reached = [torch.ones(len(chain[0])).double()]
    for W in chain:
        reached.append(((reached[-1] @ W.abs()) > 0).double())
    reaching = [torch.ones(chain[-1].shape[1]).double()]
    for W in reversed(chain):
        reaching.insert(0, ((W.abs() @ reaching[0]) > 0).double())
    found = alive(batched([W.abs() for W in chain]), chained(3), {0, 3})[1:-1]
    expected = [(a * b).bool() for a, b in zip(reached, reaching, strict=True)][1:-1]
    assert [layer[0].tolist() for layer in found] == [layer.tolist() for layer in expected]


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e25])
def test_whole_matrices_of_any_scale_are_set(scale):
    chain = random_chain(4, 6, 5, 3)
    assert same(shares(of_one(chain)), shares(of_one([chain[0], chain[1] * scale, chain[2]])))


def test_networks_of_a_batch_are_set_as_if_alone():
    stack = random_chain(4, 6, 5, 3, stack=(3,))
    together = balanced(stack, chained(3))
    for n in range(3):
        alone = of_one([W[n] for W in stack])
        assert all(torch.equal(W[n], A) for W, A in zip(together, alone, strict=True))


def test_two_ways_into_a_layer_are_set_together():
    W, V, U = random_chain(3, 5, 2)[0], random_chain(4, 5)[0], random_chain(5, 2)[0]
    found = of_one([W, V, U], [(0, 2), (1, 2), (2, 3)])
    assert torch.allclose(found[0].sum(0) + found[1].sum(0), found[2].sum(1))


RECURRENT, RESIDUAL = [(0, 1), (1, 1), (1, 2)], [(0, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4)]


def leading_back(seed=0):
    """A recurrent network, and a stream that two branches read and add to, with their ends."""
    recurrent = [random_chain(*sizes, seed=seed)[0] for sizes in ((3, 5), (5, 5), (5, 2))]
    sizes = (3, 4), (4, 6), (6, 4), (4, 2), (2, 4), (4, 3)
    residual = [random_chain(*each, seed=seed + n)[0] for n, each in enumerate(sizes)]
    return [(recurrent, RECURRENT), (residual, RESIDUAL)]


def one_by_one(weights, ends, hidden, times=20_000):
    """The balance by Osborne's own way: neuron after neuron, until nothing changes."""
    weights = [W.abs().numpy().copy() for W in weights]
    for _ in range(times):
        largest = 0.0
        for layer, size in hidden.items():
            for j in range(size):
                into = [W for W, (_, target) in zip(weights, ends, strict=True) if target == layer]
                out = [W for W, (source, _) in zip(weights, ends, strict=True) if source == layer]
                own = sum(
                    W[j, j] for W, end in zip(weights, ends, strict=True) if {*end} == {layer}
                )
                leaving = sum(W[j].sum() for W in out) - own
                factor = np.sqrt(leaving / (sum(W[:, j].sum() for W in into) - own))
                for W in into:
                    W[:, j] *= factor
                for W in out:
                    W[j] /= factor
                largest = max(largest, abs(np.log(factor)))
        if largest < 1e-14:
            break
    return [torch.as_tensor(W) for W in weights]


@pytest.mark.parametrize("n", [0, 1])
def test_layers_that_lead_back_to_themselves_are_balanced(n):
    weights, ends = leading_back()[n]
    expected = one_by_one(weights, ends, [{1: 5}, {1: 4, 2: 6, 3: 2}][n])
    assert same(of_one(weights, ends), expected, rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1])
def test_rescaling_neurons_of_layers_that_lead_back_changes_nothing(n):
    weights, ends = leading_back()[n]
    logs = 9 * random_chain(1 + ends[-1][1], 6)[0]
    logs[[0, -1]] = 0  # of inputs and outputs
    rescaled = [
        W * (logs[b][: W.shape[1]] - logs[a][: W.shape[0], None]).exp()
        for W, (a, b) in zip(weights, ends, strict=True)
    ]
    assert same(of_one(weights, ends), of_one(rescaled, ends), rtol=1e-8)


def test_networks_of_a_batch_that_lead_back_are_set_as_if_alone():
    stack = [random_chain(*sizes, stack=(3,))[0] for sizes in ((3, 5), (5, 5), (5, 2))]
    stack[1][1] *= 1e3
    together = balanced(stack, RECURRENT)
    for n in range(3):
        alone = of_one([W[n] for W in stack], RECURRENT)
        assert all(torch.equal(W[n], A) for W, A in zip(together, alone, strict=True))


def test_a_layer_that_mostly_leads_to_itself_is_balanced():
    block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).double()
    into, out = block.clone(), block.clone()
    into[:, :2] *= 1e-5
    out[2:] *= 1e-5
    W, R, V = of_one([into, block, out], RECURRENT)
    assert torch.allclose(W.sum(0) + R.sum(0), R.sum(1) + V.sum(1), rtol=1e-12)
    assert torch.allclose(W.sum(0), V.sum(1), rtol=1e-4)


def test_of_a_group_that_nothing_follows_the_first_layer_keeps_its_scale():
    """States that are outputs cannot be rescaled, nor such a stream; what a branch holds can."""
    W, R, _ = leading_back()[0][0]
    assert same(of_one([W, R], RECURRENT[:2]), [W.abs(), R.abs()])
    (*weights, _), ends = leading_back()[1]
    expected = one_by_one(weights, ends[:-1], {2: 6, 3: 2})
    assert same(of_one(weights, ends[:-1]), expected)
    alone = [(0, 1), (1, 0), (0, 2), (2, 0)]
    assert same(of_one(weights[1:], alone), expected[1:])


def test_neurons_that_only_feed_themselves_have_no_weights():
    """Neuron 1 keeps a circuit with itself and leads to 0, but no input reaches it."""
    W, V = torch.tensor([[4.0, 0.0]]), torch.tensor([[1.0], [1.0]])
    W, R, V = of_one([W, torch.tensor([[0.0, 0.0], [3.0, 5.0]]), V], RECURRENT)
    assert (W != 0).tolist() == [[True, False]]
    assert not R.any()
    assert (V != 0).tolist() == [[True], [False]]


def test_layers_whose_neurons_first_change_alike_are_balanced_too():
    """Each neuron of a layer asks for the same factor, and then for another."""
    weights = [
        torch.tensor(W, dtype=torch.float64)
        for W in ([[0, 1]], [[0, 1], [2, 0]], [[2, 2, 0, 2], [2, 2, 1, 0]])
    ]
    expected = one_by_one(weights, RECURRENT, {1: 2})
    assert same(of_one(weights, RECURRENT), expected, rtol=1e-9)
    ways = [(0, 1), (1, 2), (1, 3), (2, 3)]
    weights = [torch.tensor(W).double() for W in ([[1, 1]], [[1], [3]], [[3], [1]], [[100]])]
    assert same(of_one(weights, ways), one_by_one(weights, ways, {1: 2, 2: 1}), rtol=1e-8)


@pytest.mark.parametrize("weak", [1e-8, 1e-12])
def test_weak_ways_in_and_out_of_a_layer_that_leads_to_itself_need_no_more_steps(weak):
    W, R, V = (random_chain(*sizes)[0] for sizes in ((3, 20), (20, 20), (20, 2)))
    _, found, _ = of_one([weak * W, R, weak * V], RECURRENT)
    _, expected = one_by_one(
        [torch.ones(1, 20).double() * 1e-300, R], RECURRENT[:2], {1: 20}, 2_000
    )
    assert same(shares([found]), shares([expected]), rtol=1e-6)


def test_skips_are_balanced_by_a_few_sweeps_and_steps(monkeypatch):
    ends = [(n, n + 1) for n in range(12)] + [(n, n + 2) for n in range(11)]
    weights = [random_chain(6, 6, seed=n)[0] for n in range(len(ends))]
    sweeps = []
    once = gauge.swept
    monkeypatch.setattr(gauge, "swept", lambda *told: sweeps.append(told[3]) or once(*told))
    found = of_one(weights, ends)
    assert sweeps == [20]
    for layer in range(1, 12):
        into, out = (
            sum(W.sum(side) for W, end in zip(found, ends, strict=True) if end[1 - side] == layer)
            for side in (0, 1)
        )
        assert torch.allclose(into, out, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-40, 1e40, 1e200, 1e300])
def test_weights_of_any_size_are_balanced(scale):
    W, V = random_chain(4, 6, 3)
    assert same(shares(of_one([W * scale, V / scale])), shares(of_one([W, V])))
    (weights, ends), *_ = leading_back()
    larger = of_one([W * scale for W in weights], ends)
    assert same(shares(larger), shares(of_one(weights, ends)))


def test_usual_sizes_are_left_as_they_are_to_the_last_digit():
    chain = random_chain(4, 6, 3)
    for scale in (2.0**-40, 1.0, 2.0**40):
        found = levelled([W * scale for W in chain], chained(2))
        assert all(torch.equal(W, A * scale) for W, A in zip(found, chain, strict=True))


def test_a_balance_that_is_not_reached_is_said():
    R = torch.block_diag(*torch.rand(2, 3, 3, generator=torch.manual_seed(0))).double()
    into, out = torch.ones(1, 6).double(), torch.ones(6, 1).double()
    into[:, :3] = out[3:] = 1e-40
    with pytest.warns(RuntimeWarning, match="after the last step of balancing"):
        of_one([into, R, out], RECURRENT)
