"""What has been read of a graph so far: the neurons of each value, and who feeds whom."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import Node

from modlib.network.fixed import evaluated, needed
from modlib.network.neurons import MIXED, NOTHING, Neurons, narrow, pairs_of
from modlib.network.nodes import operation, outputs, place, refuse, shape

ROLES = ("", "query", "key", "value")
"""What attention makes of neurons."""

Arrange = Callable[[Tensor], Tensor]
"""Maps a parameter to its weights in blocks, of shape (n_blocks, n_rows, n_columns)."""


class Read(NamedTuple):
    """Weights that were read, at some nodes: in each block, the neurons of rows and of columns."""

    name: str
    nodes: list[Node]
    weight: Node
    arrange: Arrange
    rows: Int[Tensor, "n_blocks n_rows"]
    columns: Int[Tensor, "n_blocks n_columns"]


class Reading:
    """The state of going through a graph, node by node.

    `fixed` holds the nodes that no input reaches, each with its tensor where it is one of the
    model's, and `names` the names of those; `numbers` holds, for each other node, the neuron of
    each entry of its value.
    """

    def __init__(self, names: Mapping[Node, str], tensors: Mapping[Node, Tensor]) -> None:
        self.names, self.tensors = names, tensors
        self.neurons = Neurons()
        self.fixed: set[Node] = set(names)
        self.numbers: dict[Node, Tensor | list[Tensor]] = {}
        self.read: list[Read] = []
        self.cells: dict[Node, Tensor] = {}
        self.experts: dict[Node, list[Tensor]] = {}
        self.unsettled: dict[int, dict[str, Tensor]] = {}
        self.scored: dict[int, Node] = {}
        self.pairwise: set[int] = set()
        self.crossed: list[tuple[Node, Tensor]] = []
        self.scaled: list[tuple[Node, Tensor, list[int]]] = []
        self.left_out: list[str] = []

    def of(self, node: Node) -> Tensor:
        """Return the numbers of a node's value."""
        numbers = nothing(node) if node in self.fixed else self.numbers[node]
        if not isinstance(numbers, Tensor):
            raise TypeError(f"one value was needed, got {len(numbers)}")
        return numbers

    def found(self, node: Node) -> Tensor:
        """Return the numbers of a node's value, with one number for all that are one neuron."""
        return self.neurons.found(self.of(node))

    def has_neurons(self, node: Node) -> bool:
        """Return whether neurons other than conditions are in a node's value, or values."""
        numbers = nothing(node) if node in self.fixed else self.numbers[node]
        each = numbers if isinstance(numbers, list | tuple) else [numbers]
        return any(
            (self.neurons.found(n) > MIXED).any()
            and not self.neurons.are_of(n, self.neurons.conditions)
            for n in each
        )

    def is_mixed(self, node: Node) -> bool:
        """Return whether entries of a value that depends on inputs are no neuron in particular."""
        numbers = self.numbers.get(node, NOTHING)
        if not isinstance(numbers, Tensor):
            return node not in self.fixed
        return bool((numbers == MIXED).any())

    def layers_of(self, nodes: Iterable[Node]) -> set[int]:
        """Return the layers of all neurons in nodes' values, conditions apart."""
        met = [self.neurons.layer[self.found(node)].unique().tolist() for node in nodes]
        return {layer for layers in met for layer in layers} - self.neurons.conditions - {0}

    def made_of(self, node: Node) -> set[int]:
        """Return the layers of the neurons that a mixture is made of.

        Inputs that are compared are none of them: that makes a mask, which all neurons may meet.
        """
        found, seen, waiting = set(), set(), [(node, False)]
        while waiting:
            operand, is_compared = at = waiting.pop()
            if operand in self.fixed or at in seen:
                continue
            seen.add(at)
            is_compared |= any(output.dtype == torch.bool for output in outputs(operand))
            if self.is_mixed(operand):
                waiting += [(source, is_compared) for source in operand.all_input_nodes]
            else:
                found |= self.layers_of([operand]) - (self.neurons.inputs if is_compared else set())
        return found

    def value(self, node: Node) -> Tensor:
        """Return the value of a node that no input reaches."""
        return evaluated([node], self.tensors)[node]

    def rows(
        self, node: Node, numbers: Int[Tensor, "n_blocks n_places n_rows"]
    ) -> Int[Tensor, "n_blocks n_rows"]:
        """Return the neuron of each row, after making it one neuron at all places.

        Raises:
            ValueError: if a row reads what is no neuron in particular, or examples for neurons, or
                if two rows would be made one.
        """
        self.settle(numbers)
        found = self.neurons.found(numbers)
        if (found == MIXED).any():
            refuse(node, "it reads a mean, a sum or some other mixture of neurons")
        first = found.amax(1, keepdim=True)
        met = found != NOTHING
        if (met & (found != first)).any():
            rows = torch.arange(found.shape[-1]).expand(found.shape)
            pairs = pairs_of(found[met], rows[met])
            if self.is_one_row(found) or len(pairs[0].unique()) < pairs.shape[1]:
                refuse(node, "the neurons of a row differ from place to place")
            self.neurons.join(first.expand(found.shape).flatten(), found.flatten())
        rows = numbers.amax(1)
        read = {*self.neurons.layer[rows].unique().tolist()}
        self.neurons.unread -= read
        self.neurons.conditions -= read
        if self.are_examples(rows[0]):
            refuse(
                node,
                "the first dimension of inputs counts examples, but it seems to read along it, or"
                " as many copies: pass another number of examples",
            )
        return rows

    def are_examples(self, rows: Int[Tensor, " n_rows"]) -> bool:
        """Return whether rows repeat each entry of an input as several examples would."""
        met, counts = rows.unique(return_counts=True)
        layers = self.neurons.layer[met]
        for layer, n in self.neurons.examples.items():
            times = counts[layers == layer].unique().tolist()
            if len(times) == 1 and times[0] > 1 and n % times[0] == 0:
                return True
        return False

    def is_one_row(self, found: Int[Tensor, "n_blocks n_places n_rows"]) -> bool:
        """Return whether a single row would make one of several neurons that are no inputs."""
        several = found.shape[0] * found.shape[2] == 1 < len(found[found > MIXED].unique())
        return several and not self.neurons.are_of(found, self.neurons.inputs)

    def settle(self, numbers: Int[Tensor, "..."]) -> None:
        """Make one neuron of each head of attention whose scores these are.

        Raises:
            ValueError: if scores are of pairs of neurons, and have weighed no values.
        """
        layers = self.neurons.layer[narrow(numbers, range(numbers.dim()))].unique().tolist()
        self.refuse_pairs(layers)
        for layer in self.unsettled.keys() & {*layers}:
            self.merge(self.unsettled.pop(layer))

    def refuse_pairs(self, layers: Iterable[int]) -> None:
        """Raise ValueError if layers are of products of several neurons with several others."""
        for layer in self.pairwise & {*layers}:
            refuse(
                self.scored[layer],
                "each of several neurons is multiplied by each of several others",
            )

    def merge(self, parts: Mapping[str, Int[Tensor, "n_heads _"]]) -> None:
        """Make one neuron of each head's entries, and note what attention makes of them."""
        neurons = self.neurons
        for role, numbers in parts.items():
            same = torch.isin(neurons.labels, neurons.found(numbers).unique())
            new = same & (neurons.labels > MIXED) & (neurons.role == 0)
            neurons.role[new] = ROLES.index(role)
        together = torch.cat(list(parts.values()), 1)
        neurons.join(
            together.amax(1, keepdim=True).expand(together.shape).flatten(), together.flatten()
        )

    def meet(self, node: Node, pairs: Int[Tensor, "2 n_pairs"]) -> None:
        """Make one neuron of each pair; those that meet in two orders wait until all is read."""
        pairs = pairs[:, pairs[0] != pairs[1]]
        if torch.isin(pairs[0], pairs[1]).any():
            self.crossed.append((node, pairs))
        else:
            self.neurons.join(*pairs)

    def join_crossed(self) -> None:
        """Make one neuron of each pair that waited, as entries of a head and places are.

        Raises:
            ValueError: if weights tell two of them apart.
        """
        ends = torch.cat([side.flatten() for each in self.read for side in each[-2:]])
        for node, pairs in self.crossed:
            before = self.neurons.labels[ends].unique()
            self.neurons.join(*pairs)
            if len(self.neurons.labels[ends].unique()) < len(before):
                refuse(node, "neurons meet others of their own layer, in another order")

    def connect(
        self, node: Node, weight: Node, arrange: Arrange, rows: Tensor, columns: Tensor
    ) -> None:
        """Note that a node feeds these columns from these rows through a fixed value.

        Raises:
            ValueError: if the weights depend on inputs.
        """
        if weight not in self.fixed:
            refuse(node, "its weights depend on inputs")
        name = self.name(node, weight)
        self.read.append(Read(name, [node], weight, arrange, rows, columns))

    def name(self, node: Node, weight: Node) -> str:
        """Return the name of the module whose weight it is, or the parameter's if it has others.

        A module that borrows another's weight gives its own name.
        """
        parameter = re.sub(r"parametrizations\.(\w+)\..*", r"\1", self.parameter(weight))
        owner, _, own = parameter.rpartition(".")
        if not re.fullmatch("(in_proj_)?weight(_orig|_g|_v)?", own):
            return parameter
        where = place(node)
        return (owner if f"{owner}.".startswith(f"{where}.") or not where else where) or parameter

    def parameter(self, weight: Node) -> str:
        """Return the name of the first parameter that a fixed value is made of, or else buffer."""
        sources = [node for node in needed([weight], ()) if node in self.names]
        trained = [node for node in sources if self.is_trained(node)]
        return next((self.names[node] for node in [*trained, *sources]), weight.name)

    def is_trained(self, weight: Node) -> bool:
        """Return whether a fixed value is made of parameters."""
        sources = [self.tensors[node] for node in needed([weight], ()) if node in self.tensors]
        return any(isinstance(tensor, torch.nn.Parameter) for tensor in sources)

    def leave_out(self, node: Node) -> None:
        """Note that what a node does was not read."""
        name = f"{place(node)} ({operation(node)})".lstrip()
        if name not in self.left_out:
            self.left_out.append(name)

    def leave_out_choice(self, node: Node, index: Node) -> None:
        """Note that neurons choose what a node gives, if an index is made of any."""
        if self.is_mixed(index) and not self.made_of(index) <= self.neurons.inputs:
            self.leave_out(node)


def nothing(node: Node) -> Tensor:
    """Return numbers for a value without neurons."""
    return torch.tensor(NOTHING).expand(shape(node))


def mixed(output: Tensor) -> Tensor:
    """Return numbers for a value that belongs to no neuron in particular."""
    return torch.tensor(MIXED).expand(output.shape)
