"""Speed, as ratios within one run: the number in brackets is the ratio to the group's fastest.

`make bench`; nothing is asserted, for a machine's load is not a property of the code.
"""

from contextlib import nullcontext
from functools import partial
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

import modlib
from modlib.graphs import neuron_graph
from modlib.modularity.nulls import permuted
from modlib.network.denormals import flushed_denormals
from modlib.study.whole_graph import newman
from modlib.tasks.scores import cross_entropy
from modlib.training.stacks import Stack

WIDTHS = (128, 48, 48, 20)


def random_chain(*widths):
    return [torch.randn(sizes, generator=torch.manual_seed(0)) for sizes in pairwise(widths)]


def four_indices(W, V):
    return torch.einsum("ij,ik,jl,kl->ijkl", W, W, V, V).sum()


@pytest.mark.benchmark(group="loops of a 32-32-32 network: closed form and definition")
@pytest.mark.parametrize("form", [modlib.loop_sum, four_indices], ids=["closed", "definition"])
def test_loop_sum(benchmark, form):
    benchmark(form, *random_chain(32, 32, 32))


@pytest.mark.benchmark(group="32 networks of 128-48-48-20, 50 steps: as a stack and one at a time")
@pytest.mark.parametrize("size", [32, 1], ids=["stack", "one at a time"])
def test_training(benchmark, size):
    tasks = [range(first, first + size) for first in range(0, 32, size)]
    networks = [
        (Stack(WIDTHS, list(seeds)), torch.randn(size, 128, 128), torch.zeros(size, 128, 2).long())
        for seeds in tasks
    ]

    def train():
        for network, x, targets in networks:
            update = torch.optim.Adam(network.parameters())
            for _ in range(50):
                update.zero_grad()
                cross_entropy(network(x), targets, (10, 10)).sum().backward()
                update.step()

    benchmark.pedantic(train, rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="sums of 10^6 denormal numbers: flushed and not")
@pytest.mark.parametrize("context", [flushed_denormals, nullcontext], ids=["flushed", "kept"])
def test_denormals(benchmark, context):
    x = torch.full((1_000_000,), 1e-39)

    def doubled():
        with context():
            return (x + x).sum()

    benchmark(doubled)


def modularity_by_networkx(chain, nulls, restarts):
    """Return the excess of Newman's Q, by networkx's Louvain search."""

    def largest_q(layers):
        graph = nx.from_scipy_sparse_array(neuron_graph(layers))
        searches = (nx.community.louvain_communities(graph, seed=s) for s in range(restarts))
        return max(nx.community.modularity(graph, found) for found in searches)

    nulls_of = [permuted(chain, torch.manual_seed(null)) for null in range(nulls)]
    q, *null_q = (
        largest_q([W.numpy().astype(float) for W in layers]) for layers in [chain, *nulls_of]
    )
    return q - np.mean(null_q)


def newman_modularity(chain, nulls, restarts):
    """Return the same by NetworKit's."""
    return newman(chain, nulls, restarts, seed=0).excess


MODULARITIES = [modlib.modularity, newman_modularity, modularity_by_networkx]


@pytest.mark.benchmark(
    group="excess modularity of 784-256-256-10, 20 nulls: layered, whole graph, and by networkx"
)
@pytest.mark.parametrize("measure", MODULARITIES)
def test_modularity(benchmark, measure):
    chain = random_chain(784, 256, 256, 10)
    benchmark.pedantic(partial(measure, chain, nulls=20, restarts=1), rounds=1, warmup_rounds=0)


@pytest.mark.benchmark(group="excess modularity of square chains of three matrices, 20 nulls")
@pytest.mark.parametrize("width", [58, 183, 577, 1826], ids=lambda width: f"{3 * width**2:.0e}")
def test_modularity_by_size(benchmark, width):
    chain = random_chain(*[width] * 4)
    benchmark.pedantic(partial(modlib.modularity, chain), rounds=1, warmup_rounds=0)


@pytest.mark.benchmark(
    group="penalties of a traced transformer: read once, and read anew each time"
)
@pytest.mark.parametrize("way", ["tensors", "trace"])
def test_reading(benchmark, way):
    model = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    trace = modlib.Trace(model, torch.randn(2, 10, 64))
    read = trace()
    benchmark(lambda: modlib.walk_loop_penalty(trace() if way == "trace" else read))


@pytest.mark.benchmark(group="one training step of 16 networks of 128-48-48-20, with each penalty")
@pytest.mark.parametrize("name", list(modlib.PENALTIES))
def test_step(benchmark, name):
    network, default = Stack(WIDTHS, range(16)), modlib.PENALTIES[name]
    penalty = default.make(
        modlib.TASKS["two_digits"](), network.widths, network.seeds, [default.strength] * 16
    )
    update = torch.optim.Adam([*network.parameters(), *penalty.parameters()])
    x, targets = torch.randn(16, 128, 128), torch.zeros(16, 128, 2).long()

    def step():
        update.zero_grad()
        loss = cross_entropy(network(x), targets, (10, 10))
        loss = loss + default.strength * penalty(modlib.weights(network))
        loss.sum().backward()
        update.step()

    benchmark(step)


SIZES = {
    "128-48-48-20, batch 128": ((128, 48, 48, 20), 128),
    "784-1024-1024-10, batch 128": ((784, 1024, 1024, 10), 128),
    "3072-2048-2048-2048-10, batch 256": ((3072, 2048, 2048, 2048, 10), 256),
}
"""Networks and mini-batches that walk loops are timed with."""


def multilayer_perceptron(widths):
    layers = [module for two in pairwise(widths) for module in (nn.Linear(*two), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("way", ["plain", "steps", "penalty"])
@pytest.mark.parametrize("size", list(SIZES))
def test_walk_loops(benchmark, size, way):
    """Sixteen training steps: in a run of 2,000 loops are counted at one of them."""
    widths, batch = SIZES[size]
    benchmark.group = f"sixteen training steps of {size}: plain, walk loops as steps, in the loss"
    model = multilayer_perceptron(widths)
    x, targets = torch.randn(batch, widths[0]), torch.zeros(batch).long()
    update = torch.optim.AdamW(model.parameters())
    loops = modlib.WalkLoops(model, x[:2], steps=2_000) if way == "steps" else None

    def sixteen():
        for _ in range(16):
            update.zero_grad()
            loss = nn.functional.cross_entropy(model(x), targets)
            if way == "penalty":
                loss = loss + 0.15 * modlib.walk_loop_penalty(modlib.weights(model))
            loss.backward()
            update.step()
            if loops is not None:
                loops.step()

    benchmark.pedantic(sixteen, rounds=5, warmup_rounds=1)
