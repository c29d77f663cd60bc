"""Stacks of perceptrons against `torch.nn`, one network at a time."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score
from strategies import random_chain
from torch import nn
from torch.nn import functional as F

from modlib.chain import weights
from modlib.penalties import PENALTIES
from modlib.tasks.scores import accuracy, by_head, cross_entropy, explained_variance, squared_error
from modlib.training.stacks import Stack, prune_by_magnitude, scaled_start, with_weights

WIDTHS = (5, 7, 6, 3)


def sequential(stack, n):
    """Network n of a stack, built from PyTorch's own layers."""
    modules = []
    for layer in stack.layers:
        n_in, n_out = layer.weight.shape[-2:]
        linear = nn.Linear(n_in, n_out)
        linear.load_state_dict({"weight": layer.weight[n].T, "bias": layer.bias[n, 0]})
        modules += [linear, nn.Tanh()]
    return nn.Sequential(*modules[:-1])


def inputs(n_stack, n_in=5, batch=9):
    (x,) = random_chain(batch, n_in, stack=(n_stack,), dtype=torch.float32)
    return x


def test_each_network_computes_what_its_layers_do_one_by_one():
    stack, x = Stack(WIDTHS, seeds=[3, 1]), inputs(2)
    for n in range(2):
        # batched products may add up in another order
        torch.testing.assert_close(stack(x)[n], sequential(stack, n)(x[n]))


def test_the_activation_can_be_chosen_and_is_not_applied_to_outputs():
    stack, x = Stack(WIDTHS, seeds=[3], activation=torch.relu), inputs(1)
    first, second, last = stack.layers
    hidden = torch.relu(second(torch.relu(first(x))))
    assert torch.equal(stack(x), last(hidden))


def test_a_network_starts_from_the_same_weights_alone_and_in_a_stack():
    together, alone = Stack(WIDTHS, seeds=[3, 8, 1]), Stack(WIDTHS, seeds=[8])
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(a[1:2], b)
        assert not torch.equal(a[:1], b)


def test_making_a_stack_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    Stack(WIDTHS, seeds=[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_initial_weights_are_distributed_as_in_torch():
    n_in = 400
    (ours,) = Stack((n_in, 300), seeds=[0]).layers
    theirs = nn.Linear(n_in, 300)
    for a, b in ((ours.weight, theirs.weight), (ours.bias, theirs.bias)):
        # uniform on +-1/20: the largest of 300 comes within 5 % of the bound, and 120,000
        # have a spread known to 0.2 %
        assert a.abs().max().item() == pytest.approx(b.abs().max().item(), rel=0.05)
        assert a.abs().max() <= n_in**-0.5
    assert ours.weight.std().item() == pytest.approx(theirs.weight.std().item(), rel=0.01)
    assert abs(ours.weight.mean().item()) < 5 * n_in**-0.5 / 120_000**0.5


def test_silenced_neurons_are_those_whose_activity_is_set_to_zero():
    stack, x = Stack(WIDTHS, seeds=[3, 1], activation=torch.sigmoid), inputs(2)
    silenced = [torch.zeros(2, 7, dtype=bool), torch.zeros(2, 6, dtype=bool)]
    silenced[0][0, [0, 4]] = True
    silenced[1][1, 5] = True
    first, second, last = stack.layers
    hidden = torch.sigmoid(first(x))
    hidden[0, :, [0, 4]] = 0
    hidden = torch.sigmoid(second(hidden))
    hidden[1, :, 5] = 0
    assert torch.equal(stack(x, silenced), last(hidden))
    assert torch.equal(stack(x, [torch.zeros_like(mask) for mask in silenced]), stack(x))


def test_a_stack_remembers_its_widths_and_seeds():
    stack = Stack([5, 7, 3], seeds=range(2, 5))
    assert (stack.widths, stack.seeds) == ((5, 7, 3), (2, 3, 4))


class OneMore(nn.Module):
    """Noise that adds 1 in training."""

    def forward(self, x):
        return x + 1 if self.training else x


def test_noise_acts_on_hidden_activity_alone_and_in_training_alone():
    stack, x = Stack(WIDTHS, seeds=[3, 1]), inputs(2)
    first, second, last = stack.layers
    without = stack(x)
    stack.noise = OneMore()
    expected = last(torch.tanh(second(torch.tanh(first(x)) + 1)) + 1)
    assert torch.equal(stack(x), expected)
    assert torch.equal(stack.eval()(x), without)


def test_a_stack_has_no_noise_unless_it_is_given_some():
    stack, x = Stack(WIDTHS, seeds=[3]), inputs(1)
    assert torch.equal(stack.train()(x), stack.eval()(x))


def test_silenced_neurons_are_silent_whatever_the_noise():
    stack, x = Stack((5, 4, 2), seeds=[3]), inputs(1)
    stack.noise = OneMore()
    outputs = stack(x, [torch.ones(1, 4, dtype=bool)])
    assert torch.equal(outputs, stack.layers[-1].bias.expand(1, len(x[0]), 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_with_other_weights_is_one_whose_weights_were_replaced(dtype):
    stack, x = Stack(WIDTHS, seeds=[3, 1]), inputs(2)
    before = [p.clone() for p in stack.parameters()]
    chain = [W.numpy() for W in random_chain(*WIDTHS, stack=(2,), seed=4, dtype=dtype)]
    outputs = with_weights(stack, chain)(x)
    # the weights are changed for the call alone
    assert all(torch.equal(p, b) for p, b in zip(stack.parameters(), before, strict=True))
    for layer, W in zip(stack.layers, chain, strict=True):
        layer.weight.data = torch.tensor(W, dtype=torch.float32)
    assert torch.equal(outputs, stack(x))


def test_pruning_leaves_the_largest_weights_of_each_network_and_holds_the_others_at_zero():
    stack = Stack(WIDTHS, seeds=[3, 1])
    before = deepcopy(stack)
    prune_by_magnitude(stack, 0.3)
    for layer, old in zip(stack.layers, before.layers, strict=True):
        for n in range(2):
            flat, left = old.weight[n].flatten().tolist(), layer.weight[n].flatten().tolist()
            order = sorted(range(len(flat)), key=lambda i: -abs(flat[i]))
            largest = order[: round(0.3 * len(flat))]
            assert left == [flat[i] if i in largest else 0.0 for i in range(len(flat))]
        assert torch.equal(layer.bias, old.bias)
    left = [layer.weight.detach().clone() for layer in stack.layers]
    update = torch.optim.Adam(stack.parameters(), lr=0.1)
    stack(inputs(2)).square().sum().backward()
    update.step()
    for layer, old in zip(stack.layers, left, strict=True):
        assert torch.equal(layer.weight != 0, old != 0)
        assert not torch.equal(layer.weight, old)


def test_pruning_needs_a_share_to_leave():
    with pytest.raises(ValueError, match="a share above 0"):
        prune_by_magnitude(Stack(WIDTHS, seeds=[3]), 0.0)


def test_the_loss_of_classes_is_cross_entropy_added_up_over_heads():
    outputs = random_chain(6, 8, stack=(2,), dtype=torch.float32)[0]
    labels = torch.tensor(np.random.default_rng(0).integers(4, size=(2, 6, 2)))
    for n, loss in enumerate(cross_entropy(outputs, labels, (4, 4))):
        left = F.cross_entropy(outputs[n, :, :4], labels[n, :, 0])
        right = F.cross_entropy(outputs[n, :, 4:], labels[n, :, 1])
        torch.testing.assert_close(loss, left + right)
    whole = F.cross_entropy(outputs[0], labels[0, :, 0])
    torch.testing.assert_close(cross_entropy(outputs, labels[..., :1], (8,))[0], whole)


def test_the_loss_of_heads_of_several_sizes_is_added_up_too():
    outputs = random_chain(6, 8, stack=(2,), dtype=torch.float32)[0]
    labels = torch.tensor(np.random.default_rng(0).integers([2, 3, 4], size=(2, 6, 3)))
    for n, loss in enumerate(cross_entropy(outputs, labels, (1, 3, 4))):
        first = F.binary_cross_entropy_with_logits(outputs[n, :, 0], labels[n, :, 0].float())
        second = F.cross_entropy(outputs[n, :, 1:4], labels[n, :, 1])
        third = F.cross_entropy(outputs[n, :, 4:], labels[n, :, 2])
        torch.testing.assert_close(loss, first + second + third)


def test_the_loss_of_a_single_output_is_binary_cross_entropy():
    outputs = random_chain(6, 2, stack=(3,), dtype=torch.float32)[0]
    labels = torch.tensor(np.random.default_rng(0).integers(2, size=(3, 6, 2)))
    for n, loss in enumerate(cross_entropy(outputs, labels, (1, 1))):
        expected = [
            F.binary_cross_entropy_with_logits(outputs[n, :, task], labels[n, :, task].float())
            for task in (0, 1)
        ]
        torch.testing.assert_close(loss, sum(expected))


def test_accuracy_by_hand():
    # a head of one output, decided by its sign, and a head of three
    outputs = torch.tensor([[[0.1, 3.0, 1, 2], [-0.1, 0, 2, 1], [2.0, 0, 1, 5], [-1.0, 0, 9, 1]]])
    labels = torch.tensor([[[1, 0], [1, 1], [1, 1], [0, 1]]])
    assert accuracy(outputs, labels, (1, 3)).tolist() == [[0.75, 0.75]]
    assert accuracy(outputs, 1 - labels.clamp(max=1), (1, 3)).tolist() == [[0.25, 0.0]]


NUMBERS = st.integers(1, 3).flatmap(
    lambda n_tasks: st.lists(
        st.lists(st.tuples(*[st.integers(-9, 9)] * 2), min_size=n_tasks, max_size=n_tasks),
        min_size=1,
    )
)


@given(NUMBERS)
def test_the_squared_error_is_averaged_over_examples_and_added_up_over_sub_tasks(pairs):
    outputs, targets = torch.tensor(pairs, dtype=torch.float32).unbind(-1)
    total = sum((output - target) ** 2 for row in pairs for output, target in row)
    # the second network is off by ten more in the first sub-task
    off = outputs.clone()
    off[:, 0] += 10
    more = sum((row[0][0] + 10 - row[0][1]) ** 2 - (row[0][0] - row[0][1]) ** 2 for row in pairs)
    found = squared_error(
        torch.stack([outputs, off]), targets.expand(2, -1, -1), (1,) * len(pairs[0])
    )
    expected = [total / len(pairs), (total + more) / len(pairs)]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 3.0])
def test_explained_variance_is_r2_or_nothing(spread):
    targets, errors = (x for x in random_chain(40, 3, stack=(2, 2), dtype=torch.float32)[0])
    # one sub-task's mean is missed, too
    outputs = targets + spread * (errors + torch.tensor([0.0, 0.0, 1.0]))
    found = explained_variance(outputs, targets, (1, 1, 1))
    assert found.shape == (2, 3)
    for n in range(2):
        r2 = r2_score(targets[n], outputs[n], multioutput="raw_values")
        assert found[n].tolist() == pytest.approx(np.maximum(r2, 0).tolist(), abs=1e-5)
    assert (found == 0).any() == (spread >= 1)


def test_the_mean_explains_nothing_and_the_target_everything():
    targets = torch.tensor([[[1.0, 4.0], [3.0, 0.0], [5.0, -4.0]]])
    outputs = torch.stack([targets[0, :, 0], torch.zeros(3)], dim=-1)[None]
    assert explained_variance(outputs, targets, (1, 1)).tolist() == [[1.0, 0.0]]


def test_heads_split_the_outputs():
    outputs = torch.arange(8.0).view(1, 2, 4)
    single, rest = by_head(outputs, (1, 3))
    assert single.tolist() == [[[0, 0], [0, 4]]]
    assert rest.tolist() == [[[1, 2, 3], [5, 6, 7]]]


@pytest.mark.parametrize("widths", [(3,), (3, 0, 2)])
def test_a_network_without_layers_or_neurons_is_refused(widths):
    with pytest.raises(ValueError, match="two widths or more, each at least 1; got"):
        Stack(widths, seeds=[0])


def test_a_stack_without_seeds_is_refused():
    with pytest.raises(ValueError, match="at least one seed, got none"):
        Stack(WIDTHS, seeds=[])


def test_networks_begin_with_weights_times_a_factor_before_they_are_prepared():
    found = []

    def prepare(task, network, strengths):
        found.append((strengths, [W.clone() for W in weights(network)]))

    plain, network = Stack(WIDTHS, [3, 1]), Stack(WIDTHS, [3, 1])
    scaled_start(PENALTIES["l1"]._replace(prepare=prepare), 3.0).prepare(None, network, [0.1, 0.2])
    ((strengths, chain),) = found
    assert strengths == [0.1, 0.2]
    for W, layer, scaled in zip(chain, plain.layers, network.layers, strict=True):
        torch.testing.assert_close(W, 3 * layer.weight)
        assert torch.equal(scaled.bias, layer.bias)
