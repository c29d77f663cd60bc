"""Neurons are the channels that Torch-Pruning removes together.

It follows autograd's graph from an output of a layer to all outputs and inputs that must go with
it. Both sides of a depthwise convolution go together there; to us they are two neurons.
"""

import networkx as nx
import pytest
import torch
import torch_pruning
from architectures import InvertedResidual, LeNet, SqueezeAndExcite, UNet, resnet_18, vgg
from torch import nn

from modlib import Trace

CONVOLUTIONS = nn.modules.conv._ConvNd
MODELS = {
    "MLP": (
        nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2)),
        torch.randn(2, 6),
    ),
    "LeNet": (LeNet(), torch.randn(2, 1, 16, 16)),
    "VGG": (vgg(), torch.randn(2, 3, 16, 16)),
    "ResNet": (resnet_18(), torch.randn(2, 3, 64, 64)),
    "MobileNet": (
        nn.Sequential(nn.Conv2d(3, 4, 3), InvertedResidual(4, 2), nn.Conv2d(4, 2, 3)),
        torch.randn(2, 3, 9, 9),
    ),
    "gates of channels": (SqueezeAndExcite(), torch.randn(2, 3, 6, 6)),
    "U-Net": (UNet(), torch.randn(2, 1, 8, 8)),
}


def layers(model):
    return {n: m for n, m in model.named_modules() if isinstance(m, CONVOLUTIONS | nn.Linear)}


def is_depthwise(layer):
    return isinstance(layer, CONVOLUTIONS) and layer.groups == layer.out_channels > 1


def removed_together(model, x):
    """Sets of (layer, 'in' or 'out', number), one for each output of each layer."""
    graph = torch_pruning.DependencyGraph().build_dependency(model, x)
    names = {layer: name for name, layer in layers(model).items()}
    found = set()
    for layer in names:
        pruner = graph.get_pruner_of_module(layer)
        for n in range(pruner.get_out_channels(layer)):
            found.add(
                frozenset(
                    (names[dep.target.module], end, number)
                    for dep, numbers in graph.get_pruning_group(
                        layer, pruner.prune_out_channels, [n]
                    )
                    if dep.target.module in names
                    for end in removed_ends(graph, dep)
                    for number in numbers
                )
            )
    return found


def removed_ends(graph, dep):
    if is_depthwise(dep.target.module):
        return ["in", "out"]
    return ["out" if graph.is_out_channel_pruning_fn(dep.handler) else "in"]


def one_neuron(model, x):
    """Such sets of what is one neuron, that is, of weights that lead to it or come from it."""
    trace, joined = Trace(model, x), nx.Graph()
    for weight in (layer.weight for layer in layers(model).values()):
        nn.init.zeros_(weight)
    for name, layer in layers(model).items():
        out = int(getattr(layer, "transposed", False))
        for end, dim in (("out", out), ("in", 0 if is_depthwise(layer) else 1 - out)):
            for n in range(layer.weight.shape[dim]):
                with torch.no_grad():
                    layer.weight.select(dim, n).fill_(1)
                joined.add_edge((name, end, n), neuron_of(trace(), end))
                nn.init.zeros_(layer.weight)
                if is_depthwise(layer):
                    joined.add_edge((name, "in", n), (name, "out", n))
    sets = [frozenset(s for s in c if len(s) == 3) for c in nx.connected_components(joined)]
    return {found for found in sets if any(end == "out" for _, end, _ in found)}


def neuron_of(network, end):
    """The only neuron to which weights other than zero lead, or from which they come."""
    (neuron,) = {
        (c.target if end == "out" else c.source, n)
        for c in network.connections
        for n in c.weight.any(0 if end == "out" else 1).nonzero()[:, 0].tolist()
    }
    return neuron


@pytest.mark.parametrize("kind", MODELS)
def test_channels_that_are_removed_together_are_one_neuron(kind):
    model, x = MODELS[kind]
    assert removed_together(model, x) == one_neuron(model, x)
