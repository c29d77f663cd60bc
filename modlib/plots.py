"""Figures of chains and networks: weight matrices and neuron graphs.

One style for all of them, with the colours of Okabe & Ito, which colour-blind readers
can tell apart. Each function returns the figure; captions and alternative texts
belong to the cell that shows it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from modlib import require_extra

require_extra("plots", "matplotlib")

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from jaxtyping import Float, Int, Shaped
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from torch import Tensor

from modlib.graphs import layer_sizes
from modlib.modularity.measure import modularity
from modlib.network.connections import Connection, Network, of_neurons
from modlib.network.matrices import checked, mapped, matrices

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
GREY = "#8A8A8A"

Drawn = Sequence[Float[Tensor | np.ndarray, "*stack _ _"]] | Network
"""What figures show: a chain of tensors or arrays, or a network."""

A_ROW, AT_MOST = 8, 40
"""So many matrices stand in a row, and so many are drawn."""

ALONG = np.linspace(0, 1, 25)[:, None]
"""Where on a curve its points lie."""


def community_colours(communities: Int[np.ndarray, " n_neurons"]) -> Float[np.ndarray, "n 4"]:
    """Return a colour for each neuron: the largest communities differ, the rest are grey."""
    sizes = np.bincount(communities)
    largest = np.argsort(-sizes, kind="stable")[: len(PALETTE)]
    shown = np.sort(largest[sizes[largest] > 1])
    colours = np.tile(to_rgba_array(GREY), (len(sizes), 1))
    colours[shown] = to_rgba_array(PALETTE[: len(shown)])
    return colours[communities]


def drawable(
    chain: Drawn, communities: Int[np.ndarray, " n_neurons"] | None
) -> tuple[Network, dict[str, Int[np.ndarray, " _"]]]:
    """Return a network of absolute weights, and the communities of each of its layers.

    Where no communities are given, they are searched for. The matrices of a chain have no name.

    Raises:
        ValueError: if it is not one network, or one of too many connections.
    """
    absolute = mapped(lambda W: W.detach().cpu().double().abs(), checked(chain))
    shapes = [tuple(W.shape) for W in matrices(absolute)]
    if any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            f"a figure shows one network, got matrices of shape {shapes};"
            " take one of the stack, as in [W[0] for W in chain]"
        )
    if len(shapes) > AT_MOST:
        raise ValueError(
            f"a figure shows {AT_MOST} connections at most, got {len(shapes)}; draw a part of the"
            " model, modlib.network(part, *inputs)"
        )
    if communities is None:
        communities = modularity(absolute, nulls=2).communities
    if not isinstance(absolute, Network):
        hidden = [f"hidden units, layer {depth}" for depth in range(1, len(shapes))]
        sizes = dict(zip(["inputs", *hidden, "outputs"], layer_sizes(absolute), strict=True))
        ends = zip(pairwise(sizes), absolute, strict=True)
        absolute = Network(sizes, [Connection("", *names, W) for names, W in ends], [])
    return absolute, by_layer(absolute.sizes, of_neurons(communities, absolute.sizes))


def by_layer(
    sizes: Mapping[str, int], values: Shaped[np.ndarray, "n_neurons *_"]
) -> dict[str, Shaped[np.ndarray, "n *_"]]:
    """Return what there is for each neuron, by layer."""
    parts = np.split(values, np.cumsum(list(sizes.values()))[:-1])
    return dict(zip(sizes, parts, strict=True))


def layout_of(chain: Drawn) -> str | None:
    """Return how a figure finds room: that of a network has names, of any length."""
    return "constrained" if isinstance(chain, Network) else None


def weight_matrices(
    chain: Drawn, communities: Int[np.ndarray, " n_neurons"] | None = None
) -> Figure:
    """Draw the size of the weights of each connection, rows and columns ordered by community.

    A coloured bar along each side says which community a neuron is in; each matrix is
    scaled by its own 99th percentile. Where no communities are given, they are searched for.

    Raises:
        ValueError: if it is not one network, or one of more than 40 connections.
    """
    network, labels = drawable(chain, communities)
    order = {name: np.argsort(labels[name], kind="stable") for name in labels}
    colours = by_layer(network.sizes, community_colours(np.concatenate(list(labels.values()))))
    largest = max(network.sizes.values())
    height = max(max(len(c.weight) / largest, 0.35) for c in network.connections)
    n_rows, n_columns = -(-len(network.connections) // A_ROW), min(len(network.connections), A_ROW)
    fig, axes = plt.subplots(
        n_rows, n_columns, squeeze=False, layout=layout_of(chain),
        figsize=(3.2 * n_columns + 0.6, n_rows * (0.6 + 3.4 * height)),
    )  # fmt: skip
    for ax in axes.flat[len(network.connections) :]:
        ax.remove()
    for (name, source, target, W), ax in zip(network.connections, axes.flat, strict=False):
        W, rows, columns = W.numpy(), order[source], order[target]
        ax.imshow(
            W[np.ix_(rows, columns)], cmap="Greys", vmin=0, vmax=np.quantile(W, 0.99), aspect="auto"
        )
        for side, colour in (("left", colours[source][rows]), ("top", colours[target][columns])):
            bar = ax.inset_axes([-0.07, 0, 0.045, 1] if side == "left" else [0, 1.025, 1, 0.045])
            bar.imshow(colour[:, None] if side == "left" else colour[None], aspect="auto")
            bar.axis("off")
        ax.set(xticks=[], yticks=[], xlabel=f"{W.shape[1]} {target}")
        ax.set_ylabel(f"{W.shape[0]} {source}", labelpad=16)
        ax.set_title(name, fontsize="medium", pad=16 if name else None)
    return fig


def depths(network: Network) -> dict[str, int]:
    """Return how far each layer is from the inputs, on the longest way.

    Layers that lead to each other, as those that read a stream of residual sums and write to it,
    come one after the other in the network's own order.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(network.sizes)
    graph.add_edges_from((c.source, c.target) for c in network.connections)
    cycles = nx.condensation(graph)
    depth, reached = {}, {}
    for cycle in nx.topological_sort(cycles):
        start = max((reached[before] for before in cycles.predecessors(cycle)), default=0)
        members = [name for name in network.sizes if name in cycles.nodes[cycle]["members"]]
        depth |= {name: start + place for place, name in enumerate(members)}
        reached[cycle] = start + len(members)
    return depth


def neuron_positions(
    network: Network, labels: Mapping[str, Int[np.ndarray, " _"]]
) -> dict[str, Float[np.ndarray, "_ 2"]]:
    """Return where to draw each layer's neurons: its depth across, their communities' place down.

    Layers of one depth stand below each other.
    """
    depth, positions = depths(network), {}
    for across in sorted(set(depth.values())):
        column = [name for name in network.sizes if depth[name] == across]
        gap = 0.12 / len(column) if len(column) > 1 else 0
        height = 1 / len(column) - 2 * gap
        for place, name in enumerate(column):
            size = network.sizes[name]
            rank = np.argsort(np.argsort(labels[name], kind="stable"))
            down = place / len(column) + gap + height * ((rank + 0.5) / size)
            positions[name] = np.stack([np.full(size, across), -down], axis=1)
    return positions


def lines(
    here: Float[np.ndarray, "n 2"], there: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "n points 2"]:
    """Return what joins neurons: a line to the next depth, an arc over it, one below to go back."""
    if not len(here) or (across := there[0, 0] - here[0, 0]) == 1:
        return np.stack([here, there], axis=1)
    aside = np.array([0.3, 0]) if across == 0 else np.array([0, 0.12 * across])
    return here[:, None] * (1 - ALONG) + there[:, None] * ALONG + 4 * ALONG * (1 - ALONG) * aside


def module_graph(
    chain: Drawn,
    communities: Int[np.ndarray, " n_neurons"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the neurons in layers, coloured by community, with their strongest edges.

    Of each connection the strongest tenth of the weights is drawn, wider and darker the
    stronger; an edge inside a community has its colour, one between communities is grey. Edges
    that skip a layer pass above, those that lead back below.
    Where no communities are given, they are searched for.

    Raises:
        ValueError: if it is not one network, or one of more than 40 connections.
    """
    network, labels = drawable(chain, communities)
    positions = neuron_positions(network, labels)
    colours = by_layer(network.sizes, community_colours(np.concatenate(list(labels.values()))))
    names = [[] for _ in range(max(depths(network).values()) + 1)]
    for name, depth in depths(network).items():
        names[depth].append(name)
    if ax is None:
        width = max(6, 0.75 * len(names))
        _, ax = plt.subplots(figsize=(width, 4.2), layout=layout_of(chain))
    corners = [np.array([[-0.1, -1.0], [len(names) - 0.9, 0.0]])]
    for _, source, target, weight in network.connections:
        W = weight.numpy()
        i, j = np.nonzero(W >= np.quantile(W, 0.9))  # noqa: SIM300
        strength = W[i, j] / (W.max() or 1.0)
        same = labels[source][i] == labels[target][j]
        edge_colours = np.where(same[:, None], colours[source][i], to_rgba_array("#555555"))
        edge_colours[:, 3] = 0.15 + 0.75 * strength
        segments = lines(positions[source][i], positions[target][j])
        corners.append(segments.reshape(-1, 2))
        ax.add_collection(
            LineCollection(list(segments), colors=edge_colours, linewidths=1.4 * strength)
        )
    most = max(sum(network.sizes[name] for name in column) for column in names)
    places = np.concatenate([positions[name] for name in network.sizes])
    ax.scatter(
        *places.T, c=np.concatenate(list(colours.values())), s=900 / most, zorder=2, linewidths=0
    )
    (left, low), (right, high) = (end(np.concatenate(corners), 0) for end in (np.min, np.max))
    ax.set(xticks=range(len(names)), yticks=[], xlim=(left - 0.05, right + 0.05))
    ax.set_ylim(low - 0.02, high + 0.02)
    leaning = {"rotation": 30, "ha": "right", "rotation_mode": "anchor", "fontsize": "small"}
    ax.set_xticklabels(
        ["\n".join(column).replace(", ", "\n") for column in names],
        **leaning if isinstance(chain, Network) else {},
    )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return ax
