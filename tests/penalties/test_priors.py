"""Dropout, hard wiring and clusterable initialisation: what they do to a stack of networks."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components
from strategies import random_chain, with_modules
from torch import nn

from modlib import train, weights
from modlib.graphs import neuron_graph
from modlib.modularity.agreement import NO_MODULE
from modlib.penalties.partitions import blocks, joined
from modlib.penalties.priors import Dropout, clusterable_initialisation, dropout, hard_wired
from modlib.tasks.retina import retina
from modlib.training.stacks import Stack

TASK = retina()
WIDTHS = (8, 12, 12, 2)
BRIEF = {"hidden": (6, 6), "steps": 15, "batch_size": 16, "nulls": 2, "restarts": 1}


def initial(widths=WIDTHS, seeds=(0, 1)):
    return [W.detach().clone() for W in weights(Stack(widths, seeds))]


def test_dropout_changes_nothing_outside_training():
    x = random_chain(16, 5, stack=(2,), dtype=torch.float32)[0]
    assert torch.equal(Dropout([0.5, 0.9], [0, 1]).eval()(x), x)


def test_a_rate_of_zero_changes_nothing_in_training():
    x = random_chain(16, 5, stack=(2,), dtype=torch.float32)[0]
    dropped = Dropout([0.0, 0.9], [0, 1])(x)
    assert torch.equal(dropped[0], x[0])
    assert not torch.equal(dropped[1], x[1])


def test_each_network_loses_a_share_of_neurons_of_its_own_and_keeps_its_mean():
    rates = [0.1, 0.5, 0.8]
    dropped = Dropout(rates, [0, 1, 2])(torch.ones(3, 200, 100))
    for rate, network in zip(rates, dropped, strict=True):
        kept = network != 0
        torch.testing.assert_close(network, kept / (1 - rate))
        # of 20,000 draws the share is known to 0.4 %
        assert kept.float().mean().item() == pytest.approx(1 - rate, abs=0.016)
        assert network.mean().item() == pytest.approx(1, abs=0.06)
        # each example and each neuron has draws of its own
        assert len(kept.unique(dim=0)) == 200
        assert len(kept.unique(dim=1).T) == 100


def test_every_call_draws_anew():
    noise = Dropout([0.5], [0])
    x = torch.ones(1, 16, 5)
    assert not torch.equal(noise(x), noise(x))


def test_the_draws_of_a_network_do_not_depend_on_the_rest_of_the_stack():
    x = torch.ones(1, 16, 5)
    together, alone = Dropout([0.2, 0.5], [7, 3]), Dropout([0.5], [3])
    for _ in range(3):
        assert torch.equal(together(x.expand(2, -1, -1))[1:], alone(x))
    assert not torch.equal(Dropout([0.5], [4])(x), Dropout([0.5], [3])(x))


@pytest.mark.parametrize("bad", [1.0, -0.1, math.nan])
def test_rates_that_leave_no_neuron_or_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="dropout needs strengths of at least 0 and below 1, got"):
        Dropout([0.5, bad], [0, 1])


def test_training_refuses_a_rate_of_one():
    with pytest.raises(ValueError, match=r"below 1, got \[1\.0\]"):
        train("retina", "dropout", 1.0, seeds=[0], **BRIEF)


def test_dropout_is_of_hidden_neurons():
    network = Stack(WIDTHS, [3, 5])
    dropout(TASK, network, [0.25, 0.5])
    x = random_chain(16, 8, stack=(2,), dtype=torch.float32)[0]
    same_draws = Dropout([0.25, 0.5], [3, 5])
    first, second, last = network.layers
    expected = last(same_draws(torch.tanh(second(same_draws(torch.tanh(first(x)))))))
    assert torch.equal(network(x), expected)
    network.eval()
    assert torch.equal(network(x), last(torch.tanh(second(torch.tanh(first(x))))))


def test_training_drops_neurons_and_judges_networks_whole():
    run = train("retina", "dropout", [0.0, 0.5], [0, 1], snapshots=[5, 15], **BRIEF)
    x = TASK.draw(0).test.x.expand(4, -1, -1)
    for network in (run.network, *run.snapshots.values()):
        assert not network.training
        assert not network.noise.training
        assert torch.equal(network(x), network(x))
    plain = train("retina", "none", seeds=[0, 1], snapshots=[5], **BRIEF)
    for W, without in zip(run.chain, plain.chain, strict=True):
        torch.testing.assert_close(W[:2], without, atol=1e-4, rtol=1e-3)
        assert not torch.allclose(W[2:], without, atol=1e-3)
    # a snapshot, which looks at the whole network, costs no draws
    again = train("retina", "dropout", [0.5], [1], **BRIEF)
    for W, alone in zip(run.chain, again.chain, strict=True):
        torch.testing.assert_close(W[3], alone[0], atol=1e-4, rtol=1e-3)


TASKS = [
    TASK,
    # an input of no module; an output that reads all modules
    with_modules(TASK, [0, 0, 0, 0, 1, 1, 1, NO_MODULE], [0, 1]),
    with_modules(TASK, [0, 1, 1, 2, 2, 2, 2, 2], [2, NO_MODULE]),
    with_modules(TASK, [NO_MODULE] * 8, [NO_MODULE] * 2),
]


@pytest.mark.parametrize("task", TASKS)
def test_hard_wired_networks_have_no_weights_between_modules_and_larger_ones_within(task):
    network = Stack(WIDTHS, [0, 1])
    hard_wired(task, network, [1.0, 1.0])
    masks = joined(blocks(task, network.widths))
    for W, before, mask in zip(weights(network), initial(), masks, strict=True):
        assert (W[:, ~mask] == 0).all()
        for j, inputs in enumerate(mask.T):
            factor = math.sqrt(len(inputs) / inputs.sum().item())
            torch.testing.assert_close(W[:, inputs, j], factor * before[:, inputs, j])


def test_inputs_of_no_module_stay_joined_to_every_hidden_neuron():
    network = Stack(WIDTHS, [0])
    hard_wired(TASKS[1], network, [1.0])
    first, *_ = weights(network)
    assert (first[:, 7] != 0).all()
    assert (first[:, :7] == 0).any(1).all()


@pytest.mark.parametrize("task", TASKS)
def test_dead_inputs_are_cut_off_and_cost_no_variance(task):
    network = Stack(WIDTHS, [0, 1])
    hard_wired(replace(task, live=np.arange(8) != 6), network, [1.0, 0.0])
    first, before = weights(network)[0], initial()[0]
    assert (first[0, 6] == 0).all()
    assert torch.equal(first[1], before[1])
    (mask, *_) = joined(blocks(task, network.widths))
    for j, inputs in enumerate(mask.T):
        inputs = inputs & (torch.arange(8) != 6)
        factor = math.sqrt(8 / inputs.sum().item())
        torch.testing.assert_close(first[0, inputs, j], factor * before[0, inputs, j])


def test_no_neurons_input_loses_variance_to_hard_wiring():
    wide = with_modules(TASK, np.repeat([0, 1, 2, NO_MODULE], 150), [0, 1, 2])
    widths = (600, 300, 3)
    network = Stack(widths, [0, 1])
    hard_wired(wide, network, [1.0, 1.0])
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2_000, 600, generator=rng)
    wired, plain = (
        (x @ W).var(1).mean(1) for W in (weights(network)[0].detach(), initial(widths)[0])
    )
    torch.testing.assert_close(wired, plain, rtol=0.03, atol=0)


OPTIMISERS = [
    partial(torch.optim.Adam, lr=5e-3),
    partial(torch.optim.AdamW, lr=5e-3, weight_decay=0.1),
    partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=1e-2),
]


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=["adam", "adamw", "sgd"])
def test_training_leaves_hard_wired_networks_apart(optimiser):
    run = train("retina", "hard_wired", seeds=[0, 1], optimiser=optimiser, snapshots=[0], **BRIEF)
    masks = joined(blocks(TASK, run.network.widths))
    for W, start, mask in zip(run.chain, weights(run.snapshots[0]), masks, strict=True):
        assert (W[:, ~mask] == 0).all()
        assert (start[:, ~mask] == 0).all()
        assert (W[:, mask] != start[:, mask]).float().mean() > 0.9
    x = TASK.draw(0).test.x.expand(2, -1, -1)
    mirrored = x.clone()
    mirrored[..., 4:] *= -1
    assert torch.equal(run.network(x)[..., 0], run.network(mirrored)[..., 0])
    assert not torch.equal(run.network(x)[..., 1], run.network(mirrored)[..., 1])


def test_networks_of_strength_0_are_not_hard_wired():
    both = train("retina", "hard_wired", [0.0, 1.0], [0, 1], snapshots=[0], **BRIEF)
    plain = train("retina", "none", seeds=[0, 1], **BRIEF)
    for W, before in zip(weights(both.snapshots[0]), initial((8, 6, 6, 2)), strict=True):
        assert torch.equal(W[:2], before)
    masks = joined(blocks(TASK, both.network.widths))
    for W, without, mask in zip(both.chain, plain.chain, masks, strict=True):
        torch.testing.assert_close(W[:2], without, atol=1e-4, rtol=1e-3)
        assert (W[:2] != 0).all()
        assert (W[2:, ~mask] == 0).all()


def test_weights_of_inputs_of_no_module_are_trained_in_hard_wired_networks():
    run = train(TASKS[1], "hard_wired", seeds=[0], snapshots=[0], **BRIEF)
    before, after = weights(run.snapshots[0])[0], run.chain[0]
    assert (before[:, 7] != after[:, 7]).all()


def test_a_strength_of_zero_leaves_the_initial_weights_as_they_are():
    network = Stack(WIDTHS, [0, 1])
    clusterable_initialisation(TASK, network, [0.0, 0.9])
    for W, before in zip(weights(network), initial(), strict=True):
        assert torch.equal(W[0], before[0])
        assert not torch.equal(W[1], before[1])


@pytest.mark.parametrize("clusters", [2, 4])
def test_at_full_strength_networks_fall_into_clusters_of_equal_size(clusters):
    widths = (8, 12, 16, 4)
    network = Stack(widths, [0, 1, 2])
    clusterable_initialisation(TASK, network, [1.0, 1.0, 1.0], clusters)
    dealt = []
    for n in range(3):
        graph = neuron_graph([W[n].detach().numpy() for W in weights(network)])
        found, labels = connected_components(graph)
        assert found == clusters
        for layer in np.split(labels, np.cumsum(widths)[:-1]):
            assert (np.bincount(layer) == len(layer) / clusters).all()
        dealt.append(labels.tolist())
    # at random, by each network's seed
    assert len(set(map(tuple, dealt))) == 3
    assert all(labels != sorted(labels) for labels in dealt)


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_between_clusters_weights_are_smaller_by_the_strength_and_keep_their_variance(strength):
    weaker, full = (Stack(WIDTHS, [0, 1]) for _ in range(2))
    clusterable_initialisation(TASK, weaker, [strength] * 2)
    clusterable_initialisation(TASK, full, [1.0] * 2)
    for W, apart, before in zip(weights(weaker), weights(full), initial(), strict=True):
        factor = (W / before).detach()
        # what weights of equal variance add up to
        torch.testing.assert_close(factor.square().mean(1), torch.ones_like(factor[:, 0]))
        torch.testing.assert_close(
            (apart / before).detach().square().mean(1), torch.ones_like(factor[:, 0])
        )
        for column, within in zip(factor.mT.flatten(0, 1), apart.mT.flatten(0, 1), strict=True):
            inside, outside = column[within != 0], column[within == 0]
            torch.testing.assert_close(inside, inside[:1].expand_as(inside))
            torch.testing.assert_close(
                outside, ((1 - strength) * inside[0]).expand_as(outside), rtol=1e-4, atol=0
            )


def test_the_clusters_do_not_depend_on_the_task():
    by_task = []
    for task in (TASKS[0], TASKS[2]):
        network = Stack(WIDTHS, [0])
        clusterable_initialisation(task, network, [0.9])
        by_task.append(weights(network))
    assert all(torch.equal(a, b) for a, b in zip(*by_task, strict=True))


def test_layers_with_fewer_neurons_than_clusters_keep_finite_weights():
    network = Stack((3, 2, 1), [0, 1])
    clusterable_initialisation(with_modules(TASK, [-1] * 3, [-1]), network, [0.9, 1.0])
    assert all(W.isfinite().all() for W in weights(network))


def test_training_moves_weights_between_clusters():
    run = train("retina", "clusterable_init", 1.0, [0], snapshots=[0], **BRIEF)
    apart = weights(run.snapshots[0])[0] == 0
    assert apart.any()
    assert (run.chain[0][apart] != 0).all()


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_strengths_of_clustering_outside_0_to_1_are_refused(bad):
    with pytest.raises(ValueError, match="clusterable_init needs strengths from 0 to 1, got"):
        clusterable_initialisation(TASK, Stack(WIDTHS, [0, 1]), [0.5, bad])


@pytest.mark.parametrize("change", [hard_wired, clusterable_initialisation, dropout])
def test_a_prior_says_what_networks_it_needs(change):
    own = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"stack of networks, .* got Sequential without layers"):
        change(None, own, [0.5])


def test_hard_wiring_without_a_task_halves_every_layer():
    network = Stack((4, 6, 2), [0])
    hard_wired(None, network, [1.0])
    first, last = (W[0] != 0 for W in weights(network))
    assert torch.equal(first, torch.block_diag(torch.ones(2, 3), torch.ones(2, 3)) == 1)
    assert torch.equal(last, torch.block_diag(torch.ones(3, 1), torch.ones(3, 1)) == 1)
