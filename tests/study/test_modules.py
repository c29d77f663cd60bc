"""Modules and their transplants, against networks cut by hand and what has to hold of any."""

import numpy as np
import pytest
import torch

from modlib.penalties.priors import hard_wired
from modlib.study.modules import (
    accuracy_alone,
    but_for_head,
    everything,
    freeze,
    module_of_head,
    of_kind,
    size,
    transplant,
)
from modlib.study.turns import follow
from modlib.tasks import TASKS
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

RETINA, DIGITS, AND = TASKS["retina"](), TASKS["two_digits"](), TASKS["retina_and"]()
SEEDS = [3, 8]
DEEPER = [8, 6, 6, 5, 1]  # than the donors, whose outputs become hidden neurons


def halves(network: Stack) -> np.ndarray:
    """Return which half of its layer each neuron is in, for each network."""
    one = np.concatenate([np.arange(n) * 2 // n for n in network.widths])
    return np.tile(one, (len(network.seeds), 1))


@pytest.fixture
def donor():
    network = Stack([8, 6, 4, 2], SEEDS)
    hard_wired(RETINA, network, [1.0] * len(SEEDS))
    follow(network, [RETINA], steps=300, every=300)
    return network


def module(donor, one):
    return module_of_head(donor, halves(donor), RETINA.heads, one)


def test_the_module_of_a_head_is_what_its_communities_join():
    network = Stack([8, 4, 2, 2], SEEDS)
    found = module_of_head(network, halves(network), RETINA.heads, 1)
    first, second, third = (mask[0] for mask in of_kind(found, "weight"))
    assert first.nonzero().tolist() == [[i, j] for i in range(4, 8) for j in (2, 3)]
    assert second.nonzero().tolist() == [[2, 1], [3, 1]]
    assert third.nonzero().tolist() == [[1, 1]]
    assert [mask[0, 0].tolist() for mask in of_kind(found, "bias")] == [
        [False, False, True, True],
        [False, True],
        [False, True],
    ]


def test_outputs_of_other_heads_stay_out_though_their_community_is_the_same():
    network = Stack([8, 4, 2, 2], SEEDS)
    found = module_of_head(network, np.zeros_like(halves(network)), RETINA.heads, 0)
    first, second, third = of_kind(found, "weight")
    assert first.all()
    assert second.all()
    assert third[0].tolist() == [[True, False], [True, False]]
    assert found["layers.2.bias"][0].tolist() == [[True, False]]


def test_a_module_alone_answers_as_its_half_of_a_separated_network(donor):
    test = stacked(RETINA.draw(seed).test for seed in SEEDS)
    hits = RETINA.accuracy(donor(test.x), test.targets, RETINA.heads)
    assert (hits > 0.8).all()
    for one in (0, 1):
        alone = accuracy_alone(donor, module(donor, one), RETINA, test)[:, one]
        assert torch.equal(alone, hits[:, one])
        # the other half has no weight on the way to this output, whose bias then answers alone
        other = accuracy_alone(donor, module(donor, 1 - one), RETINA, test)[:, one]
        always = test.targets[..., one].float().mean(-1)
        assert all(o in (a, 1 - a) for o, a in zip(other.tolist(), always.tolist(), strict=True))


def test_whole_networks_and_halves_are_as_large_as_they_are(donor):
    assert size(everything(donor)).tolist() == [1.0, 1.0]
    assert size(module(donor, 0)).tolist() == [0.5, 0.5]
    assert of_kind(module(donor, 0), "weight")[0][0].sum() == 4 * 3


def test_a_transplanted_module_computes_what_it_did_and_the_rest_is_new(donor):
    new = Stack(DEEPER, [13, 18])
    fresh = Stack(DEEPER, [13, 18])
    own = module(donor, 0)
    transplant(new, donor, own)
    x = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(0))
    inner, old = x, x
    for layer, before, width in zip(new.layers[:3], donor.layers, (3, 2, 1), strict=True):
        inner, old = layer(inner), before(old)
        torch.testing.assert_close(inner[..., :width], old[..., :width])
        inner, old = torch.tanh(inner), torch.tanh(old)
    for depth, width in enumerate((3, 2, 1)):
        there, new_one = new.layers[depth], fresh.layers[depth]
        assert torch.equal(there.weight[..., width:], new_one.weight[..., width:])
        assert torch.equal(there.bias[..., width:], new_one.bias[..., width:])
        # from neurons outside the module nothing comes in
        inside = own[f"layers.{depth}.weight"][:, :, :width].any(-1)
        rows = torch.zeros(there.weight.shape[1], dtype=torch.bool)
        rows[: inside.shape[1]] = inside[0]
        assert not there.weight[:, ~rows, :width].any()
    assert torch.equal(new.layers[3].weight, fresh.layers[3].weight)


def test_a_whole_donor_with_the_same_widths_becomes_the_donor(donor):
    new = Stack(donor.widths, [13, 18])
    transplant(new, donor, everything(donor))
    assert all(torch.equal(a, b) for a, b in zip(new.parameters(), donor.parameters(), strict=True))


def test_a_donor_but_for_one_head_leaves_its_outputs_to_the_new_network(donor):
    new, fresh = Stack(donor.widths, [13, 18]), Stack(donor.widths, [13, 18])
    transplant(new, donor, but_for_head(donor, RETINA.heads, 1))
    for layer, old in zip(new.layers[:2], donor.layers[:2], strict=True):
        assert torch.equal(layer.weight, old.weight)
    for name in ("weight", "bias"):
        last, old, own = (getattr(net.layers[2], name) for net in (new, donor, fresh))
        assert torch.equal(last[..., 0], old[..., 0])
        assert torch.equal(last[..., 1], own[..., 1])


def test_a_frozen_module_stays_while_the_rest_learns(donor):
    new = Stack(DEEPER, SEEDS)
    own = module(donor, 1)
    transplant(new, donor, own)
    freeze(new, own)
    before = [layer.weight.detach().clone() for layer in new.layers]
    follow(new, [AND], steps=30, every=30)
    for depth, (layer, W) in enumerate(zip(new.layers, before, strict=True)):
        inside = torch.zeros(W.shape[-1], dtype=torch.bool)
        if depth < 3:
            bias = own[f"layers.{depth}.bias"][0, 0]
            inside[: len(bias)] = bias
            assert inside.any()
        assert torch.equal(layer.weight[..., inside], W[..., inside])
        assert not torch.isclose(layer.weight[..., ~inside], W[..., ~inside]).any()


@pytest.mark.parametrize(
    ("widths", "seeds"),
    [([8, 6, 2], SEEDS), ([9, 6, 4, 2], SEEDS), ([8, 5, 4, 2], SEEDS), ([8, 6, 4, 2], [1])],
)
def test_modules_need_room(donor, widths, seeds):
    with pytest.raises(ValueError, match="layers at least as wide"):
        transplant(Stack(widths, seeds), donor, everything(donor))
