"""Attention, whose neurons are its heads.

Queries, keys and values of a head are one neuron: they meet in its scores and its values, and
what it hands on is a mixture of all of its entries.
"""

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import Node

from modlib.network.neurons import MIXED, NOTHING, narrow
from modlib.network.nodes import argument, arguments, place, refuse, shape
from modlib.network.reading import ROLES, Reading

Parts = dict[str, Int[Tensor, "n_heads _"]]
"""Neurons of queries, keys and values, head by head; those of scores have no role."""


def attention(reading: Reading, node: Node) -> Tensor:
    """Return the heads of scaled dot products of queries, keys and values."""
    stack = shape(node)[:-2]
    parts: Parts = {}
    for role, operand in zip(ROLES[1:], arguments(node), strict=False):
        numbers = reading.of(operand)
        if argument(node, "enable_gqa"):
            numbers = numbers.repeat_interleave(stack[-1] // numbers.shape[-3], -3)
        numbers = numbers.expand(*stack, *numbers.shape[-2:]).flatten(0, -3)
        refuse_made_weights(reading, node, numbers)
        parts[role] = numbers.flatten(1)
    refuse_made_mask(reading, node, argument(node, "attn_mask"))
    heads = scores(reading, node, parts)
    reading.settle(heads)
    return heads.view(*stack, 1, 1).expand(shape(node))


def refuse_made_weights(
    reading: Reading, node: Node, numbers: Int[Tensor, "n_heads n_rows n_columns"]
) -> None:
    """Raise ValueError if neurons of a layer differ along rows and columns, as made weights do.

    Queries and keys differ along their entries, and so do values; places of each are one neuron.
    """
    found = reading.neurons.found(narrow(numbers, (1, 2)))
    layers = reading.neurons.layer[found]
    for layer in layers.unique().tolist():
        own = torch.where(layers == layer, found, NOTHING)
        differ = [((own != own.amax(d, keepdim=True)) & (own > MIXED)).any() for d in (1, 2)]
        if all(differ):
            refuse(node, "neurons make the weights by which others are multiplied")


def refuse_mixtures(
    reading: Reading, node: Node, numbers: Int[Tensor, "n_heads n_places n_entries"]
) -> None:
    """Raise ValueError if places of a query or a key are neurons that differ, and so are entries.

    Then it is no query: neurons of several layers are weighed and mixed, unit by unit.
    """
    found = reading.neurons.found(narrow(numbers, (1, 2)))
    layers = reading.neurons.layer[found]
    entries_differ = ((found != found[:, :, :1]) & (found > MIXED)).any()
    for layer in layers.unique().tolist():
        own = torch.where(layers == layer, found, NOTHING)
        if entries_differ and ((own != own.amax(1, keepdim=True)) & (own > MIXED)).any():
            refuse(node, "neurons weigh others, of several layers, by which these are mixed")


def refuse_made_mask(reading: Reading, node: Node, mask: Node | None) -> None:
    """Raise ValueError if neurons are added to scores as a mask; note it if they choose one."""
    if mask is None or mask in reading.fixed:
        return
    neurons = reading.neurons
    if reading.is_mixed(mask):
        if not reading.made_of(mask) <= neurons.inputs:
            reading.leave_out(node)
    elif reading.has_neurons(mask) and not neurons.are_of(reading.found(mask), neurons.unread):
        refuse(node, "neurons make the mask of its scores")


def scores(reading: Reading, node: Node, parts: Parts) -> Int[Tensor, " n_heads"]:
    """Return new neurons, the heads that these become once values or weights read the scores."""
    first = torch.cat(list(parts.values()), 1).amax(1)
    met, which = reading.neurons.found(first).unique(return_inverse=True)
    layer = len(reading.neurons.layers)
    heads = reading.neurons.new(f"{place(node)}.heads".lstrip("."), len(met))[which]
    heads = torch.where(reading.neurons.found(first) > MIXED, heads, first)
    reading.neurons.heads.add(layer)
    reading.scored[layer] = node
    reading.unsettled[layer] = {**parts, "": heads[:, None]}
    return heads


def values(reading: Reading, *parts: Int[Tensor, "n_heads _"]) -> Int[Tensor, " n_heads"]:
    """Return the heads of scores, which the values that these weigh become too.

    Of two that are heads, as where one attention's values are another's, both become one.
    """
    by_role: Parts = {}
    for part in parts:
        role = "" if reading.neurons.are_heads(part) else "value"
        by_role[role] = torch.cat([by_role[role], part], 1) if role in by_role else part
    weighing = by_role[""]
    for layer in reading.neurons.layer[weighing].unique().tolist():
        reading.pairwise.discard(layer)
    reading.settle(weighing)
    reading.merge(by_role)
    return weighing.amax(1)
