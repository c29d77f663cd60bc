"""The representative of all rescalings against convex optimisation, and what it leaves as it is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import chains, random_chain

from modlib.modularity.gauge import alive, balanced, chained


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
def test_alive_is_what_lies_on_a_path_from_an_input_to_an_output(chain):
    reached = [torch.ones(len(chain[0])).double()]
    for W in chain:
        reached.append(((reached[-1] @ W.abs()) > 0).double())
    reaching = [torch.ones(chain[-1].shape[1]).double()]
    for W in reversed(chain):
        reaching.insert(0, ((W.abs() @ reaching[0]) > 0).double())
    found = alive(batched([W.abs() for W in chain]), chained(3))
    expected = [(a * b).bool() for a, b in zip(reached, reaching, strict=True)]
    # an input that reaches no output, or an output that no input reaches, is not alive either
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


def test_a_layer_that_leads_to_itself_is_set_too():
    W, R, V = random_chain(3, 5, 5, 2)
    ends = [(0, 1), (1, 1), (1, 2)]
    factors = torch.tensor([0.1, 1.0, 3.0, 20.0, 0.5])
    rescaled = [W * factors, R / factors[:, None] * factors, V / factors[:, None]]
    found = of_one([W, R, V], ends)
    assert same(shares(found), shares(of_one(rescaled, ends)), rtol=1e-5)
    inside = found[1] - found[1].diagonal().diag()
    ratio = (found[0].sum(0) + inside.sum(0)) / (found[2].sum(1) + inside.sum(1))
    assert torch.allclose(ratio, torch.ones(5).double(), rtol=1e-5)


def test_two_ways_into_a_layer_are_set_together():
    W, V, U = random_chain(3, 5, 2)[0], random_chain(4, 5)[0], random_chain(5, 2)[0]
    found = of_one([W, V, U], [(0, 2), (1, 2), (2, 3)])
    assert torch.allclose(found[0].sum(0) + found[1].sum(0), found[2].sum(1))


def test_a_layer_that_mostly_leads_to_itself_is_balanced():
    block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).double()[None]
    into, out = block.clone(), block.clone()
    into[..., :2] *= 1e-5
    out[..., 2:] *= 1e-5
    found = balanced([into, block, out], [(0, 1), (1, 1), (1, 2)])
    entering, leaving = found[0].sum(1) + found[1].sum(1), found[1].sum(2) + found[2].sum(2)
    assert torch.allclose(entering, leaving, rtol=1e-9)
