"""Experts, of which inputs choose one for each row: its neuron is that of any of them.

Numbers are those of the first expert's neurons. Weights of the same choice read each expert's own;
all experts' neurons that anything else reads or meets are one neuron, since nothing tells them
apart.
"""

import torch
from torch import Tensor
from torch.fx import Node

from modlib.network.nodes import argument, arguments, refuse, shape
from modlib.network.reading import Reading


def grouped(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of x @ weight[e], where e is the expert that is chosen for a row of x."""
    (x, weight), choice = arguments(node)[:2], argument(node, "offs")
    if weight not in reading.fixed or len(shape(x)) != 2 or len(shape(weight)) != 3:
        refuse(node, "experts need rows of inputs and one matrix each to be read")
    n_experts, _, n_columns = shape(weight)
    (rows,) = reading.rows(node, reading.of(x)[None])
    copies = torch.arange(len(reading.neurons.labels)).repeat(n_experts, 1)
    for columns in reading.experts.get(choice, []):
        copies[:, columns[0]] = columns
    columns = reading.neurons.new(reading.name(node, weight), n_experts * n_columns)
    columns = columns.view(n_experts, n_columns)
    reading.connect(node, weight, lambda each: each, copies[:, rows], columns)
    reading.experts.setdefault(choice, []).append(columns)
    return columns[0].expand(shape(node))


def alike_for_all(reading: Reading) -> None:
    """Join all experts' neurons as those of the first were, once the graph has been read."""
    neurons, made = reading.neurons, [*reading.experts.items()]
    met = torch.ones_like(neurons.labels, dtype=torch.bool)
    for _, layers in made:
        met[torch.cat([columns.flatten() for columns in layers])] = False
    shared = torch.zeros_like(met)
    shared[neurons.labels[met]] = True
    of_choice = {id(columns) for _, layers in made for columns in layers}
    for each in reading.read:
        rows = each.rows[1:] if id(each.columns) in of_choice else each.rows
        shared[neurons.labels[rows]] = True
    for _, layers in made:
        first = torch.cat([columns[0] for columns in layers])
        for own in zip(*layers, strict=True):
            copies = torch.arange(len(neurons.labels))
            copies[first] = torch.cat(own)
            label = neurons.labels[first]
            neurons.join(copies[first], torch.where(shared[label], label, copies[label]))
