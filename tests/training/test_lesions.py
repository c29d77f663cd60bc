"""Lesions of networks wired by hand, of which it is known who needs what."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from modlib.chain import StackedLinear
from modlib.tasks.formulas import formulas
from modlib.tasks.retina import retina
from modlib.tasks.task import Examples
from modlib.training.lesions import lesion_drops, specialisation
from modlib.training.stacks import Stack

# two sub-tasks of one output each: classes, and numbers to be predicted
CLASSES, NUMBERS = retina(), formulas("independence")
PATTERNS = torch.tensor(list(product([-1.0, 1.0], repeat=2)))
IDENTITY = torch.eye(2)


def hand_wired(*chains):
    """Return a stack of networks without biases from their chains."""
    widths = [len(chains[0][0]), *(W.shape[1] for W in chains[0])]
    stack = Stack(widths, seeds=range(len(chains)))
    with torch.no_grad():
        for depth, layer in enumerate(stack.layers):
            layer.weight.copy_(torch.stack([chain[depth] for chain in chains]))
            layer.bias.zero_()
    return stack


def all_patterns(targets, n_stack=1):
    return Examples(PATTERNS.expand(n_stack, -1, -1), targets.expand(n_stack, -1, -1))


def drops_of(stack, communities, examples, task):
    return lesion_drops(stack, communities, examples.x, task.scored(examples))


SIDES = (PATTERNS > 0).long()


def test_two_separate_halves_lose_one_sub_task_each():
    stack = hand_wired([IDENTITY, IDENTITY, IDENTITY])
    communities = np.tile([0, 1], 4)[None]
    drops = drops_of(stack, communities, all_patterns(SIDES), CLASSES)
    # a silenced half answers 0, which is right half of the time
    assert drops.tolist() == [[[0.5, 0.0], [0.0, 0.5]]]
    assert specialisation(drops).tolist() == [1.0]


def test_a_lesion_of_what_all_share_hurts_all_alike():
    shared = [torch.tensor([[1.0], [0.0]]), torch.ones(1, 1), torch.ones(1, 2)]
    targets = SIDES[:, :1].expand(-1, 2)
    communities = np.zeros((1, 6), dtype=int)
    drops = drops_of(hand_wired(shared), communities, all_patterns(targets), CLASSES)
    assert drops.tolist() == [[[0.5, 0.5]]]
    assert specialisation(drops).tolist() == [0.0]


def test_inputs_and_outputs_are_left_alone():
    stack = hand_wired([IDENTITY, IDENTITY])
    # community 1 holds every input and output, community 0 every hidden neuron
    communities = np.array([[1, 1, 0, 0, 1, 1]])
    drops = drops_of(stack, communities, all_patterns(SIDES), CLASSES)
    assert drops.tolist() == [[[0.5, 0.5], [0.0, 0.0]]]


def test_each_network_is_lesioned_by_its_own_communities():
    stack = hand_wired([IDENTITY, IDENTITY], [IDENTITY, IDENTITY.flip(0)])
    communities = np.array([[0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])
    swapped = torch.stack([SIDES, SIDES.flip(1)])
    examples = Examples(PATTERNS.expand(2, -1, -1), swapped)
    drops = drops_of(stack, communities, examples, CLASSES)
    # network 1 has one community, and a row of zeros for the other
    assert drops.tolist() == [[[0.5, 0.0], [0.0, 0.5]], [[0.5, 0.5], [0.0, 0.0]]]


def test_a_lesion_costs_a_predicted_number_the_variance_that_it_explained():
    stack = hand_wired([IDENTITY, IDENTITY, IDENTITY])
    # right about the first number; half of the second's variance is out of reach
    outputs = stack(PATTERNS[None])[0].detach()
    unseen = PATTERNS.prod(1) * outputs[0, 1].abs()
    targets = torch.stack([outputs[:, 0], outputs[:, 1] + unseen], dim=1)
    drops = drops_of(stack, np.tile([0, 1], 4)[None], all_patterns(targets), NUMBERS)
    torch.testing.assert_close(drops, torch.tensor([[[1.0, 0.0], [0.0, 0.5]]]))


def test_heads_of_several_outputs_are_lesioned_as_one_sub_task():
    # four patterns told apart by one head of four outputs
    task = replace(CLASSES, heads=(4,), output_modules=np.array([0, 0, 1, 1]))
    examples = Examples(PATTERNS[None], torch.arange(4)[None, :, None])
    communities = np.array([[0, 0, 0, 1, 0, 0, 0, 0]])
    drops = drops_of(hand_wired([IDENTITY, PATTERNS.T]), communities, examples, task)
    # the neuron that is left tells two pairs of patterns apart
    assert drops.tolist() == [[[0.5], [0.5]]]


def test_a_lesion_takes_any_network_and_any_accuracy():
    class Weighing(nn.Module):
        """Two hidden neurons, whose layers do not make up a stack."""

        def __init__(self):
            super().__init__()
            self.first = StackedLinear(IDENTITY[None], torch.zeros(1, 1, 2))
            self.second = StackedLinear(torch.tensor([[[1.0], [3.0]]]), torch.zeros(1, 1, 1))

        def forward(self, x, silenced=None):
            hidden = self.first(x)
            if silenced is not None:
                hidden = hidden.masked_fill(silenced[0][:, None], 0.0)
            return self.second(hidden)

    x = torch.tensor([[[1.0, 1.0]]])
    drops = lesion_drops(Weighing(), np.array([[0, 0, 0, 1, 0]]), x, lambda y: y.sum(1))
    assert drops.tolist() == [[[1.0], [3.0]]]


@pytest.mark.parametrize(
    ("drops", "expected"),
    [
        # (3 max / sum - 1) / 2, weighted by the sum
        ([[0.3, 0.0, 0.0]], 1.0),
        ([[0.2, 0.2, 0.2]], 0.0),
        ([[0.2, 0.2, 0.0]], (3 / 2 - 1) / 2),
        ([[0.3, 0.0, 0.0], [0.1, 0.1, 0.1]], (0.3 * 1 + 0.3 * 0) / 0.6),
        ([[0.4, 0.1, 0.1], [0.0, 0.0, 0.2]], (0.6 * (3 * 0.4 / 0.6 - 1) / 2 + 0.2) / 0.8),
        # a gain is no loss
        ([[0.3, -0.2, -0.1]], 1.0),
    ],
)
def test_specialisation_of_three_tasks_by_hand(drops, expected):
    assert specialisation(torch.tensor(drops)).item() == pytest.approx(expected, abs=1e-6)


def test_specialisation_of_two_tasks_is_their_relative_difference():
    drops = torch.tensor([[[0.3, 0.1]], [[0.0, 0.2]]])
    assert specialisation(drops).tolist() == pytest.approx([0.2 / 0.4, 1.0])


@pytest.mark.parametrize("drops", [[[0.3], [0.1]], [[0.0, 0.0]], [[-0.1, 0.0]]])
def test_specialisation_is_undefined_for_one_task_or_where_no_lesion_hurts(drops):
    assert math.isnan(specialisation(torch.tensor(drops)).item())
