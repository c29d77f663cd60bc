"""A decay beside a penalty: both with their own strengths, in the loss and in training."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import chains, random_chain, random_network, weights_in

import modlib
from modlib import PENALTIES, Network
from modlib.graphs import layer_sizes
from modlib.network.matrices import squares
from modlib.penalties.decay import with_decay
from modlib.penalties.partitions import blocks, joined
from modlib.penalties.penalty import l1_penalty, of_weights
from modlib.tasks.retina import retina

TASK = retina()
SIZES = (8, 12, 12, 2)
BRIEF = {"seeds": [0, 1], "steps": 12, "batch_size": 16}
DECAY = 0.02


def made(record, strengths, task=TASK):
    return record.make(task, SIZES, list(range(len(strengths))), strengths)


@given(chains(depth=3), st.sampled_from([0.25, 0.5, 2.0]), st.sampled_from([0.0, 0.125, 3.0]))
def test_l1_with_a_decay_is_the_elastic_net(chain, strength, decay):
    entries = [w.item() for W in chain for w in W.flatten()]
    record = with_decay(PENALTIES["l1"], decay)
    penalty = record.make(None, layer_sizes(chain), [0], [strength])
    net = sum(strength * abs(w) + decay * w**2 for w in entries)
    # ratios of powers of two and multiples of three are rounded once
    assert strength * penalty(chain).item() == pytest.approx(net, rel=1e-6)


@pytest.mark.parametrize("name", PENALTIES)
def test_each_penalty_times_its_strength_has_the_decay_beside_it(name):
    chain = [W.requires_grad_() for W in random_chain(*SIZES, stack=(3,))]
    strengths = torch.tensor([0.125, 0.5, 2.0])
    alone, beside = (
        strengths * made(record, strengths.tolist())(chain)
        for record in (PENALTIES[name], with_decay(PENALTIES[name], DECAY))
    )
    decay = DECAY * torch.stack([sum(W[n].square().sum() for W in chain) for n in range(3)])
    torch.testing.assert_close(beside, alone + decay, rtol=1e-6, atol=1e-9)
    found = torch.autograd.grad(beside.sum(), chain)
    expected = torch.autograd.grad((alone + decay).sum(), chain)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", PENALTIES)
def test_each_penalty_and_prior_can_be_trained_with_a_decay(name):
    record, strength = PENALTIES[name], PENALTIES[name].strength or 1.0
    runs = [modlib.fit(TASK, of, strength, **BRIEF) for of in (record, with_decay(record, 1.0))]
    assert runs[1].table.penalty.tolist() == [f"{name}_decay_1"] * 2
    before, after = (squares(run.chain) for run in runs)
    assert after.isfinite().all()
    # a rule between steps leaves little weight in so few of them
    assert (after < before - (before / 2).clamp_max(0.05)).all()


def test_training_with_a_decay_beside_is_training_on_the_sum_of_both():
    both = of_weights("both", lambda chain: 3e-3 * l1_penalty(chain) + DECAY * squares(chain), 1.0)
    found = modlib.fit(TASK, with_decay(PENALTIES["l1"], DECAY), 3e-3, **BRIEF).chain
    for W, V in zip(found, modlib.fit(TASK, both, **BRIEF).chain, strict=True):
        torch.testing.assert_close(W, V, atol=1e-5, rtol=1e-4)


def test_a_prior_does_what_it_does_with_a_decay_too():
    run = modlib.fit(TASK, with_decay(PENALTIES["hard_wired"], DECAY), **BRIEF)
    for W, mask in zip(run.chain, joined(blocks(TASK, run.network.widths)), strict=True):
        assert (W[:, ~mask] == 0).all()
        assert (W[:, mask] != 0).all()


def test_a_network_of_strength_0_has_no_decay_either():
    chain = random_chain(*SIZES, stack=(2,))
    alone, other = made(with_decay(PENALTIES["cut"], DECAY), [0.0, 1.0])(chain)
    plain = made(PENALTIES["cut"], [0.0, 1.0])(chain)
    assert alone == plain[0]
    assert other > plain[1]


def test_what_a_penalty_learns_and_swaps_is_still_its_own():
    learned = made(with_decay(PENALTIES["soft_modularity"], DECAY), [1.0])
    assert [tuple(p.shape) for p in learned.parameters()] == [(1, sum(SIZES), 8)]
    swapping = made(with_decay(PENALTIES["bimt"], DECAY), [1.0])
    swapping.penalty.every = 1
    before = [p.clone() for p in swapping.penalty.buffers()]
    swapping(random_chain(*SIZES, stack=(1,), dtype=torch.float32))
    assert any(
        not torch.equal(a, b) for a, b in zip(before, swapping.penalty.buffers(), strict=True)
    )


@pytest.mark.parametrize("name", ["none", "l1", "loops", "walk_loops"])
def test_a_penalty_of_networks_takes_them_with_a_decay_too(name):
    network = random_network(stack=(2,))
    record = with_decay(PENALTIES[name], DECAY)
    penalty = record.make(None, [], [0, 1], [0.5, 0.5])
    decay = sum(W.square().sum((-2, -1)) for W in weights_in(network))
    alone = PENALTIES[name].make(None, [], [0, 1], [0.5, 0.5])
    assert isinstance(network, Network)
    torch.testing.assert_close(penalty(network), alone(network) + 2 * DECAY * decay)


@pytest.mark.parametrize("bad", [-1.0, float("inf"), float("nan")])
def test_a_decay_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="with_decay needs a finite decay >= 0, got"):
        with_decay(PENALTIES["l1"], bad)


def test_other_networks_than_the_chains_are_refused():
    penalty = made(with_decay(PENALTIES["l1"], DECAY), [1.0] * 3)
    with pytest.raises(ValueError, match="made for 3 networks got 2; make it with one seed for"):
        penalty(random_chain(*SIZES, stack=(2,)))


def test_the_record_is_that_of_the_penalty_with_another_name():
    record = with_decay(PENALTIES["dropout"], 1e-3)
    assert record.name == "dropout_decay_0.001"
    assert record.strength == PENALTIES["dropout"].strength
    assert record.prepare is PENALTIES["dropout"].prepare
    assert isinstance(record.make, partial)  # which can be pickled, as a local function cannot
