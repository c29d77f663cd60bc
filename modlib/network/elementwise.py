"""Values that are combined entry by entry, or reduced: their neurons stay the same."""

from collections.abc import Iterable
from functools import reduce

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import Node

from modlib.network.neurons import MIXED, NOTHING, alike, pairs_of
from modlib.network.nodes import argument, arguments, operation, outputs, refuse, shape
from modlib.network.reading import Reading, mixed, nothing

GATES = {"mul", "multiply", "div", "divide", "true_divide"}
"""Operations by which one neuron may scale many, which is left out."""

SHIFTS = {"add", "sub", "subtract", "rsub"}
"""Operations by which a constant is a bias."""


def elementwise(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of activations, sums and products."""
    varying = [operand for operand in node.all_input_nodes if operand not in reading.fixed]
    for operand in set(node.all_input_nodes) - set(varying):
        wider = all(shape(v).numel() < shape(node).numel() for v in varying)
        if wider and sum(n > 1 for n in shape(operand)) > 1 and reading.is_trained(operand):
            refuse(node, "a matrix of parameters meets neurons entry by entry")
    if meets_foreign_mixtures(reading, varying):
        if operation(node).rstrip("_") not in GATES:
            refuse(node, "neurons meet a mean, a sum or some other mixture of others")
        reading.leave_out(node)
    numbers = [reading.of(operand) for operand in varying]
    if len(varying) > 1 and all(
        reading.neurons.are_of(n, reading.neurons.conditions) for n in numbers
    ):
        return mixed(outputs(node)[0])
    met = reduce(lambda a, b: together(reading, node, a, b), numbers).expand(shape(node))
    if operation(node).rstrip("_") not in SHIFTS:
        scaled_apart(reading, node, met)
    return met


def scaled_apart(reading: Reading, node: Node, numbers: Tensor) -> None:
    """Note a constant that may scale or silence some neurons and not others, as a mask does.

    Whether these are different neurons is known when all has been read.
    """
    for operand in reading.fixed.intersection(node.all_input_nodes):
        if shape(operand).numel() > 1 and not reading.is_trained(operand):
            reading.scaled.append((node, numbers, dims_of_change(reading.value(operand))))


def dims_of_change(value: Tensor) -> list[int]:
    """Return the dimensions along which a value varies, from the end; on meta, those it may."""
    if value.is_meta:
        return [dim - value.dim() for dim, size in enumerate(value.shape) if size > 1]
    dims = range(-value.dim(), 0)
    return [dim for dim in dims if (value != value.narrow(dim, 0, 1)).any()]


def meets_foreign_mixtures(reading: Reading, operands: list[Node]) -> bool:
    """Return whether neurons meet a mixture of neurons of other layers than theirs."""
    mixtures = [operand for operand in operands if reading.is_mixed(operand)]
    own = reading.layers_of(n for n in operands if n not in mixtures) if mixtures else set()
    return bool(own) and any(not reading.made_of(mixture) <= own for mixture in mixtures)


def together(
    reading: Reading, node: Node, a: Int[Tensor, "..."], b: Int[Tensor, "..."]
) -> Int[Tensor, "..."]:
    """Return the neurons of two values that meet entry by entry: those that meet are one.

    Where one neuron meets many, as the gate of a whole layer does, the result is the many and
    the one is left out; so are conditions.
    """
    whole = torch.broadcast_shapes(a.shape, b.shape)
    is_spread = a.shape != whole, b.shape != whole
    found = [reading.neurons.found(numbers.expand(whole)) for numbers in (a, b)]
    for dim in range(len(whole)):
        if found[0].stride(dim) == found[1].stride(dim) == 0:
            found = [numbers.narrow(dim, 0, min(1, whole[dim])) for numbers in found]
    a, b = found
    both = (a > MIXED) & (b > MIXED)
    pairs = pairs_of(a[both], b[both])
    kept = which_is_kept(reading, node, pairs, is_spread)
    if kept is None:
        reading.meet(node, pairs)
    return torch.where(both, found[kept or 0], torch.maximum(a, b)).expand(whole)


def which_is_kept(
    reading: Reading, node: Node, pairs: Int[Tensor, "2 n_pairs"], is_spread: tuple[bool, bool]
) -> int | None:
    """Return which of two operands is the result; None if they are one and the same neurons."""
    neurons = reading.neurons
    for side in (0, 1):
        is_scores = neurons.are_of(pairs[1 - side], {*reading.unsettled})
        if is_scores and neurons.are_of(pairs[side], neurons.unread):
            return 1 - side
        if neurons.are_of(pairs[side], neurons.conditions):
            if not is_scores:
                reading.leave_out(node)
            return 1 - side
    meets_many = [len(side.unique()) < len(side) for side in pairs]
    if not any(meets_many):
        return None
    if all(meets_many):
        refuse(node, "each of several neurons meets each of several others")
    one = meets_many.index(True)
    if neurons.are_of(pairs[1 - one], neurons.unread) and len(pairs[one].unique()) > 1:
        if is_spread[one]:
            refuse(node, "neurons meet inputs that no weights have read")
        return None
    if operation(node).rstrip("_") not in GATES:
        refuse(node, "one neuron is added to many")
    reading.leave_out(node)
    return 1 - one


def unchanged(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return the neurons of a normalised, dropped or copied value: scales are left out."""
    value, *rest = node.all_input_nodes
    made = [n for n in rest if n not in reading.fixed and outputs(n)[0].dtype != torch.bool]
    if made and operation(node) != "type_as":
        refuse(node, "what it scales, shifts or fills with depends on inputs")
    if operation(node) != "type_as" and meets_foreign_mixtures(reading, node.all_input_nodes):
        reading.leave_out(node)
    related(reading, node, reading.of(value))
    numbers, *others = reading.of(value), *outputs(node)[1:]
    if any(map(reading.is_mixed, rest)) and not (numbers != NOTHING).any():
        numbers = mixed(outputs(node)[0])  # a mask writes over a constant
    numbers = numbers.expand(shape(node))
    if operation(node).rstrip("_") in {"masked_fill", "prelu"}:  # the scales of norms are known
        scaled_apart(reading, node, numbers)
    return [numbers, *map(mixed, others)] if is_several(node) else numbers


def related(reading: Reading, node: Node, numbers: Tensor) -> None:
    """Note a softmax or a norm over different neurons: each depends on all, without weights."""
    name, dims = operation(node), []
    if "softmax" in name:
        dims = [argument(node, "dim")]
    elif "group_norm" in name:
        n_groups = argument(node, "num_groups") or argument(node, "group")
        numbers, dims = numbers.unflatten(1, (n_groups, -1)), range(2, numbers.dim() + 1)
    elif argument(node, "normalized_shape"):
        dims = range(-len(argument(node, "normalized_shape")), 0)
    if dims:
        one_along(reading, node, numbers, dims)


def one_along(reading: Reading, node: Node, numbers: Tensor, dims: Iterable[int]) -> Tensor:
    """Return the neurons of entries that are one along dimensions; note it if they are not."""
    found = reading.neurons.found(numbers)
    kept = alike(found, dims)
    if (kept == MIXED).any() and (found > MIXED).any():
        reading.leave_out(node)
    return kept


def is_several(node: Node) -> bool:
    """Return whether a node gives several values."""
    return isinstance(node.meta["val"], list | tuple)


def constant(reading: Reading, node: Node) -> Tensor:
    """Return no neurons: the value is the same whatever the inputs are."""
    return nothing(node)


def sampled(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return the neurons by whose values others are drawn; none where one number says how."""
    return unchanged(reading, node) if argument(node, "p") is None else nothing(node)


def reduced(reading: Reading, node: Node) -> Tensor | list[Tensor]:
    """Return the neurons of sums, means and extremes over entries of one neuron each."""
    if argument(node, "other") is not None:  # the larger, or the smaller, of two
        return elementwise(reading, node)
    numbers = reading.of(node.all_input_nodes[0])
    dims = argument(node, "dim")
    dims = [dims] if isinstance(dims, int) else dims or range(numbers.dim())
    kept = one_along(reading, node, numbers, dims)
    if len(shape(node)) < numbers.dim():
        kept = kept.squeeze(tuple(dims))
    numbers, *others = kept.expand(shape(node)), *outputs(node)[1:]
    return [numbers, *map(mixed, others)] if is_several(node) else numbers


def gated_halves(reading: Reading, node: Node) -> Tensor:
    """Return the neurons of the one half of a value times a function of the other."""
    halves = reading.of(arguments(node)[0]).chunk(2, argument(node, "dim"))
    return together(reading, node, *halves)
