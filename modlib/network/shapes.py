"""Values whose entries are moved, repeated or dropped: so are the numbers of their neurons."""

import torch
from torch import Tensor
from torch.fx import Node, map_arg
from torch.nn import functional as F

from modlib.network.elementwise import is_several, one_along
from modlib.network.layers import entries
from modlib.network.neurons import MIXED, narrow
from modlib.network.nodes import (
    applied,
    argument,
    arguments,
    operation,
    outputs,
    refuse,
    shape,
    target,
)
from modlib.network.reading import Reading, mixed, nothing


def moved(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return what the operation makes of the numbers themselves."""
    return applied(node, reading.of)


def moved_as_floats(reading: Reading, node: Node) -> Tensor:
    """Return the same of an operation that PyTorch has for floats alone."""
    return applied(node, lambda each: reading.of(each).double()).long()


def padded(reading: Reading, node: Node) -> Tensor:
    """Return the numbers and around them what they are padded with, or nothing."""
    numbers, mode = reading.of(arguments(node)[0]), argument(node, "mode") or "constant"
    return F.pad(numbers.double(), arguments(node)[1], mode).long()


def reshaped(reading: Reading, node: Node) -> Tensor:
    """Return the numbers in the shape of the value."""
    return reading.of(arguments(node)[0]).reshape(shape(node))


def chosen(reading: Reading, node: Node) -> Tensor:
    """Return the numbers at some indices.

    Entries that inputs choose among several neurons belong to none in particular.
    """
    if arguments(node)[0] in reading.fixed:
        return looked_up(reading, node)
    numbers, single = reading.found(arguments(node)[0]), argument(node, "index")
    before = [None] * (numbers.dim() if single is None else argument(node, "dim") % numbers.dim())
    for dim, index in enumerate(argument(node, "indices") or [*before, single]):
        if index is not None and index not in reading.fixed:
            reading.leave_out_choice(node, index)
            numbers = one_along(reading, node, numbers, [dim]).expand(numbers.shape)

    def known(index: Node) -> Tensor:
        if index in reading.fixed:
            return reading.value(index).cpu()
        return torch.zeros(shape(index), dtype=torch.long)

    return target(node)(numbers, *map_arg(arguments(node)[1:], known))


def looked_up(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of what is looked up in a table, row by row, as in an embedding.

    Raises:
        ValueError: if it is looked up otherwise.
    """
    table = arguments(node)[0]
    if not outputs(table)[0].is_floating_point():
        return mixed(outputs(node)[0])
    indices = argument(node, "indices") or [argument(node, "index")]
    is_by_row = len(indices) == 1 and not argument(node, "dim") and operation(node) != "gather"
    if not is_by_row or len(shape(table)) != 2:
        refuse(node, "inputs choose from a table otherwise than row by row; use nn.Embedding")
    return entries(reading, node, table, indices[0])


def copied(reading: Reading, node: Node) -> Tensor:
    """Return the numbers of what is written over a value, or that it is filled with."""
    written = arguments(node)[1]
    return reading.of(written).expand(shape(node)) if isinstance(written, Node) else nothing(node)


def item(reading: Reading, node: Node) -> Tensor:
    """Return one of several values."""
    several, which = arguments(node)
    return reading.numbers[several][which]


def pooled(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return one neuron for each channel, wherever in the map its entries lie."""
    numbers = reading.of(arguments(node)[0])
    value, *others = outputs(node)
    n_spatial = int(next(c for c in operation(node) if c.isdigit()))
    channel = -n_spatial - 1
    places = narrow(numbers, [d for d in range(-numbers.dim(), 0) if d != channel])
    places = places.movedim(channel, -1).reshape(1, -1, shape(node)[channel])
    found = reading.neurons.found(places)
    if (found == MIXED).any() or reading.is_one_row(found):
        reading.leave_out(node)
        pools = mixed(value)
    else:
        pools = reading.rows(node, places).view(-1, *[1] * n_spatial).expand(value.shape)
    return [pools, *map(mixed, others)] if is_several(node) else pools
