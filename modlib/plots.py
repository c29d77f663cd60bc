"""Figures of networks: weight matrices and neuron graphs.

One style for all of them, with the colours of Okabe & Ito, which colour-blind readers
can tell apart. Each function returns the figure; captions and alternative texts
belong to the cell that shows it.
"""

from collections.abc import Sequence

from modlib import require_extra

require_extra("plots", "matplotlib")

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from torch import Tensor

from modlib.graphs import (
    arrays_of,
    community_order,
    layer_of,
    layer_sizes,
)
from modlib.modularity import modularity

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
GREY = "#8A8A8A"


def community_colours(communities: Int[np.ndarray, " n_neurons"]) -> Float[np.ndarray, "n 4"]:
    """Return a colour for each neuron: the largest communities differ, the rest are grey."""
    sizes = np.bincount(communities)
    largest = np.argsort(-sizes, kind="stable")[: len(PALETTE)]
    shown = np.sort(largest[sizes[largest] > 1])
    colours = np.tile(to_rgba_array(GREY), (len(sizes), 1))
    colours[shown] = to_rgba_array(PALETTE[: len(shown)])
    return colours[communities]


def drawable(
    chain: Sequence[Float[Tensor | np.ndarray, "*stack _ _"]],
    communities: Int[np.ndarray, " n_neurons"] | None,
) -> tuple[list[Float[np.ndarray, "_ _"]], Int[np.ndarray, " n_neurons"]]:
    """Return |W| of each layer, and the communities, by a search where none are given.

    Raises:
        ValueError: if the chain is not one network's.
    """
    absolute = [np.abs(W) for W in arrays_of(chain)]
    if any(W.ndim != 2 for W in absolute):
        raise ValueError(
            f"a figure shows one network, got matrices of shape {[W.shape for W in absolute]};"
            " take one of the stack, as in [W[0] for W in chain]"
        )
    if communities is None:
        communities = modularity(absolute, nulls=2).communities
    return absolute, np.asarray(communities)


def weight_matrices(
    chain: Sequence[Float[Tensor | np.ndarray, "_ _"]],
    communities: Int[np.ndarray, " n_neurons"] | None = None,
) -> Figure:
    """Draw |W| of each layer, rows and columns ordered by community.

    A coloured bar along each side says which community a neuron is in; each matrix is
    scaled by its own 99th percentile. Where no communities are given, they are searched for.

    Raises:
        ValueError: if the chain is not one network's.
    """
    chain, communities = drawable(chain, communities)
    sizes = layer_sizes(chain)
    order = community_order(chain, communities)
    colours = np.split(community_colours(communities), np.cumsum(sizes)[:-1])
    heights = [max(n / max(sizes), 0.35) for n in sizes[:-1]]
    fig, axes = plt.subplots(
        1, len(chain), figsize=(3.2 * len(chain) + 0.6, 0.6 + 3.4 * max(heights))
    )
    for depth, (W, ax) in enumerate(zip(chain, np.atleast_1d(axes), strict=True)):
        rows, columns = order[depth], order[depth + 1]
        ax.imshow(
            W[np.ix_(rows, columns)], cmap="Greys", vmin=0, vmax=np.quantile(W, 0.99), aspect="auto"
        )
        for side, colour in (("left", colours[depth][rows]), ("top", colours[depth + 1][columns])):
            bar = ax.inset_axes([-0.07, 0, 0.045, 1] if side == "left" else [0, 1.025, 1, 0.045])
            bar.imshow(colour[:, None] if side == "left" else colour[None], aspect="auto")
            bar.axis("off")
        ax.set(
            xticks=[], yticks=[],
            xlabel=f"{W.shape[1]} {_layer_name(depth + 1, len(chain))}",
        )  # fmt: skip
        ax.set_ylabel(f"{W.shape[0]} {_layer_name(depth, len(chain))}", labelpad=16)
    return fig


def _layer_name(depth: int, last: int) -> str:
    return {0: "inputs", last: "outputs"}.get(depth, f"hidden units, layer {depth}")


def neuron_positions(
    sizes: Sequence[int], communities: Int[np.ndarray, " n_neurons"]
) -> Float[np.ndarray, "n_neurons 2"]:
    """Return where to draw each neuron: its layer across, its community's place down."""
    layer = layer_of(sizes)
    positions = np.empty((len(layer), 2))
    for depth, size in enumerate(sizes):
        members = np.flatnonzero(layer == depth)
        rank = np.argsort(np.argsort(communities[members], kind="stable"))
        positions[members] = np.stack([np.full(size, depth), -(rank + 0.5) / size], axis=1)
    return positions


def module_graph(
    chain: Sequence[Float[Tensor | np.ndarray, "_ _"]],
    communities: Int[np.ndarray, " n_neurons"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the neurons in layers, coloured by community, with their strongest edges.

    Of each layer the strongest tenth of the weights is drawn, wider and darker the
    stronger; an edge inside a community has its colour, one between communities is grey.
    Where no communities are given, they are searched for.

    Raises:
        ValueError: if the chain is not one network's.
    """
    chain, communities = drawable(chain, communities)
    ax = plt.subplots(figsize=(6, 4.2))[1] if ax is None else ax
    sizes = layer_sizes(chain)
    starts = np.cumsum([0, *sizes])
    positions, colours = neuron_positions(sizes, communities), community_colours(communities)
    for depth, W in enumerate(chain):
        i, j = np.nonzero(W >= np.quantile(W, 0.9))  # noqa: SIM300
        strength = W[i, j] / (W.max() or 1.0)
        i, j = i + starts[depth], j + starts[depth + 1]
        same = communities[i] == communities[j]
        edge_colours = np.where(same[:, None], colours[i], to_rgba_array("#555555"))
        edge_colours[:, 3] = 0.15 + 0.75 * strength
        segments = np.stack([positions[i], positions[j]], axis=1)
        ax.add_collection(
            LineCollection(list(segments), colors=edge_colours, linewidths=1.4 * strength)
        )
    ax.scatter(*positions.T, c=colours, s=900 / max(sizes), zorder=2, linewidths=0)
    names = [_layer_name(depth, len(chain)).replace(", ", "\n") for depth in range(len(sizes))]
    ax.set(xticks=range(len(sizes)), yticks=[], xlim=(-0.15, len(sizes) - 0.85), ylim=(-1.02, 0.02))
    ax.set_xticklabels(names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return ax
