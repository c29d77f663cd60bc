"""Attention, whose neurons are its heads.

Queries, keys and values of a head are one neuron: they meet in its scores and its values, and
what it hands on is a mixture of all of its entries.
"""

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import Node

from modlib.tracing.neurons import MIXED, NOTHING
from modlib.tracing.reading import Reading, argument, place, shape

ROLES = ("", "query", "key", "value")
"""What attention makes of neurons."""


def heads(
    reading: Reading, node: Node, parts: dict[str, Int[Tensor, "n_blocks _"]]
) -> Int[Tensor, " n_blocks"]:
    """Return one neuron for each block, which is all that queries, keys and values have there."""
    neurons = reading.neurons
    for role, numbers in parts.items():
        alike = torch.isin(neurons.labels, neurons.found(numbers).unique()) & (
            neurons.labels > MIXED
        )
        neurons.role[alike & (neurons.role == 0)] = ROLES.index(role)
    together = torch.cat(list(parts.values()), 1)
    first = together.amax(1)
    neurons.join(first[:, None].expand(together.shape).flatten(), together.flatten())
    met, which = neurons.found(first).unique(return_inverse=True)
    neurons.heads.add(len(neurons.layers))
    found = neurons.new(f"{place(node)}.heads".lstrip("."), len(met))
    neurons.join(found, met)
    return torch.where(met > MIXED, found, NOTHING)[which]


def attention(reading: Reading, node: Node) -> Tensor:
    """Return the heads of scaled dot products of queries, keys and values."""
    stack = shape(node)[:-2]
    parts = {}
    for role, operand in zip(ROLES[1:], node.args, strict=False):
        numbers = reading.of(operand)
        if argument(node, "enable_gqa"):
            numbers = numbers.repeat_interleave(stack[-1] // numbers.shape[-3], -3)
        numbers = numbers.expand(*stack, *numbers.shape[-2:])
        parts[role] = numbers.reshape(-1, numbers.shape[-2:].numel())
    found = heads(reading, node, parts)
    return found.view(*stack, 1, 1).expand(shape(node))
