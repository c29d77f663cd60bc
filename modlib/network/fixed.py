"""Values of a graph that no input reaches: weights, and what parametrisations make of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from modlib.network.nodes import applied, operation, outputs

OF_A_SHAPE = {
    "empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_zeros", "ones_like",
    "zeros_like",
}  # fmt: skip
"""Operations that take their first operand's shape, type and device, and none of its values."""


def sources(node: Node) -> list[Node]:
    """Return the nodes whose values a node's value is made of."""
    name = operation(node).rstrip("_")
    if name in OF_A_SHAPE:
        return []
    return node.all_input_nodes[:1] if name == "type_as" else node.all_input_nodes


def needed(wanted: Iterable[Node], known: Iterable[Node]) -> list[Node]:
    """Return the nodes to evaluate for those that are wanted, in order, beyond the known."""
    order: dict[Node, None] = {}
    waiting = list(wanted)
    while waiting:
        node = waiting[-1]
        missing = [n for n in sources(node) if n not in order and n not in known]
        waiting += missing
        if not missing:
            waiting.pop()
            if node not in known:
                order[node] = None
    return list(order)


def evaluated(wanted: Iterable[Node], tensors: Mapping[Node, Tensor]) -> dict[Node, Tensor]:
    """Return the values of nodes, differentiably, from the tensors of the model."""
    values = dict(tensors)

    def value(node: Node) -> Any:
        if node in values:
            return values[node]
        like = outputs(node)[0]
        return torch.empty(like.shape, dtype=like.dtype, device=like.device)

    for node in needed(wanted, tensors):
        values[node] = applied(node, value)
    return values
