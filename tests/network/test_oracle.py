"""Connections exist exactly where silencing one layer changes what another reads.

Networks are drawn at random. What a layer reads directly is found by running the network again
with that layer's output at zero and all others' as they were.
"""

import random
from collections import defaultdict

import pytest
import torch
from torch import nn

from modlib import network


class Drawn(nn.Module):
    """Linear layers in a random order, joined by sums, products and concatenations."""

    def __init__(self, seed):
        super().__init__()
        rng = random.Random(seed)
        torch.manual_seed(seed)
        widths, self.steps = [3], []
        for at in range(rng.randint(4, 12)):
            a, b = rng.randrange(len(widths)), rng.randrange(len(widths))
            same = [n for n, width in enumerate(widths) if width == widths[a]]
            kinds = ["layer", "layer", "layer", "tanh", "add", "mul", "cat", "half"]
            kind = rng.choice(kinds) if at else "layer"
            if kind == "layer":
                made = rng.choice([3, 4])
                self.add_module(f"layer{at}", nn.Linear(widths[a], made))
            elif kind in ("add", "mul"):
                b, made = rng.choice(same), widths[a]
            elif kind == "cat":
                made = widths[a] + widths[b]
            elif kind == "half":
                made = (widths[a] + 1) // 2
            else:
                made = widths[a]
            self.steps.append((kind, a, b, f"layer{at}"))
            widths.append(made)
        self.layers = [name for name, _ in self.named_children()]

    def forward(self, x):
        values = [x]
        for kind, a, b, name in self.steps:
            a, b = values[a], values[b]
            if kind == "layer":
                values.append(getattr(self, name)(a))
            elif kind == "tanh":
                values.append(torch.tanh(a))
            elif kind == "add":
                values.append(a + b)
            elif kind == "mul":
                values.append(a * torch.sigmoid(b))
            elif kind == "cat":
                values.append(torch.cat([a, b], -1))
            else:
                values.append(a[:, ::2])
        return values


def read_by(model, x, silenced=None, known=None):
    """What each layer reads and makes, with one layer silenced and all others as is known."""
    read, made, hooks = {}, {}, []
    for name in model.layers:

        def note(_, inputs, output, name=name):
            read[name] = inputs[0].detach().clone()
            if known is not None:
                output = known[name] * (name != silenced)
            made[name] = output.detach().clone()
            return output

        hooks.append(getattr(model, name).register_forward_hook(note))
    model(x * (silenced != "input"))
    for hook in hooks:
        hook.remove()
    return read, made


def readers(model):
    """The layers that read each layer's neurons, neuron by neuron, directly."""
    x = torch.randn(6, 3)
    before, made = read_by(model, x)
    found = set()
    for silenced in ["input", *model.layers]:
        after, _ = read_by(model, x, silenced, made)
        found |= {(silenced, n) for n in model.layers if not torch.equal(before[n], after[n])}
    return found


@pytest.mark.parametrize("seed", range(24))
def test_connections_exist_where_silencing_one_layer_changes_what_another_reads(seed):
    model = Drawn(seed)
    found = network(model, torch.randn(7, 3))
    lies = {c.name.split("[")[0]: c.target for c in found.connections}
    lies["input"] = "input"
    expected, actual = defaultdict(set), defaultdict(set)
    for layer, reader in readers(model):
        expected[reader].add(lies[layer])
    for connection in found.connections:
        actual[connection.name.split("[")[0]].add(connection.source)
    assert actual == expected
    assert {*actual} == {*model.layers}
    # and every weight is in one of them
    total = sum(getattr(model, name).weight.abs().sum() for name in model.layers)
    torch.testing.assert_close(sum(c.weight.abs().sum() for c in found.connections), total)
