"""Networks that branch, join, run twice or out of order, against those written by hand."""

import pytest
import torch
from by_hand import Model, assert_is, by_block
from torch import nn
from torch.nn import functional as F

from modlib import network


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.trunk = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(3, 4)

    def forward(self, x):
        h = torch.tanh(self.trunk(x))
        return {"a": self.a(h), "b": self.b(h)}


def test_two_heads_read_one_trunk():
    net = Heads()
    assert_is(
        network(net, torch.randn(2, 3)),
        {"input": 3, "trunk": 4, "a": 4, "b": 2},
        [
            ("trunk", "input", "trunk", net.trunk.weight.T),
            ("a", "trunk", "a", net.a.weight.T),
            ("b", "trunk", "b", net.b.weight.T),
        ],
    )


class Experts(nn.Module):
    """Two experts, mixed by a gate."""

    def __init__(self):
        super().__init__()
        self.into, self.gate, self.out = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 2)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4)) for _ in range(2)
        )

    def forward(self, x):
        x = self.into(x)
        gate = self.gate(x).softmax(-1)
        return self.out(sum(g * e(x) for g, e in zip(gate.split(1, -1), self.experts, strict=True)))


def test_a_mixture_of_experts():
    net = Experts()
    first, second = net.experts
    found = network(net, torch.randn(2, 3))
    assert_is(
        found,
        {
            "input": 3,
            "into": 4,
            "gate": 2,
            "experts.0.0": 5,
            "experts.0.2": 4,
            "experts.1.0": 5,
            "out": 2,
        },
        [
            ("into", "input", "into", net.into.weight.T),
            ("gate", "into", "gate", net.gate.weight.T),
            ("experts.0.0", "into", "experts.0.0", first[0].weight.T),
            ("experts.0.2", "experts.0.0", "experts.0.2", first[2].weight.T),
            ("experts.1.0", "into", "experts.1.0", second[0].weight.T),
            ("experts.1.2", "experts.1.0", "experts.0.2", second[2].weight.T),
            ("out", "experts.0.2", "out", net.out.weight.T),
        ],
    )
    assert "(mul)" in found.left_out


class StackedExperts(nn.Module):
    """Experts in one parameter, which all read what is routed to them."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Parameter(torch.randn(2, 3, 5)), nn.Parameter(torch.randn(2, 5, 4))

    def forward(self, x):
        return torch.bmm(torch.relu(torch.bmm(x.expand(2, -1, -1), self.up)), self.down).sum(0)


def test_experts_in_a_stack_lie_side_by_side():
    net = StackedExperts()
    assert_is(
        network(net, torch.randn(6, 3)),
        {"input": 3, "up": 10, "down": 8},
        [
            ("up", "input", "up", torch.cat([*net.up], 1)),
            ("down", "up", "down", torch.block_diag(*net.down)),
        ],
    )


class ChosenExperts(nn.Module):
    """Experts of which inputs choose one for each example."""

    def __init__(self):
        super().__init__()
        for name in ("gate", "up", "down"):
            n_in, n_out = (8, 16) if name == "down" else (16, 8)
            setattr(self, name, nn.Parameter(torch.randn(3, n_in, n_out)))
        self.into, self.route, self.out = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 2)

    def forward(self, x):
        h = self.into(x)
        how_much, which = self.route(h).softmax(-1).max(-1)
        order = which.argsort()
        ends = torch.histc(which.float(), 3, 0, 2).cumsum(0).int()
        gate, up = (F.grouped_mm(h[order], W, offs=ends) for W in (self.gate, self.up))
        y = F.grouped_mm(F.silu(gate) * up, self.down, offs=ends)
        return self.out(h + y[order.argsort()] * how_much[:, None])


def test_experts_that_inputs_choose_lie_side_by_side():
    # in the one precision in which PyTorch traces them
    net = ChosenExperts().bfloat16()
    found = network(net, torch.randn(6, 4, dtype=torch.bfloat16))
    assert_is(
        found,
        {"input": 4, "into": 16, "route": 3, "gate": 24, "out": 2},
        [
            ("into", "input", "into", net.into.weight.T),
            ("route", "into", "route", net.route.weight.T),
            ("gate", "into", "gate", torch.cat([*net.gate], 1)),
            ("up", "into", "gate", torch.cat([*net.up], 1)),
            ("down", "gate", "into", torch.cat([*net.down], 0)),
            ("out", "into", "out", net.out.weight.T),
        ],
    )


def test_experts_that_one_matrix_reads_are_one():
    def run(net, x):
        ends = torch.histc((x.sum(-1) > 0).float(), 2, 0, 1).cumsum(0).int()
        return net.out(F.grouped_mm(x, net.up, offs=ends))

    net = Model(run, up=nn.Parameter(torch.randn(2, 16, 8)), out=nn.Linear(8, 3)).bfloat16()
    assert_is(
        network(net, torch.randn(6, 16, dtype=torch.bfloat16)),
        {"input": 16, "up": 8, "out": 3},
        [
            ("up", "input", "up", net.up.abs().sum(0)),
            ("out", "up", "out", net.out.weight.T),
        ],
    )


class LowRank(nn.Module):
    def __init__(self):
        super().__init__()
        self.base, self.out = nn.Linear(5, 4), nn.Linear(4, 2)
        self.A, self.B = nn.Parameter(torch.randn(5, 2)), nn.Parameter(torch.randn(2, 4))

    def forward(self, x):
        return self.out(torch.relu(self.base(x) + 0.5 * (x @ self.A @ self.B)))


def test_low_rank_adaptation_is_a_way_round():
    net = LowRank()
    assert_is(
        network(net, torch.randn(2, 5)),
        {"input": 5, "base": 4, "A": 2, "out": 2},
        [
            ("base", "input", "base", net.base.weight.T),
            ("A", "input", "A", net.A),
            ("B", "A", "base", net.B),
            ("out", "base", "out", net.out.weight.T),
        ],
    )


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.hidden = nn.Embedding(7, 4, padding_idx=0), nn.Linear(4, 4)
        self.read = nn.Linear(4, 7, bias=False)
        self.read.weight = self.embedding.weight

    def forward(self, ids):
        return self.read(torch.tanh(self.hidden(self.embedding(ids).mean(1))))


def test_tied_weights_count_where_they_run():
    net = Tied()
    found = network(net, torch.randint(7, (2, 5)))
    assert found.left_out == ["hidden.bias"]
    assert_is(
        found,
        {"embedding.entries": 7, "embedding": 4, "hidden": 4, "read": 7},
        [
            ("embedding", "embedding.entries", "embedding", net.embedding.weight),
            ("hidden", "embedding", "hidden", net.hidden.weight.T),
            ("read", "hidden", "read", net.embedding.weight.T),
        ],
    )


class Twice(nn.Module):
    """Layers that run against the order of their registration, one of them twice."""

    def __init__(self):
        super().__init__()
        self.last, self.middle, self.first = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = torch.tanh(self.middle(torch.tanh(self.first(x))))
        return self.last(torch.tanh(self.middle(x)))


def test_layers_are_read_as_they_run():
    net = Twice()
    assert_is(
        network(net, torch.randn(2, 4)),
        {"input": 4, "first": 4, "middle": 4, "middle@2": 4, "last": 4},
        [
            ("first", "input", "first", net.first.weight.T),
            ("middle", "first", "middle", net.middle.weight.T),
            ("middle", "middle", "middle@2", net.middle.weight.T),
            ("last", "middle@2", "last", net.last.weight.T),
        ],
    )


class Gates(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.fused = fused
        self.gate, self.up, self.both = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(3, 8)
        self.down = nn.Linear(4, 2)

    def forward(self, x):
        if self.fused:
            return self.down(nn.functional.glu(self.both(x)))
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))


def test_a_gate_and_what_it_gates_are_one_neuron():
    net = Gates(fused=False)
    assert_is(
        network(net, torch.randn(2, 3)),
        {"input": 3, "gate": 4, "down": 2},
        [
            ("gate", "input", "gate", net.gate.weight.T),
            ("up", "input", "gate", net.up.weight.T),
            ("down", "gate", "down", net.down.weight.T),
        ],
    )


def test_the_halves_of_a_gated_layer_are_added_up():
    net = Gates(fused=True)
    values, gates = net.both.weight.detach().abs().chunk(2)
    assert_is(
        network(net, torch.randn(2, 3)),
        {"input": 3, "both": 4, "down": 2},
        [
            ("both", "input", "both", (values + gates).T),
            ("down", "both", "down", net.down.weight.T),
        ],
    )


class Graph(nn.Module):
    """Two graph convolutions; the graph is an input, a buffer or spelled as a sum."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)
        self.register_buffer("links", torch.rand(5, 5))

    def forward(self, x, graph):
        graph = graph if self.how == "input" else self.links
        if self.how == "einsum":
            return self.second(torch.einsum("ij,jd->id", graph, self.first(x)))
        return self.second(graph @ torch.relu(self.first(graph @ x)))


@pytest.mark.parametrize("how", ["input", "buffer", "einsum"])
def test_a_graph_mixes_places_and_leaves_neurons_as_they_are(how):
    net = Graph(how)
    assert_is(
        network(net, torch.randn(5, 3), torch.rand(5, 5)),
        {"input.x": 3, "first": 4, "second": 2},
        [
            ("first", "input.x", "first", net.first.weight.T),
            ("second", "first", "second", net.second.weight.T),
        ],
    )


class Dense(nn.Module):
    """Every layer reads all before it."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 2), nn.Linear(5, 4), nn.Linear(9, 2)

    def forward(self, x):
        first = torch.cat([x, torch.relu(self.a(x))], -1)
        return self.c(torch.cat([first, self.b(first)], -1))


def test_what_is_concatenated_is_read_layer_by_layer():
    net = Dense()
    b, c = net.b.weight.T, net.c.weight.T
    assert_is(
        network(net, torch.randn(2, 3)),
        {"input": 3, "a": 2, "b": 4, "c": 2},
        [
            ("a", "input", "a", net.a.weight.T),
            ("b[input]", "input", "b", b[:3]),
            ("b[a]", "a", "b", b[3:]),
            ("c[input]", "input", "c", c[:3]),
            ("c[a]", "a", "c", c[3:5]),
            ("c[b]", "b", "c", c[5:]),
        ],
    )


class Written(nn.Module):
    """Layers without modules, in several notations."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(4, 5))
        self.third, self.bias = nn.Parameter(torch.randn(2, 5)), nn.Parameter(torch.randn(4))

    def forward(self, x):
        h = torch.addmm(self.bias, x, self.first)
        h = torch.einsum("bi,io->bo", h, self.second)
        return (self.third @ h.T).T


def test_layers_without_modules_are_named_by_their_parameters():
    net = Written()
    assert_is(
        network(net, torch.randn(6, 3)),
        {"input": 3, "first": 4, "second": 5, "third": 2},
        [
            ("first", "input", "first", net.first),
            ("second", "first", "second", net.second),
            ("third", "second", "third", net.third.T),
        ],
    )


class Time(nn.Module):
    """A number that is spread over waves before it is read."""

    def __init__(self):
        super().__init__()
        self.into, self.time, self.out = nn.Linear(3, 4), nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x, t):
        waves = t[:, None] * torch.tensor([1.0, 2.0, 3.0])
        return self.out(self.into(x) + self.time(torch.cat([waves.sin(), waves.cos()], -1)))


@pytest.mark.parametrize("t", [torch.rand(2), torch.randint(9, (2,))])
def test_a_time_is_one_neuron_however_many_waves_it_makes(t):
    net = Time()
    assert_is(
        network(net, torch.randn(2, 3), t),
        {"input.x": 3, "input.t": 1, "into": 4, "out": 3},
        [
            ("into", "input.x", "into", net.into.weight.T),
            ("time", "input.t", "into", by_block(net.time.weight.T, n_rows=1)),
            ("out", "into", "out", net.out.weight.T),
        ],
    )


def test_neurons_that_choose_entries_of_an_embedding_are_left_out():
    chooses = Model(
        lambda net, x: net.out(net.entries((net.into(x) > 0).long()).sum(1)),
        into=nn.Linear(4, 8), entries=nn.Embedding(2, 3), out=nn.Linear(3, 2),
    )  # fmt: skip
    assert "entries (embedding)" in network(chooses, torch.randn(5, 4)).left_out
    given = nn.Sequential(nn.Embedding(6, 3), nn.Linear(3, 2))
    assert "0 (embedding)" not in network(given, torch.tensor([0, 5, 3])).left_out
