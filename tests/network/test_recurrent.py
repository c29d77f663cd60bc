"""Recurrent networks, traced, against their networks written by hand."""

import pytest
import torch
from by_hand import assert_is
from torch import nn

from modlib import network


def to_units(weight, n):
    """Weights to the gates of n units; those of one gate keep their signs."""
    gates = weight.detach().split(n)
    return (gates[0] if len(gates) == 1 else sum(gate.abs() for gate in gates)).T


class Reader(nn.Module):
    """A recurrent layer, whose last output is read."""

    def __init__(self, layer, n):
        super().__init__()
        self.layer, self.out = layer, nn.Linear(n, 2)

    def forward(self, x):
        return self.out(self.layer(x)[0][:, -1])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_hidden_units_feed_themselves(kind, bias):
    net = Reader(kind(3, 4, batch_first=True, bias=bias), 4)
    assert_is(
        network(net, torch.randn(2, 5, 3)),
        {"input": 3, "layer": 4, "out": 2},
        [
            ("layer.weight_ih_l0", "input", "layer", to_units(net.layer.weight_ih_l0, 4)),
            ("layer.weight_hh_l0", "layer", "layer", to_units(net.layer.weight_hh_l0, 4)),
            ("out", "layer", "out", net.out.weight.T),
        ],
    )


def test_layers_and_directions_are_layers_of_their_own():
    lstm = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
    net = Reader(lstm, 8)
    names = ["layer", "layer.l0_reverse", "layer.l1", "layer.l1_reverse"]
    connections = []
    for n, name in enumerate(names):
        suffix = ["l0", "l0_reverse", "l1", "l1_reverse"][n]
        into = to_units(getattr(lstm, f"weight_ih_{suffix}"), 4)
        ih = f"layer.weight_ih_{suffix}"
        if n < 2:
            connections.append((ih, "input", name, into))
        else:
            connections += [
                (f"{ih}[{source}]", source, name, part)
                for source, part in zip(names[:2], into.chunk(2), strict=True)
            ]
        hh = f"layer.weight_hh_{suffix}"
        connections.append((hh, name, name, to_units(getattr(lstm, f"weight_hh_{suffix}"), 4)))
    connections += [
        (f"out[{source}]", source, "out", part)
        for source, part in zip(names[2:], net.out.weight.T.chunk(2), strict=True)
    ]
    sizes = {"input": 3, **dict.fromkeys(names, 4), "out": 2}
    assert_is(network(net, torch.randn(2, 5, 3)), sizes, connections)


class Unrolled(nn.Module):
    """A cell that runs step by step."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.out = cell, nn.Linear(4, 2)

    def forward(self, x):
        state = None
        for now in x.unbind(1):
            state = self.cell(now, state)
        return self.out(state[0] if isinstance(state, tuple) else state)


@pytest.mark.parametrize("n_steps", [1, 2, 5])
@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_is_one_layer_at_all_of_its_steps(kind, n_steps):
    net = Unrolled(kind(3, 4))
    assert_is(
        network(net, torch.randn(2, n_steps, 3)),
        {"input": 3, "cell": 4, "out": 2},
        [
            ("cell.weight_ih", "input", "cell", to_units(net.cell.weight_ih, 4)),
            ("cell.weight_hh", "cell", "cell", to_units(net.cell.weight_hh, 4)),
            ("out", "cell", "out", net.out.weight.T),
        ],
    )


def test_what_a_cell_reads_is_one_layer_at_all_of_its_steps():
    net = Unrolled(nn.GRUCell(3, 4))
    net.before = nn.Linear(3, 3)
    net.forward = lambda x: Unrolled.forward(
        net, torch.stack([net.before(now) for now in x.unbind(1)], 1)
    )
    found = network(net, torch.randn(2, 3, 3))
    assert found.sizes == {"input": 9, "before": 3, "cell": 4, "out": 2}
    assert [c.name for c in found.connections[:3]] == ["before"] * 3
    assert {c.target for c in found.connections[:3]} == {"before"}


class Captions(nn.Module):
    """A recurrent layer whose first state is made of an image's features."""

    def __init__(self):
        super().__init__()
        self.start, self.layer = nn.Linear(6, 4), nn.GRU(3, 4, batch_first=True)
        self.out = nn.Linear(4, 2)

    def forward(self, image, x):
        return self.out(self.layer(x, self.start(image)[None])[0])


def test_a_state_that_is_handed_over_is_the_layers_own():
    net = Captions()
    assert_is(
        network(net, torch.randn(2, 6), torch.randn(2, 5, 3)),
        {"input.image": 6, "input.x": 3, "start": 4, "out": 2},
        [
            ("start", "input.image", "start", net.start.weight.T),
            ("layer.weight_ih_l0", "input.x", "start", to_units(net.layer.weight_ih_l0, 4)),
            ("layer.weight_hh_l0", "start", "start", to_units(net.layer.weight_hh_l0, 4)),
            ("out", "start", "out", net.out.weight.T),
        ],
    )
