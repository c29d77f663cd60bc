"""Weighted activity against loops, and in training against a loss with the term written out."""

import copy
import pickle
from functools import partial
from itertools import product

import pytest
import torch
from strategies import random_chain
from torch import nn

import modlib
from modlib import weights
from modlib.penalties.decay import with_decay
from modlib.penalties.penalty import prior
from modlib.penalties.weighted_activity import layer_cost, weighted_activity
from modlib.tasks.retina import retina
from modlib.training.stacks import Stack

TASK = retina()
SIZES = (8, 6, 5, 2)
BRIEF = {"hidden": (6, 5), "steps": 20, "batch_size": 16}
RECORD = prior("weighted_activity", weighted_activity, 0.01)


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_the_cost_of_a_layer_is_activity_times_squared_weights(exponent):
    h, W = random_chain(7, 4, 3, stack=(2,))
    for n, cost in enumerate(layer_cost(h, W, exponent)):
        total = sum(
            abs(h[n, example, i].item()) ** exponent * W[n, i, j].item() ** 2
            for example, i, j in product(range(7), range(4), range(3))
        )
        assert cost.item() == pytest.approx(total / 7)


def written_out(network, x, strengths, exponent):
    """The outputs, and strengths times the terms of all hidden layers, layer by layer."""
    first, *others = network.layers
    cost, h = 0.0, torch.tanh(x @ first.weight + first.bias)
    for n, layer in enumerate(others):
        of_neurons = (h.abs() ** exponent).mean(1)
        pairs = zip(of_neurons, layer.weight, strict=True)
        cost = cost + torch.stack([a @ (W**2).sum(1) for a, W in pairs])
        h = h @ layer.weight + layer.bias
        h = h if n == len(others) - 1 else torch.tanh(h)
    return h, torch.tensor(strengths) * cost


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_gradients_are_those_of_the_loss_with_the_term_added(exponent):
    strengths = [0.0, 0.1, 2.0]
    plain, charged = (Stack(SIZES, [0, 1, 2]) for _ in range(2))
    weighted_activity(TASK, charged, strengths, exponent)
    x = random_chain(16, 8, stack=(3,), dtype=torch.float32)[0]
    outputs, cost = written_out(plain, x, strengths, exponent)
    torch.testing.assert_close(charged(x), outputs)
    (outputs.square().mean((1, 2)) + cost).sum().backward()
    charged(x).square().mean((1, 2)).sum().backward()
    for a, b in zip(charged.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_it_costs_nothing_outside_training():
    network = Stack(SIZES, [0])
    weighted_activity(TASK, network, [5.0])
    x = random_chain(16, 8, stack=(1,), dtype=torch.float32)[0]
    network.eval()
    network(x).sum().backward()
    plain = Stack(SIZES, [0])
    plain(x).sum().backward()
    for a, b in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_copies_and_pickles_are_charged_too():
    network = Stack(SIZES, [0, 1])
    weighted_activity(TASK, network, [0.1, 1.0])
    x = random_chain(16, 8, stack=(2,), dtype=torch.float32)[0]
    gradients = []
    for one in (network, copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        one(x).sum().backward()
        gradients.append([p.grad for p in one.parameters()])
    for a, b, c in zip(*gradients, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_training_makes_weighted_activity_small_by_each_networks_strength():
    run = modlib.fit(TASK, RECORD, [0.0, 0.1, 1.0], seeds=[0], **BRIEF)
    plain = modlib.fit(TASK, "none", seeds=[0], **BRIEF)
    for W, V in zip(run.chain, plain.chain, strict=True):
        torch.testing.assert_close(W[0], V[0], atol=1e-4, rtol=1e-3)
    x = TASK.draw(0).test.x.expand(3, -1, -1)
    costs = written_out(run.network, x, [1.0] * 3, 2.0)[1]
    assert costs[0] > 1.2 * costs[1] > 2 * costs[2]
    # a decay beside it has its own effect
    both = modlib.fit(TASK, with_decay(RECORD, 1.0), 1.0, seeds=[0], **BRIEF)
    assert both.chain[0].square().sum() < run.chain[0][2].square().sum()


def test_the_exponent_is_the_callers():
    first = prior("one", partial(weighted_activity, exponent=1.0), 0.1)
    one, two = (modlib.fit(TASK, of, 0.1, seeds=[0], **BRIEF).chain for of in (first, RECORD))
    assert not any(torch.equal(W, V) for W, V in zip(one, two, strict=True))


def test_other_networks_are_refused():
    with pytest.raises(ValueError, match=r"stack of networks, .* got Linear without layers"):
        weighted_activity(None, nn.Linear(3, 2), [1.0])


def test_a_chain_is_as_it_was():
    network = Stack(SIZES, [0])
    weighted_activity(TASK, network, [1.0])
    assert [W.shape[1:] for W in weights(network)] == [(8, 6), (6, 5), (5, 2)]
