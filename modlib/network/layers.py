"""Convolutions and embeddings: layers that are read by channel and by entry."""

from math import prod

from torch import Tensor
from torch.fx import Node

from modlib.network.neurons import narrow
from modlib.network.nodes import argument, arguments, operation, refuse, shape
from modlib.network.reading import Reading


def convolution(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of a convolution: its channels, each group fed by its own.

    A weight between channels is the sum of a kernel's absolute weights; a kernel of one weight
    keeps its sign.
    """
    (x, weight), bias = arguments(node)[:2], argument(node, "bias")
    if bias is not None and bias not in reading.fixed:
        refuse(node, "its bias depends on inputs")
    is_transposed = "transpose" in operation(node)
    n_blocks, (n, m, *kernel) = argument(node, "groups"), shape(weight)
    n_in, n_out = (n, m * n_blocks) if is_transposed else (m * n_blocks, n)
    spatial, channel = tuple(range(-len(kernel), 0)), -len(kernel) - 1

    def arrange(weight: Tensor) -> Tensor:
        flat = weight.abs().sum(spatial) if prod(kernel) > 1 else weight.squeeze(spatial)
        blocks = flat.unflatten(0, (n_blocks, -1))
        return blocks if is_transposed else blocks.mT

    numbers = reading.of(x)
    numbers = narrow(numbers, [d for d in range(-numbers.dim(), 0) if d != channel])
    numbers = numbers.movedim(channel, 0).reshape(n_blocks, n_in // n_blocks, -1).mT
    rows = reading.rows(node, numbers)
    columns = reading.neurons.new(reading.name(node, weight), n_out)
    reading.connect(node, weight, arrange, rows, columns.view(n_blocks, -1))
    return columns.view(-1, *[1] * len(kernel)).expand(shape(node))


def embedding(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of an embedding, fed by a layer of one neuron for each of its entries.

    Where neurons choose the entry, as in vector quantisation, that is left out.
    """
    return entries(reading, node, *arguments(node)[:2])


def entries(reading: Reading, node: Node, weight: Node, index: Node) -> Tensor:
    """Return the neurons of a table's rows at an index, fed by a neuron for each of its rows."""
    reading.leave_out_choice(node, index)
    name, (n_entries, n_columns) = reading.name(node, weight), shape(weight)
    if weight not in reading.cells:
        reading.cells[weight] = reading.neurons.new(f"{name}.entries", n_entries)
    columns = reading.neurons.new(name, n_columns)
    rows = reading.cells[weight][None]
    reading.connect(node, weight, lambda entries: entries[None], rows, columns[None])
    return columns.expand(shape(node))


def one_hot(reading: Reading, node: Node) -> Tensor:
    """Return a neuron for each class of an index, as an embedding's entries are."""
    index = arguments(node)[0]
    reading.leave_out_choice(node, index)
    if index not in reading.cells:
        reading.cells[index] = reading.neurons.new(f"{index.name}.entries", shape(node)[-1])
    return reading.cells[index].expand(shape(node))
