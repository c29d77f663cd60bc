"""What to test on: chains of small integers, of normal weights, of blocks; tasks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from hypothesis import strategies as st

from modlib.network.connections import Connection, Network
from modlib.tasks.task import on_a_line

INTEGERS = st.integers(-3, 3)
NONZERO = st.sampled_from([-3, -2, -1, 1, 2, 3])


@st.composite
def chains(draw, depth=2, entries=INTEGERS, largest=4):
    """Draw the matrices of a network with `depth` layers of weights."""
    sizes = [draw(st.integers(1, largest)) for _ in range(depth + 1)]

    def matrix(rows, columns):
        row = st.lists(entries, min_size=columns, max_size=columns)
        values = draw(st.lists(row, min_size=rows, max_size=rows))
        return torch.tensor(values, dtype=torch.float64)

    return [matrix(*shape) for shape in pairwise(sizes)]


def random_chain(*sizes, stack=(), seed=0, dtype=torch.float64):
    """Return a chain of normal weights, or a stack of such chains."""
    generator = torch.Generator().manual_seed(seed)
    shapes = pairwise(sizes)
    return [torch.randn(*stack, *shape, generator=generator, dtype=dtype) for shape in shapes]


def random_network(seed=0, entries=None, stack=()):
    """Return a network with a branch, a merge, two skips and a layer that leads to itself.

    Weights are normal, or integers up to `entries`.
    """
    rng = torch.Generator().manual_seed(seed)
    sizes = {"x": 3, "a": 2, "b": 4, "c": 3, "y": 2}
    names = ("x", "a"), ("x", "b"), ("a", "c"), ("b", "c"), ("x", "c"), ("b", "b"), ("c", "y")
    connections = []
    for source, target in [*names, ("a", "y")]:
        shape = *stack, sizes[source], sizes[target]
        W = torch.randn(shape, generator=rng, dtype=torch.float64)
        if entries is not None:
            W = torch.randint(-entries, entries + 1, shape, generator=rng).double()
        connections.append(Connection(f"{source} to {target}", source, target, W))
    return Network(sizes, connections, [])


def with_weights(network, weights):
    """Return the network with other weights."""
    changed = zip(network.connections, weights, strict=True)
    return network._replace(connections=[each._replace(weight=W) for each, W in changed])


def weights_in(network):
    """Return the matrices of a chain, or of a network."""
    if isinstance(network, Network):
        return [connection.weight for connection in network.connections]
    return network


def pairs_by_layer(network):
    """Return, for each hidden layer, all pairs of a matrix into it and one out of it."""
    if not isinstance(network, Network):
        return [[pair] for pair in pairwise(network)]
    pairs = [
        [(a.weight, b.weight) for a in network.connections for b in network.connections
         if a.target == b.source == layer]
        for layer in network.sizes
    ]  # fmt: skip
    return [of_layer for of_layer in pairs if of_layer]


def blocks(n_blocks, size, depth=2):
    """Return a chain of disconnected full blocks of weights 1."""
    block = torch.ones(size, size, dtype=torch.float64)
    return [torch.block_diag(*[block] * n_blocks) for _ in range(depth)]


def with_modules(task, inputs, outputs):
    """Return the task with other inputs and outputs, of the modules given."""
    return replace(
        task,
        input_modules=np.array(inputs),
        output_modules=np.array(outputs),
        live=np.full(len(inputs), True),
        places=on_a_line(len(inputs)),
    )
