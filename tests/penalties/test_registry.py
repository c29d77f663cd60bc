"""Every penalty keeps the interface; the plain ones equal their definitions in loops."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import chains, random_chain, random_network, weights_in, with_weights
from torch import nn

import modlib
from modlib import Network, weights
from modlib.graphs import layer_sizes
from modlib.network.matrices import squares
from modlib.penalties import PENALTIES, forms
from modlib.penalties.forms import FORMS
from modlib.penalties.penalty import Penalty, l1_penalty, no_penalty, without_rule
from modlib.tasks.retina import retina
from modlib.training.stacks import Stack

TASK = retina()
SIZES = (8, 12, 12, 2)
ALL = PENALTIES | FORMS
NEED_A_CHAIN = [
    "connection_cost", "learned_places", "bimt", "communicability",
    "cut", "soft_modularity", "block_fraction",
]  # fmt: skip
PRIORS = ["hard_wired", "clusterable_init", "dropout"]
SILENT = [*PRIORS, "walk_loop_steps", "none"]  # of which nothing is in the loss
OF_WEIGHTS = {
    "none": no_penalty,
    "l1": l1_penalty,
    "l2": squares,
    "loops": modlib.loop_penalty,
    "walk_loops": modlib.walk_loop_penalty,
    "no_decay": forms.without_decay,
    "less_decay": forms.with_less_decay,
    "more_decay": forms.with_more_decay,
    "squared_weights": forms.of_squared_weights,
    "row_stochastic": forms.row_stochastic,
    "retraced": forms.with_retraced,
    "root": forms.root,
    "logarithm": forms.logarithm,
    "per_weight": forms.per_weight,
    "loops_l2": forms.printed_with_l2,
    "loops_c10": forms.more_quartic_decay,
    "loops_c100": forms.most_quartic_decay,
}


def made(name, seeds):
    """A penalty for the networks of these seeds, at its own strength, and the networks."""
    network = Stack(SIZES, seeds)
    record, strengths = ALL[name], [ALL[name].strength] * len(seeds)
    record.prepare(TASK, network, strengths)
    return record.make(TASK, SIZES, seeds, strengths), network


@given(chains(depth=3))
def test_plain_penalties_equal_their_definitions(chain):
    entries = [w.item() for W in chain for w in W.flatten()]
    assert no_penalty(chain) == 0
    assert l1_penalty(chain) == sum(abs(w) for w in entries)
    assert squares(chain) == sum(w**2 for w in entries)


@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_a_name_stands_for_its_function(name):
    chain = random_chain(*SIZES, stack=(2,))
    penalty, _ = made(name, [0, 1])
    assert torch.equal(penalty(chain), OF_WEIGHTS[name](chain))


def test_no_two_functions_of_the_weights_are_the_same():
    chain = random_chain(*SIZES)
    values = [function(chain).item() for function in OF_WEIGHTS.values()]
    assert len(set(values)) == len(OF_WEIGHTS)


@pytest.mark.parametrize("name", ALL)
def test_a_record_carries_its_name_and_a_usable_default(name):
    assert ALL[name].name == name
    assert ALL[name].strength >= 0
    assert (ALL[name].strength == 0) == (name == "none")


def test_no_form_has_the_name_of_a_penalty():
    assert not PENALTIES.keys() & FORMS.keys()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 0.3])
def test_every_penalty_gives_one_finite_number_per_network_with_finite_gradients(
    name, scale, dtype
):
    chain = [(scale * W).requires_grad_() for W in random_chain(*SIZES, stack=(3,), dtype=dtype)]
    penalty, _ = made(name, [4, 5, 6])
    value = penalty(chain)
    assert value.shape == (3,)
    assert value.isfinite().all()
    # no penalty has no gradient; adding the weights, times zero, gives it one
    (value.sum() + sum(0 * W.sum() for W in chain)).backward()
    learned = [W.grad for W in [*chain, *penalty.parameters()]]
    assert all(grad.isfinite().all() for grad in learned)


@pytest.mark.parametrize("name", ALL)
def test_a_penalty_leaves_the_weights_that_it_is_given_as_they_are(name):
    chain = random_chain(*SIZES, stack=(2,), dtype=torch.float32)
    before = [W.clone() for W in chain]
    penalty, _ = made(name, [4, 5])
    penalty(chain)
    assert all(torch.equal(W, B) for W, B in zip(chain, before, strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_network_in_a_stack_is_penalised_as_it_is_alone(name):
    seeds = [4, 5, 6]
    chain = random_chain(*SIZES, stack=(3,), dtype=torch.float32)
    together = made(name, seeds)[0](chain)
    for n, seed in enumerate(seeds):
        alone = made(name, [seed])[0]([W[n : n + 1] for W in chain])
        torch.testing.assert_close(together[n : n + 1], alone)


@pytest.mark.parametrize("name", ALL)
def test_a_network_that_diverged_leaves_the_penalty_of_the_others_as_it_is(name):
    chain = random_chain(*SIZES, stack=(2,), dtype=torch.float32)
    alone = made(name, [4])[0]([W[:1] for W in chain])
    penalty, _ = made(name, [4, 5])
    for W in chain:
        W[1] = math.nan
        W.requires_grad_()
    value = penalty(chain)
    torch.testing.assert_close(value[:1], alone)
    (value.sum() + sum(0 * W.sum() for W in chain)).backward()
    assert all(W.grad[0].isfinite().all() for W in chain)


@pytest.mark.parametrize("name", ALL)
def test_priors_alone_change_the_network_and_they_alone_penalise_nothing(name):
    untouched = Stack(SIZES, [4, 5])
    penalty, network = made(name, [4, 5])
    x = random_chain(16, 8, stack=(2,), dtype=torch.float32)[0]
    torch.manual_seed(0)
    assert torch.equal(network(x), untouched(x)) == (name not in PRIORS)
    nothing = (penalty(random_chain(*SIZES, stack=(2,))) == 0).all()
    assert nothing == (name in SILENT)


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_changes_a_network_in_a_stack_as_it_does_alone(name):
    x = random_chain(16, 8, dtype=torch.float32)[0]
    _, together = made(name, [4, 5, 6])
    outputs = together(x.expand(3, -1, -1))
    for n, seed in enumerate([4, 5, 6]):
        _, alone = made(name, [seed])
        torch.testing.assert_close(outputs[n], alone(x[None])[0])
        for a, b in zip(weights(together), weights(alone), strict=True):
            assert torch.equal(a[n], b[0])


def somebodys_network(dtype=torch.float32):
    torch.manual_seed(0)
    layers = nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 4)
    return nn.Sequential(*layers).to(dtype)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_penalty_works_on_somebodys_own_network(name, dtype):
    model = somebodys_network(dtype)
    chain = weights(model)
    record = ALL[name]
    penalty = record.make(None, layer_sizes(chain), [3], [record.strength])
    value = penalty(chain)
    assert value.shape == ()
    assert value.isfinite()
    if name in SILENT:
        assert value == 0
    else:
        value.backward()
        for layer in (model[0], model[2], model[4]):
            assert layer.weight.grad.isfinite().all()
            assert (layer.weight.grad != 0).any()
        assert all(p.grad.isfinite().all() for p in penalty.parameters())
    # as in a stack of one, and of four
    for copies in (1, 4):
        stack = [W.detach().expand(copies, 1, *W.shape) for W in chain]
        several = record.make(None, layer_sizes(chain), [3] * copies, [record.strength] * copies)
        torch.testing.assert_close(several(stack), value.detach().expand(copies, 1))


@pytest.mark.parametrize("name", ALL)
def test_double_precision_changes_a_penalty_by_rounding_alone(name):
    values = []
    for dtype in (torch.float32, torch.float64):
        chain = [W.to(dtype) for W in weights(somebodys_network())]
        record = ALL[name]
        values.append(record.make(None, layer_sizes(chain), [3], [record.strength])(chain).item())
    assert values[0] == pytest.approx(values[1], rel=1e-4)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("autocast", [None, torch.float16, torch.bfloat16])
def test_every_penalty_is_that_of_double_precision_in_any_other(name, dtype, autocast):
    for scale, dead in product([1e-4, 1, 30], range(4)):
        chain = [(scale * W).to(dtype) for W in random_chain(*SIZES)]
        silence(chain, dead)
        record = ALL[name]
        penalty, exact = (record.make(None, SIZES, [0], [record.strength]) for _ in range(2))
        expected = exact([W.double() for W in chain])
        for W in chain:
            W.requires_grad_()
        with torch.autocast("cpu", autocast or torch.bfloat16, enabled=autocast is not None):
            value = penalty(chain)
        assert value.item() == pytest.approx(expected.item(), rel=0.01, abs=1e-4)
        (value + sum(0 * W.sum() for W in chain)).backward()
        assert all(W.grad.dtype == dtype and W.grad.isfinite().all() for W in chain)
        assert all(p.grad.isfinite().all() for p in penalty.parameters())


def silence(chain, layer):
    """Leave the third neuron of a layer without any weight."""
    for W in chain[max(layer - 1, 0) : layer]:
        W[:, 1] = 0
    for W in chain[layer : layer + 1]:
        W[1] = 0


@pytest.mark.parametrize("name", ALL)
def test_a_penalty_takes_a_network_or_says_that_it_needs_a_chain(name):
    record, chain = ALL[name], random_chain(*SIZES, stack=(2,))
    penalty = record.make(None, SIZES, [0, 1], [record.strength] * 2)
    if name in NEED_A_CHAIN:
        with pytest.raises(ValueError, match=r"needs a chain, .* 5 layers and 8 connections; pick"):
            penalty(random_network())
        return
    assert torch.equal(penalty(Network.from_chain(chain)), penalty(chain))
    network = random_network(stack=(2,))
    together = penalty(network)
    for n in range(2):
        alone = with_weights(network, [W[n] for W in weights_in(network)])
        torch.testing.assert_close(together[n], penalty(alone))


@given(st.integers(0, 10**6))
def test_plain_penalties_of_a_network_are_those_of_its_connections(seed):
    network = random_network(seed, entries=3)
    entries = [w.item() for W in weights_in(network) for w in W.flatten()]
    assert no_penalty(network) == 0
    assert l1_penalty(network) == sum(abs(w) for w in entries)
    assert squares(network) == sum(w**2 for w in entries)


@pytest.mark.parametrize("name", ["learned_places", "bimt", "soft_modularity"])
def test_a_penalty_of_other_networks_than_the_chains_says_so(name):
    chain = random_chain(*SIZES, stack=(2,))
    penalty = ALL[name].make(None, SIZES, [0, 1, 2], [1.0] * 3)
    with pytest.raises(ValueError, match="made for 3 networks got 2; make it with one seed for"):
        penalty(chain)


class PullOfALearnedNumber(nn.Module):
    """(learned number - 3)^2 for each network."""

    def __init__(self, task, widths, seeds, strengths):
        super().__init__()
        self.made_of = task, widths, seeds, strengths
        self.number = nn.Parameter(torch.zeros(len(strengths)))

    def forward(self, chain):
        return (self.number - 3).square()


def test_what_a_penalty_learns_is_trained_beside_the_network():
    made, prepared = [], []

    def make(*arguments):
        made.append(PullOfALearnedNumber(*arguments))
        return made[0]

    def prepare(*arguments):
        prepared.append(arguments)

    run = modlib.train(
        TASK, Penalty("pull", make, 1.0, prepare), [0.5, 1.0], range(2),
        steps=40, batch_size=8, nulls=2, restarts=1,
    )  # fmt: skip
    (penalty,) = made
    task, widths, seeds, strengths = penalty.made_of
    assert task is TASK
    assert tuple(widths) == SIZES
    assert tuple(seeds) == (0, 1, 0, 1)
    assert strengths == [0.5, 0.5, 1.0, 1.0]
    assert prepared == [(TASK, run.network, strengths)]
    # Adam takes steps of about its learning rate, 5e-3, while the gradient keeps its sign
    assert (penalty.number > 0.1).all()


@pytest.mark.parametrize("name", ALL)
def test_training_that_follows_no_rule_refuses_those_that_have_one(name):
    if name == "walk_loop_steps":
        with pytest.raises(ValueError, match="got walk_loop_steps, a rule between"):
            without_rule(ALL[name])
    else:
        assert without_rule(ALL[name]) is ALL[name]
