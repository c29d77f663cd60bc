"""Networks and chains are turned into one another, or refused."""

import pytest
import torch
from torch import nn

from modlib import Connection, Network, network, weights
from modlib.network import trace
from modlib.network.connections import chain

A, B, C = torch.randn(2, 3), torch.randn(3, 4), torch.randn(4, 1)


def test_a_chain_is_a_network_in_a_line():
    made = Network.from_chain([A, B, C])
    assert made.sizes == {"0": 2, "1": 3, "2": 4, "3": 1}
    assert [c[:3] for c in made.connections] == [
        ("0", "0", "1"), ("1", "1", "2"), ("2", "2", "3"),
    ]  # fmt: skip
    assert made.left_out == []
    assert all(a is b for a, b in zip(chain(made), [A, B, C], strict=True))


def test_the_chain_of_a_stack_is_a_network_too():
    stack = [torch.randn(5, 2, 3), torch.randn(5, 3, 1)]
    made = Network.from_chain(stack)
    assert made.sizes == {"0": 2, "1": 3, "2": 1}
    assert all(a is b for a, b in zip(chain(made), stack, strict=True))


def test_a_line_is_a_chain_in_whatever_order_its_connections_are():
    made = Network.from_chain([A, B, C])
    first, second, third = made.connections
    turned = made._replace(connections=[third, first, second])
    assert all(a is b for a, b in zip(chain(turned), [A, B, C], strict=True))


SQUARE = torch.randn(3, 3)


@pytest.mark.parametrize(
    ("connections", "message"),
    [
        ([], "at least one connection"),
        (
            [Connection("p", "x", "y", A), Connection("q", "x", "z", A)],
            "2 connections lead out of layer 'x': p, q",
        ),
        (
            [Connection("p", "x", "z", A), Connection("q", "y", "z", A)],
            "2 connections lead into layer 'z': p, q",
        ),
        (
            [Connection("p", "x", "y", A), Connection("skip", "x", "y", A)],
            "2 connections lead out of layer 'x': p, skip",
        ),
        ([Connection("p", "x", "x", SQUARE)], "p stands apart"),
        (
            [Connection("p", "x", "y", SQUARE), Connection("q", "y", "x", SQUARE)],
            "p, q stands apart",
        ),
        ([Connection("p", "x", "y", A), Connection("q", "u", "v", A)], "stands apart"),
    ],
)
def test_what_is_no_line_is_refused(connections, message):
    with pytest.raises(ValueError, match=message):
        chain(Network({}, connections, []))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.out = nn.Linear(3, 4), nn.Linear(4, 2)
        self.up, self.down = nn.Linear(4, 6), nn.Linear(6, 4)

    def forward(self, x):
        h = self.into(x)
        return self.out(h + self.down(torch.relu(self.up(h))))


X = torch.randn(2, 3)


def test_a_traced_line_is_a_chain():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert all(torch.equal(W, V) for W, V in zip(weights(net, X), weights(net), strict=True))


def test_a_convolutional_line_is_the_same_chain_with_and_without_an_example():
    net = nn.Sequential(
        *(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2)),
        *(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 2)),
    )
    traced = weights(net, torch.randn(2, 1, 8, 8))
    for W, V in zip(traced, weights(net), strict=True):
        # absolute weights may be added up in another order
        torch.testing.assert_close(W, V)


def test_a_residual_network_is_no_chain_but_some_of_its_connections_are():
    net = Residual()
    with pytest.raises(ValueError, match=r"2 connections lead out of layer 'into': up, out"):
        weights(net, X)
    picked = weights(net, X, layers=["up", "into"])
    for W, layer in zip(picked, (net.into, net.up), strict=True):
        assert torch.equal(W, layer.weight.T)
    whole = network(net, X)
    some = trace.picked(whole, ["up", "into"])
    assert some.sizes == whole.sizes
    assert [c.name for c in some.connections] == ["into", "up"]
    others = {c.name for c in whole.connections} - {"into", "up"}
    assert set(some.left_out) == others | set(whole.left_out)


def test_an_example_may_be_given_by_name():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    named = weights(net, input=X)
    assert all(torch.equal(W, V) for W, V in zip(named, weights(net, X), strict=True))


def test_connections_are_picked_by_names_that_exist_from_a_network_that_is_traced():
    net = Residual()
    with pytest.raises(ValueError, match="no connection is named nothing; there are into, up"):
        weights(net, X, layers=["nothing"])
    with pytest.raises(ValueError, match="pass an example of its inputs too"):
        weights(net, layers=["up"])


def test_a_network_is_what_its_trace_says():
    net = Residual()
    found = network(net, X)
    assert isinstance(found, Network)
    assert found.sizes == {"input": 3, "into": 4, "up": 6, "out": 2}
