"""Recurrent layers, whose units are fed by other neurons and by themselves.

Weights to a unit's gates are added up by absolute value. A state that is handed over to a layer
is the layer's own.
"""

import re
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import Node

from modlib.network.elementwise import together
from modlib.network.neurons import NOTHING
from modlib.network.nodes import arguments, operation, outputs, refuse, shape
from modlib.network.reading import Reading


def recurrent(reading: Reading, node: Node) -> list[Tensor]:
    """Return the neurons of an LSTM, a GRU or a plain recurrent network, and of its last states."""
    x, states, weights, has_biases, n_layers, _, _, both_ways, _ = arguments(node)
    if len(weights) % (n_layers * (4 if has_biases else 2)):
        refuse(node, "its states are projected")
    states = [states] if isinstance(states, Node) else states
    n_ways = 2 if both_ways else 1
    per_layer = len(weights) // (n_layers * n_ways)
    numbers, handed = reading.of(x), [reading.of(state) for state in states]
    last: list[Tensor] = []
    for _ in range(n_layers):
        for _ in range(n_ways):
            at = len(last)
            own = weights[at * per_layer : at * per_layer + 2]
            last.append(units(reading, node, numbers, own, [s[at] for s in handed]))
        numbers = torch.cat(last[-n_ways:]).expand(*shape(x)[:-1], -1)
    value, *ends = outputs(node)
    state = torch.stack(last)[:, None].expand(-1, *ends[0].shape[1:])
    return [numbers.expand(value.shape), *(state for _ in ends)]


def cell(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return the units of a recurrent cell, which are the same at each of its steps."""
    x, states, *matrices = arguments(node)[:4]
    states = [states] if isinstance(states, Node) else states
    handed = [reading.of(state) for state in states]
    found = units(reading, node, reading.of(x), matrices, handed).expand(shape(node))
    return found if len(outputs(node)) == 1 else [found, found]


def units(
    reading: Reading,
    node: Node,
    numbers: Int[Tensor, "... n_in"],
    weights: Sequence[Node],
    states: Sequence[Int[Tensor, "... n"]],
) -> Int[Tensor, " n"]:
    """Return the units of one layer in one direction, and note what feeds them."""
    from_inputs, from_units = weights
    n_weights, n = shape(from_units)
    rows = reading.rows(node, numbers.reshape(1, -1, numbers.shape[-1]))
    is_cell = operation(node).endswith("cell")
    found = reading.cells.get(from_units) if is_cell else None
    first = found is None
    if first:
        name = reading.name(node, from_units)
        layer = re.sub("weight_hh(_l0$|_|$)", "", name).strip(".")
        found = reading.neurons.new(layer or name, n)
    columns = found.repeat(n_weights // n)[None]
    if first:
        reading.connect(node, from_inputs, transposed, rows, columns)
        reading.connect(node, from_units, transposed, found[None], columns)
        reading.cells |= {from_inputs: rows, from_units: found}
    else:
        # what was a constant at an earlier step, as a first input is, has neurons now
        known = reading.cells[from_inputs]
        reading.neurons.join(rows.flatten(), known.flatten())
        reading.cells[from_inputs] = met = torch.where(known == NOTHING, rows, known)
        for place, each in enumerate(reading.read):
            if each.weight in weights:
                each.nodes.append(node)
            if each.weight == from_inputs:
                reading.read[place] = each._replace(rows=met)
    for state in states:
        together(reading, node, found.expand(state.shape), state)
    return found


def transposed(weight: Tensor) -> Tensor:
    """Return a matrix as one block, rows feeding columns."""
    return weight.mT[None]
