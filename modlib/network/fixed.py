"""Values of a graph that no input reaches: weights, and what parametrisations make of them."""

from collections.abc import Iterable, Mapping

from torch import Tensor
from torch.fx import Node

from modlib.network.nodes import applied


def needed(wanted: Iterable[Node], known: Iterable[Node]) -> list[Node]:
    """Return the nodes to evaluate for those that are wanted, in order, beyond the known."""
    order: dict[Node, None] = {}
    waiting = list(wanted)
    while waiting:
        node = waiting[-1]
        missing = [n for n in node.all_input_nodes if n not in order and n not in known]
        waiting += missing
        if not missing:
            waiting.pop()
            if node not in known:
                order[node] = None
    return list(order)


def evaluated(wanted: Iterable[Node], tensors: Mapping[Node, Tensor]) -> dict[Node, Tensor]:
    """Return the values of nodes, differentiably, from the tensors of the model."""
    values = dict(tensors)
    for node in needed(wanted, tensors):
        values[node] = applied(node, values.__getitem__)
    return values
