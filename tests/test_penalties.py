"""Every penalty keeps the interface; the plain ones equal their definitions in loops."""

import pytest
import torch
from hypothesis import given
from strategies import chains, random_chain
from torch import nn

import modlib
from modlib.penalties import PENALTIES, Penalty, l1_penalty, l2_penalty, no_penalty
from modlib.tasks import retina

SIZES = (8, 12, 12, 2)


@given(chains(depth=3))
def test_plain_penalties_equal_their_definitions(chain):
    entries = [w.item() for W in chain for w in W.flatten()]
    assert no_penalty(chain) == 0
    assert l1_penalty(chain) == sum(abs(w) for w in entries)
    assert l2_penalty(chain) == sum(w**2 for w in entries)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("l1", l1_penalty),
        ("l2", l2_penalty),
        ("loops", modlib.loop_penalty),
        ("walk_loops", modlib.walk_loop_penalty),
    ],
)
def test_a_name_stands_for_its_function(name, function):
    chain = random_chain(*SIZES, stack=(2,))
    assert torch.equal(PENALTIES[name].make(retina(), [0, 1])(chain), function(chain))


@pytest.mark.parametrize("name", PENALTIES)
def test_a_record_carries_its_name_and_a_usable_default(name):
    assert PENALTIES[name].name == name
    assert PENALTIES[name].strength >= 0
    assert (PENALTIES[name].strength == 0) == (name == "none")


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_every_penalty_gives_one_finite_number_per_network_with_finite_gradients(name, scale):
    chain = [
        (scale * W).requires_grad_() for W in random_chain(*SIZES, stack=(3,), dtype=torch.float32)
    ]
    penalty = PENALTIES[name].make(retina(), [4, 5, 6])
    value = penalty(chain)
    assert value.shape == (3,)
    assert value.isfinite().all()
    # no penalty has no gradient; adding the weights, times zero, gives it one
    (value.sum() + sum(0 * W.sum() for W in chain)).backward()
    assert all(W.grad.isfinite().all() for W in chain)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_network_in_a_stack_is_penalised_as_it_is_alone(name):
    chain = random_chain(*SIZES, stack=(3,), dtype=torch.float32)
    seeds = [4, 5, 6]
    together = PENALTIES[name].make(retina(), seeds)(chain)
    for n, seed in enumerate(seeds):
        alone = PENALTIES[name].make(retina(), [seed])([W[n : n + 1] for W in chain])
        torch.testing.assert_close(together[n : n + 1], alone)


class PullOfALearnedNumber(nn.Module):
    """(learned number - 3)^2 for each network."""

    def __init__(self, seeds):
        super().__init__()
        self.seeds = list(seeds)
        self.number = nn.Parameter(torch.zeros(len(seeds)))

    def forward(self, chain):
        return (self.number - 3).square()


def test_what_a_penalty_learns_is_trained_beside_the_network():
    made = []

    def make(task, seeds):
        made.append(PullOfALearnedNumber(seeds))
        return made[0]

    modlib.train(
        "retina", Penalty("pull", make, 1.0), [0.5, 1.0], range(2),
        steps=40, batch_size=8, nulls=2, restarts=1,
    )  # fmt: skip
    (penalty,) = made
    assert penalty.seeds == [0, 1, 0, 1]
    # Adam takes steps of about its learning rate, 3e-3, while the gradient keeps its sign
    assert (penalty.number > 0.1).all()
