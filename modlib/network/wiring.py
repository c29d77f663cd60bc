"""From what was read to layers and the matrices between them."""

from collections import defaultdict
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from modlib.network.neurons import MIXED, Neurons
from modlib.network.reading import ROLES, Read, Reading


class Wire(NamedTuple):
    """A connection: from what was read, and which of its rows and columns are which neurons.

    Rows and columns that are another layer's are -1.
    """

    name: str
    source: str
    target: str
    read: Read
    rows: Int[Tensor, "n_blocks n_rows"]
    columns: Int[Tensor, "n_blocks n_columns"]


class Layers(NamedTuple):
    """The layers of all neurons that weights join: each one's size, each number's layer, place."""

    names: list[str]
    sizes: list[int]
    layer: Int[Tensor, " n_numbers"]
    place: Int[Tensor, " n_numbers"]


def joined_layers(reading: Reading) -> Layers:
    """Return the layers in the order in which they were met; those that share neurons are one."""
    neurons = reading.neurons
    labels, n_layers = neurons.labels, len(neurons.layers)
    met = torch.cat([ends.flatten() for each in reading.read for ends in (each.rows, each.columns)])
    used = torch.isin(labels, labels[met]) & (labels > MIXED)
    ends = neurons.layer[used], neurons.layer[labels[used]]
    edges = coo_array((torch.ones(len(ends[0])), ends), shape=(n_layers, n_layers))
    group = torch.from_numpy(connected_components(edges, directed=False)[1]).long()
    names = {int(group[layer]): neurons.layers[layer] for layer in sorted(neurons.heads)[::-1]}
    layers = Layers([], [], torch.full_like(labels, -1), torch.full_like(labels, -1))
    for first in labels[used].unique().tolist():
        if layers.layer[first] < 0:
            own = neurons.layer[first]
            lies = used & (group[neurons.layer] == group[own])
            members, ranks = labels[lies].unique(return_inverse=True)
            layers.layer[lies], layers.place[lies] = len(layers.names), ranks
            layers.names.append(names.get(int(group[own]), neurons.layers[own]))
            layers.sizes.append(len(members))
    return layers


def wires_of(reading: Reading, layers: Layers) -> list[Wire]:
    """Return the connections in the order in which they run.

    Weights that several layers feed, or that make queries, keys and values at once, are one
    connection for each.
    """
    wires, made = [], defaultdict(set)
    for each in reading.read:
        made[each.name] |= {*reading.neurons.role[each.columns].unique().tolist()}
    for each in reading.read:
        refuse_bare_attention(reading.neurons, each)
        sources, targets = (layers.layer[ends] for ends in (each.rows, each.columns))
        roles = reading.neurons.role[each.columns]
        ends = [[n for n in part.unique().tolist() if n >= 0] for part in (sources, targets)]
        for source, role, target in product(ends[0], roles.unique().tolist(), ends[1]):
            into = (targets == target) & (roles == role)
            name = f"{each.name}.{ROLES[role]}" if role and len(made[each.name]) > 1 else each.name
            wires.append(
                Wire(
                    f"{name}[{layers.names[source]}]" if len(ends[0]) > 1 else name,
                    layers.names[source],
                    layers.names[target],
                    each,
                    torch.where(sources == source, layers.place[each.rows], -1),
                    torch.where(into, layers.place[each.columns], -1),
                )
            )
    return wires


def refuse_bare_attention(neurons: Neurons, read: Read) -> None:
    """Raise ValueError if weights read neurons that attention, too, reads with nothing between."""
    rows = read.rows[neurons.role[read.rows] > 0].unique()
    if len(neurons.labels[rows].unique()) < len(rows):
        raise ValueError(
            f"module '{read.name}' reads neurons that attention compares or averages as they are;"
            " attention is read where its queries, keys and values are projections of their own"
        )


def matrix(
    blocks: Float[Tensor, "n_blocks n_rows n_columns"], wire: Wire, n_source: int, n_target: int
) -> Float[Tensor, "n_source n_target"]:
    """Return the weights of a wire as a matrix.

    Weights between the same neurons are added up by absolute value.
    """
    if len(blocks) == 1:
        W = placed(blocks[0], wire.rows[0], n_source, 0)
        return placed(W, wire.columns[0], n_target, 1)
    rows, columns = wire.rows[:, :, None], wire.columns[:, None]
    places = torch.where((rows >= 0) & (columns >= 0), rows * n_target + columns, -1)
    return placed(blocks.flatten(), places.flatten(), n_source * n_target, 0).view(n_source, -1)


def placed(W: Tensor, places: Int[Tensor, " n_old"], n: int, dim: int) -> Tensor:
    """Return a tensor with its entries along one dimension at other places, or at none if -1."""
    if torch.equal(places, torch.arange(n, device="cpu")):
        return W
    kept = (places >= 0).nonzero()[:, 0]
    places = places[kept]
    W = W.index_select(dim, kept.to(W.device))
    if len(places.unique()) < len(places):
        W = W.abs()
    shape = [*W.shape]
    shape[dim] = n
    return W.new_zeros(shape).index_add(dim, places.to(W.device), W)
