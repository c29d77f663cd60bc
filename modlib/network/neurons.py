"""Numbers of neurons, and which of them turn out to be one neuron.

Each entry of each value of a network carries the number of the neuron that it belongs to; an
entry that no input reaches belongs to none, and one that mixes several neurons without weights
(their mean, a comparison) to none in particular.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

NOTHING, MIXED = 0, 1
"""The numbers of entries without a neuron of their own; neurons are numbered from 2."""


class Neurons:
    """All neurons met so far: the layer of each, what attention makes of it, which are one.

    Layers are numbered as in `layers`, their names; `inputs`, `conditions` and `heads` are those of
    inputs, of whole numbers that no weights have read, and of attention's heads; `unread` are
    inputs that neither weights nor others' neurons have met; `examples` says how many examples an
    input holds.
    """

    def __init__(self) -> None:
        self.layers: list[str] = [""]
        self.examples: dict[int, int] = {}
        self.inputs: set[int] = set()
        self.unread: set[int] = set()
        self.conditions: set[int] = set()
        self.heads: set[int] = set()
        self.labels = torch.arange(2)
        self.layer, self.role = torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.long)

    def new(self, name: str, n: int) -> Int[Tensor, " n"]:
        """Return the numbers of a new layer; a name that is taken gets '@2', '@3' and so on."""
        again = sum(layer.split("@")[0] == name for layer in self.layers)
        numbers = torch.arange(len(self.labels), len(self.labels) + n)
        self.labels = torch.cat([self.labels, numbers])
        self.layer = torch.cat([self.layer, torch.full((n,), len(self.layers))])
        self.role = torch.cat([self.role, torch.zeros(n, dtype=torch.long)])
        self.layers.append(f"{name}@{again + 1}" if again else name)
        return numbers

    def found(self, numbers: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
        """Return the numbers with one number, the smallest, for all that are one neuron."""
        return self.labels[narrow(numbers, range(numbers.dim()))].expand(numbers.shape)

    def join(self, a: Int[Tensor, " n"], b: Int[Tensor, " n"]) -> None:
        """Make each neuron of `a` one with its counterpart in `b`, where both are neurons."""
        pairs = pairs_of(self.labels[a], self.labels[b])
        pairs = pairs[:, (pairs > MIXED).all(0) & (pairs[0] != pairs[1])]
        if not pairs.numel():
            return
        met, ends = pairs.unique(return_inverse=True)
        self.unread -= {*self.layer[met].tolist()}
        edges = coo_array((torch.ones(ends.shape[1]), tuple(ends)), shape=(len(met), len(met)))
        groups = torch.from_numpy(connected_components(edges, directed=False)[1]).long()
        smallest = met.scatter_reduce(0, groups, met, "amin", include_self=False)
        renamed = torch.arange(len(self.labels))
        renamed[met] = smallest[groups]
        self.labels = renamed[self.labels]

    def are_of(self, numbers: Int[Tensor, "..."], layers: set[int]) -> bool:
        """Return whether there are neurons among the numbers, and all of them in these layers."""
        met = self.layer[numbers[numbers > MIXED]].unique().tolist()
        return bool(met) and layers.issuperset(met)

    def are_heads(self, numbers: Int[Tensor, "..."]) -> bool:
        """Return whether neurons are heads of attention that was read already."""
        lie = torch.isin(self.layer, torch.tensor([*self.heads]))
        return bool(torch.isin(self.labels[numbers], self.labels[lie]).any())


def pairs_of(a: Int[Tensor, " n"], b: Int[Tensor, " n"]) -> Int[Tensor, "2 n_pairs"]:
    """Return each pair of numbers that meet, once."""
    if not a.numel():
        return torch.stack([a, b])
    base = b.amax() + 1
    met = (a * base + b).unique()
    return torch.stack([met // base, met % base])


def narrow(numbers: Int[Tensor, "*shape"], dims: Iterable[int]) -> Int[Tensor, "*narrow"]:
    """Return numbers without the repeats that take no memory, along these dimensions."""
    for dim in dims:
        if numbers.stride(dim) == 0:
            numbers = numbers.narrow(dim, 0, min(1, numbers.shape[dim]))
    return numbers


def alike(numbers: Int[Tensor, "*shape"], dims: Iterable[int]) -> Int[Tensor, "*narrow"]:
    """Return the numbers of entries that are one neuron all along these dimensions, else MIXED."""
    dims = tuple(dims)
    if not dims:
        return numbers
    numbers = narrow(numbers, dims)
    low, high = numbers.amin(dims, keepdim=True), numbers.amax(dims, keepdim=True)
    return torch.where(low == high, low, MIXED)
