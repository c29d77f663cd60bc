"""Soft modularity of layered networks against `modularity`, at the communities that it finds."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from strategies import blocks, random_chain

from modlib.modularity import modularity
from modlib.modularity.gauge import balanced, chained
from modlib.penalties.layered_modularity import SoftLayeredModularity, balancing

SIZES = (6, 5, 4, 3)


def hard(penalty, communities, k):
    """Put each neuron into its community alone."""
    with torch.no_grad():
        penalty.logits.copy_(1e3 * torch.eye(k)[torch.as_tensor(communities)])
    return penalty


def q_in_loops(chain, S):
    """Barber's Q of soft assignments, averaged over the matrices of a balanced network."""
    weights = [W[0].numpy() for W in balanced([W.detach()[None] for W in chain], chained(3))]
    found, shares = [], np.split(S, np.cumsum(SIZES)[:-1])
    for A, (s, t) in zip(weights, pairwise(shares), strict=True):
        m, r, c = A.sum(), A.sum(1), A.sum(0)
        found.append(
            sum(
                (A[i, j] - r[i] * c[j] / m)
                / m
                * sum(x * y for x, y in zip(s[i], t[j], strict=True))
                for i, j in product(range(len(r)), range(len(c)))
            )
        )
    return np.mean(found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [SIZES, (5, 7), (9, 4, 6)])
def test_at_the_communities_that_are_found_it_is_minus_the_measures_q(seed, sizes):
    chain = random_chain(*sizes, stack=(2,), seed=seed)
    chain[0][:, 1] = 0  # a neuron without weights, and a hidden one that nothing enters
    chain[0][:, :, 2] = 0
    found = modularity(chain, nulls=2)
    k = 1 + found.communities.max()
    penalty = hard(SoftLayeredModularity(sizes, [0, 1], int(k)), found.communities, k)
    np.testing.assert_allclose(-penalty(chain).detach().numpy(), found.q, atol=1e-9)


def test_it_equals_its_definition_in_loops():
    chain = random_chain(*SIZES, stack=(2,))
    penalty = SoftLayeredModularity(SIZES, [0, 1], communities=3)
    with torch.no_grad():
        penalty.logits *= 10
    shares = penalty.logits.detach().double().softmax(-1).numpy()
    for n, value in enumerate(penalty(chain)):
        expected = q_in_loops([W[n] for W in chain], shares[n])
        assert value.item() == pytest.approx(-expected, abs=1e-9)


def test_rescaling_a_hidden_neuron_changes_nothing():
    chain = random_chain(*SIZES, stack=(1,))
    penalty = SoftLayeredModularity(SIZES, [0], communities=3)
    factors = torch.tensor([0.1, 7.0, 1.0, 30.0, 0.5]).double()
    rescaled = [chain[0] * factors, chain[1] / factors[:, None], chain[2]]
    with torch.no_grad():
        torch.testing.assert_close(penalty(rescaled), penalty(chain))


@pytest.mark.parametrize("every", [2, 3])
def test_between_refreshes_the_factors_are_the_last_ones(every):
    steps = [random_chain(*SIZES, stack=(1,), seed=seed) for seed in range(7)]
    penalty = SoftLayeredModularity(SIZES, [0], communities=3, every=every)
    values = []
    for chain in steps:
        values.append(penalty(chain))
        with torch.no_grad():  # looking is exact and is no step
            exact = SoftLayeredModularity(SIZES, [0], communities=3)(chain)
            torch.testing.assert_close(penalty(chain), exact)
        assert (abs(values[-1] - exact).item() < 1e-12) == ((len(values) - 1) % every == 0)


def test_factors_are_those_that_balance():
    chain = random_chain(*SIZES, stack=(2, 3))
    even = [W.abs() * f for W, f in zip(chain, balancing(chain), strict=True)]
    shares = [A / A.sum((-2, -1), keepdim=True) for A in even]
    for A, B in pairwise(shares):
        torch.testing.assert_close(A.sum(-2), B.sum(-1))


def test_gradients_at_fixed_factors_agree_with_finite_differences(monkeypatch):
    chain = random_chain(*SIZES, stack=(2,))
    factors = balancing(chain)
    monkeypatch.setattr("modlib.penalties.layered_modularity.balancing", lambda chain: factors)
    penalty = SoftLayeredModularity(SIZES, [0, 1], communities=3).double()
    inputs = [penalty.logits, *(W.requires_grad_() for W in chain)]
    assert torch.autograd.gradcheck(lambda *_: penalty(chain), inputs)


@pytest.mark.parametrize("n_blocks", [2, 4])
def test_learned_assignments_find_the_blocks(n_blocks):
    chain = [W[None].float() for W in blocks(n_blocks, 3)]
    penalty = SoftLayeredModularity((3 * n_blocks,) * 3, [0], communities=8)
    optimiser = torch.optim.Adam(penalty.parameters(), lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        value = penalty(chain).sum()
        value.backward()
        optimiser.step()
    assert value.item() == pytest.approx(-(1 - 1 / n_blocks), abs=0.01)


def test_a_network_without_weights_has_none():
    penalty = SoftLayeredModularity(SIZES, [0])
    assert penalty([torch.zeros_like(W) for W in random_chain(*SIZES, stack=(1,))]) == 0
