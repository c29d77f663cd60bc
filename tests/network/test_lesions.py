"""Lesions of traced models, against models whose neurons are held at zero where they are read."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from architectures import LeNet, resnet_18
from by_hand import Model
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from modlib import Trace, community_drops, lesioned
from modlib.network.connections import of_neurons
from modlib.training.lesions import lesion_drops
from modlib.training.stacks import Stack

SEQUENCE = torch.randn(2, 5, 4)


def mask(n, *silenced):
    return torch.isin(torch.arange(n), torch.tensor(silenced))


@contextmanager
def held_at_zero(entries, *readers, dim):
    """Hold some of what these modules read at zero."""

    def hold(_, inputs):
        return (inputs[0].index_fill(dim, torch.tensor(entries), 0), *inputs[1:])

    hooks = [reader.register_forward_pre_hook(hold) for reader in readers]
    yield
    for hook in hooks:
        hook.remove()


def test_a_sequential_network_loses_what_a_stack_does():
    stack = Stack([3, 5, 4, 2], seeds=[0])
    layers = [nn.Linear(*layer.weight.shape[1:]) for layer in stack.layers]
    with torch.no_grad():
        for layer, stacked in zip(layers, stack.layers, strict=True):
            layer.weight.copy_(stacked.weight[0].T)
            layer.bias.copy_(stacked.bias[0, 0])
    net = nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])
    x, communities = torch.randn(6, 3), np.random.default_rng(0).integers(0, 3, 14)
    found = community_drops(net, x, communities=communities, score=lambda y: y.mean(0))
    expected = lesion_drops(stack, communities[None], x[None], lambda y: y.mean(1))
    torch.testing.assert_close(found, expected[0])


def test_neurons_of_a_flattened_map_are_its_channels():
    net, x = LeNet().eval(), torch.randn(2, 1, 16, 16)
    with held_at_zero([4, 5, 6, 7], net.f1, dim=1):
        expected = net(x)
    torch.testing.assert_close(lesioned(Trace(net, x), {"c2": mask(4, 1)}), expected)


def test_a_channel_of_a_residual_stream_is_silenced_in_each_branch_that_reads_it():
    net, x = resnet_18().eval(), torch.randn(2, 3, 64, 64)
    trace, (_, _, *blocks, _) = Trace(net, x), net
    stream, inner = {"0.0": mask(4, 1, 3)}, {"2.conv1": mask(4, 0)}
    first, second, third = blocks[:3]
    with held_at_zero([1, 3], first.conv1, second.conv1, third.conv1, third.skip, dim=1):
        torch.testing.assert_close(lesioned(trace, stream), net(x))
        with held_at_zero([0], first.conv2, dim=1):
            torch.testing.assert_close(lesioned(trace, stream | inner), net(x))
    torch.testing.assert_close(lesioned(trace, {}), net(x))


def test_a_head_of_attention_is_silenced_where_its_output_is_projected():
    def run(net, x):
        q, k, v = (f(x).unflatten(-1, (2, 2)).transpose(1, 2) for f in (net.q, net.k, net.v))
        scores = (q @ k.mT).softmax(-1)
        return net.out((scores @ v).transpose(1, 2).flatten(2))

    net = Model(run, **{name: nn.Linear(4, 4) for name in ("q", "k", "v", "out")})
    trace = Trace(net, SEQUENCE)
    (heads,) = [name for name, size in trace.sizes.items() if size == 2]
    with held_at_zero([2, 3], net.out, dim=-1):
        torch.testing.assert_close(lesioned(trace, {heads: mask(2, 1)}), net(SEQUENCE))


class Unrolled(nn.Module):
    """A recurrent network step by step, some units of which nothing reads."""

    def __init__(self, cell, out, silenced=()):
        super().__init__()
        self.cell, self.out = cell, out
        self.read = (~mask(cell.hidden_size, *silenced)).float()

    def forward(self, x):
        state = torch.zeros(len(x), self.cell.hidden_size)
        memory = torch.zeros_like(state)
        for now in x.unbind(1):
            state, memory = self.cell(now, (self.read * state, memory))
        return self.out(self.read * state)


@pytest.mark.parametrize("is_unrolled", [False, True])
def test_a_recurrent_unit_is_silenced_where_others_and_itself_read_it(is_unrolled):
    lstm, cell, out = nn.LSTM(4, 3, batch_first=True), nn.LSTMCell(4, 3), nn.Linear(3, 2)
    cell.load_state_dict({name[:-3]: value for name, value in lstm.state_dict().items()})
    whole = Model(lambda net, x: net.out(net.lstm(x)[0][:, -1]), lstm=lstm, out=out)
    net, layer = (Unrolled(cell, out), "cell") if is_unrolled else (whole, "lstm")
    found = lesioned(Trace(net, SEQUENCE), {layer: mask(3, 0, 2)})
    torch.testing.assert_close(found, Unrolled(cell, out, [0, 2])(SEQUENCE))


def test_layers_that_are_read_together_are_silenced_together():
    net = Model(
        lambda net, x: net.out(torch.cat([net.a(x), net.b(x)], -1)),
        a=nn.Linear(4, 2),
        b=nn.Linear(4, 3),
        out=nn.Linear(5, 2),
    )
    trace = Trace(net, SEQUENCE)
    with held_at_zero([1, 2], net.out, dim=-1):
        expected = net(SEQUENCE)
    found = lesioned(trace, {"a": mask(2, 1), "b": mask(3, 0)})
    torch.testing.assert_close(found, expected)


def test_weights_are_cut_where_they_run_alone():
    def run(net, ids):
        h = torch.tanh(net.hidden(net.table(ids)))
        return F.linear(h, net.table.weight)

    net = Model(run, table=nn.Embedding(7, 4), hidden=nn.Linear(4, 4))
    ids = torch.randint(7, (5,))
    trace = Trace(net, ids)
    with held_at_zero([1], net.hidden, dim=-1):
        torch.testing.assert_close(lesioned(trace, {"table": mask(4, 1)}), net(ids))
    h = torch.tanh(net.hidden(net.table(ids))) * ~mask(4, 2)
    expected = h @ net.table.weight.T
    torch.testing.assert_close(lesioned(trace, {"hidden": mask(4, 2)}), expected)


def test_present_weights_run_whatever_they_are_made_of():
    net = nn.Sequential(
        nn.Linear(4, 3), nn.Dropout(), nn.Sigmoid(), parametrizations.weight_norm(nn.Linear(3, 2))
    ).eval()
    x = torch.randn(6, 4)
    trace = Trace(net, x)
    with torch.no_grad():
        net[0].weight.mul_(2)
        net[3].parametrizations.weight.original1.add_(1)
    with held_at_zero([0], net[3], dim=-1):
        torch.testing.assert_close(lesioned(trace, {"0": mask(3, 0)}), net(x))


def test_what_a_model_takes_and_returns_keeps_its_form():
    net = Model(lambda net, x: {"y": [net.layer(x["x"])], "x": x["x"]}, layer=nn.Linear(2, 3))
    x = {"x": torch.randn(4, 2)}
    found = lesioned(Trace(net, x), {"input": mask(2, 0, 1)})
    assert torch.equal(found["x"], x["x"])
    torch.testing.assert_close(found["y"][0], net.layer.bias.expand(4, 3))


def test_inputs_and_outputs_are_left_alone():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    communities = np.array([0, 0, 1, 1, 1, 0, 0])
    drops = community_drops(
        net, torch.randn(4, 2), communities=communities, score=lambda y: (y - net[2].bias).norm()
    )
    assert drops[0] == 0 < drops[1]


def test_neurons_that_are_not_there_are_refused():
    net, x = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)), torch.randn(4, 2)
    with pytest.raises(ValueError, match=r"layers of a network, .*'0': 3.*; got 3 of 'hidden'"):
        lesioned(Trace(net, x), {"hidden": mask(3, 0)})
    with pytest.raises(ValueError, match="got 2 of '0'"):
        lesioned(Trace(net, x), {"0": mask(2, 0)})
    for wrong in (np.zeros(3, int), np.zeros(7), np.full(7, -1)):
        with pytest.raises(ValueError, match=r"for each of 7 neurons.*, got an array of"):
            of_neurons(wrong, Trace(net, x).sizes)
    with pytest.raises(ValueError, match=r"for each of 7 neurons.*, got an array of"):
        community_drops(net, x, communities=np.zeros(3, int), score=lambda y: y.mean())
