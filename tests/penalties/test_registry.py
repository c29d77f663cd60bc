"""Every penalty keeps the interface; the plain ones equal their definitions in loops."""

import math

import pytest
import torch
from hypothesis import given
from strategies import chains, random_chain
from torch import nn

import modlib
from modlib import weights
from modlib.chain import squares
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty, l1_penalty, no_penalty
from modlib.study import forms
from modlib.tasks.retina import retina
from modlib.training.stacks import Stack

TASK = retina()
SIZES = (8, 12, 12, 2)
PRIORS = ["hard_wired", "clusterable_init", "dropout"]
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
    record = PENALTIES[name]
    return record.make(TASK, network, [record.strength] * len(seeds)), network


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


@pytest.mark.parametrize("name", PENALTIES)
def test_a_record_carries_its_name_and_a_usable_default(name):
    assert PENALTIES[name].name == name
    assert PENALTIES[name].strength >= 0
    assert (PENALTIES[name].strength == 0) == (name == "none")


@pytest.mark.parametrize("name", PENALTIES)
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


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_leaves_the_weights_that_it_is_given_as_they_are(name):
    chain = random_chain(*SIZES, stack=(2,), dtype=torch.float32)
    before = [W.clone() for W in chain]
    penalty, _ = made(name, [4, 5])
    penalty(chain)
    assert all(torch.equal(W, B) for W, B in zip(chain, before, strict=True))


@pytest.mark.parametrize("name", PENALTIES)
def test_a_network_in_a_stack_is_penalised_as_it_is_alone(name):
    seeds = [4, 5, 6]
    chain = random_chain(*SIZES, stack=(3,), dtype=torch.float32)
    together = made(name, seeds)[0](chain)
    for n, seed in enumerate(seeds):
        alone = made(name, [seed])[0]([W[n : n + 1] for W in chain])
        torch.testing.assert_close(together[n : n + 1], alone)


@pytest.mark.parametrize("name", PENALTIES)
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


@pytest.mark.parametrize("name", PENALTIES)
def test_priors_alone_change_the_network_and_they_alone_penalise_nothing(name):
    untouched = Stack(SIZES, [4, 5])
    penalty, network = made(name, [4, 5])
    x = random_chain(16, 8, stack=(2,), dtype=torch.float32)[0]
    torch.manual_seed(0)
    assert torch.equal(network(x), untouched(x)) == (name not in PRIORS)
    nothing = (penalty(random_chain(*SIZES, stack=(2,))) == 0).all()
    assert nothing == (name in [*PRIORS, "none"])


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


class PullOfALearnedNumber(nn.Module):
    """(learned number - 3)^2 for each network."""

    def __init__(self, task, network, strengths):
        super().__init__()
        self.made_of = task, network, strengths
        self.number = nn.Parameter(torch.zeros(len(strengths)))

    def forward(self, chain):
        return (self.number - 3).square()


def test_what_a_penalty_learns_is_trained_beside_the_network():
    made = []

    def make(*arguments):
        made.append(PullOfALearnedNumber(*arguments))
        return made[0]

    run = modlib.train(
        TASK, Penalty("pull", make, 1.0), [0.5, 1.0], range(2),
        steps=40, batch_size=8, nulls=2, restarts=1,
    )  # fmt: skip
    (penalty,) = made
    task, network, strengths = penalty.made_of
    assert task is TASK
    assert network is run.network
    assert network.seeds == (0, 1, 0, 1)
    assert network.widths == SIZES
    assert strengths == [0.5, 0.5, 1.0, 1.0]
    # Adam takes steps of about its learning rate, 5e-3, while the gradient keeps its sign
    assert (penalty.number > 0.1).all()
