"""Figures: weight matrices, neuron graphs, curves over strength, training animations.

One style for all of them, with the colours of Okabe & Ito, which colour-blind readers
can tell apart. Each function returns the figure; captions and alternative texts
belong to the cell that shows it.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import networkit  # noqa: F401  before use_style: it sets a style of its own when imported
import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float, Int
from matplotlib.animation import FuncAnimation
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure

from modlib.comparisons import interval
from modlib.graphs import layer_of, layer_sizes

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
GREY = "#8A8A8A"
PENALTY_STYLE: Mapping[str, tuple[str, str, str]] = {
    "none": ("no penalty", "#000000", "o"),
    "l1": ("L1", "#E69F00", "s"),
    "l2": ("L2", "#56B4E9", "D"),
    "loops": ("loops (as printed)", "#CC79A7", "v"),
    "walk_loops": ("walk loops", "#D55E00", "^"),
}
"""Label, colour and marker of each penalty, the same in every figure."""


def use_style() -> None:
    """Make the project's style that of all figures drawn from here on."""
    sns.set_theme(context="notebook", style="ticks", palette=PALETTE)
    plt.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "font.size": 11,
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "svg.hashsalt": "modlib",
        }
    )


def community_colours(communities: Int[np.ndarray, " n_neurons"]) -> Float[np.ndarray, "n 4"]:
    """Return a colour for each neuron: the largest communities differ, the rest are grey."""
    sizes = np.bincount(communities)
    largest = np.argsort(-sizes, kind="stable")[: len(PALETTE)]
    shown = np.sort(largest[sizes[largest] > 1])
    colours = np.tile(to_rgba_array(GREY), (len(sizes), 1))
    colours[shown] = to_rgba_array(PALETTE[: len(shown)])
    return colours[communities]


def weight_matrices(
    chain: Sequence[Float[np.ndarray, "_ _"]], communities: Int[np.ndarray, " n_neurons"]
) -> Figure:
    """Draw |W| of each layer, rows and columns ordered by community.

    A coloured bar along each side says which community a neuron is in; each matrix is
    scaled by its own 99th percentile.
    """
    chain = [np.abs(np.asarray(W)) for W in chain]
    sizes = layer_sizes(chain)
    layers = np.split(communities, np.cumsum(sizes)[:-1])
    colours = np.split(community_colours(communities), np.cumsum(sizes)[:-1])
    order = [np.argsort(layer, kind="stable") for layer in layers]
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
    chain: Sequence[Float[np.ndarray, "_ _"]],
    communities: Int[np.ndarray, " n_neurons"],
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """Draw the neurons in layers, coloured by community, with their strongest edges.

    Of each layer the strongest tenth of the weights is drawn, wider and darker the
    stronger; an edge inside a community has its colour, one between communities is grey.
    """
    ax = plt.subplots(figsize=(6, 4.2))[1] if ax is None else ax
    sizes = layer_sizes(chain)
    starts = np.cumsum([0, *sizes])
    positions, colours = neuron_positions(sizes, communities), community_colours(communities)
    for depth, W in enumerate(np.abs(np.asarray(W)) for W in chain):
        i, j = np.nonzero(W >= np.quantile(W, 0.9))  # noqa: SIM300
        strength = W[i, j] / (W.max() or 1.0)
        i, j = i + starts[depth], j + starts[depth + 1]
        same = communities[i] == communities[j]
        edge_colours = np.where(same[:, None], colours[i], to_rgba_array("#555555"))
        edge_colours[:, 3] = 0.15 + 0.75 * strength
        segments = np.stack([positions[i], positions[j]], axis=1)
        ax.add_collection(LineCollection(segments, colors=edge_colours, linewidths=1.4 * strength))
    ax.scatter(*positions.T, c=colours, s=900 / max(sizes), zorder=2, linewidths=0)
    names = [_layer_name(depth, len(chain)).replace(", ", "\n") for depth in range(len(sizes))]
    ax.set(xticks=range(len(sizes)), yticks=[], xlim=(-0.15, len(sizes) - 0.85), ylim=(-1.02, 0.02))
    ax.set_xticklabels(names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return ax


def strength_curves(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw measures over strength, one panel per measure (down) and task (across).

    Means over the table's networks with 95 % BCa intervals; no penalty is a horizontal
    band. Where a network diverged, the point is left out.
    """
    tasks = list(table.task.unique())
    fig, axes = plt.subplots(
        len(measures), len(tasks), sharex=True, sharey="row", squeeze=False,
        figsize=(1 + 2.8 * len(tasks), 0.6 + 1.9 * len(measures)),
    )  # fmt: skip
    for (row, (measure, label)), (column, task) in (
        (r, c) for r in enumerate(measures.items()) for c in enumerate(tasks)
    ):
        ax = axes[row, column]
        for penalty, (name, colour, marker) in PENALTY_STYLE.items():
            rows = table[(table.task == task) & (table.penalty == penalty)]
            points = {
                strength: (same[measure].mean(), *interval(same[measure]))
                for strength, same in rows.groupby("strength")
                if same[measure].notna().all()
            }
            if not points:
                continue
            x, (mean, low, high) = list(points), np.array(list(points.values())).T
            if penalty == "none":
                ax.axhline(mean[0], color=colour, lw=1, label=name)
                ax.axhspan(low[0], high[0], color=colour, alpha=0.15, lw=0)
            else:
                ax.plot(x, mean, color=colour, marker=marker, ms=4.5, label=name)
                ax.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
        ax.set(xscale="log")
        ax.set_title(task if row == 0 else "", fontsize=11)
        ax.set_xlabel("strength" if row == len(measures) - 1 else "")
        ax.set_ylabel(label if column == 0 else "")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=min(5, len(labels)), fontsize=10)
    return fig


def training_animation(
    chains: Mapping[int, Sequence[Float[np.ndarray, "_ _"]]],
    communities: Int[np.ndarray, " n_neurons"],
) -> FuncAnimation:
    """Return an animation of the neuron graph over training steps.

    Neurons keep the places and colours of the communities given, those of the trained
    network, so that what moves is the weights. `to_jshtml()` makes it scrubbable offline.
    """
    fig, ax = plt.subplots(figsize=(5.6, 4), dpi=80, layout="none")

    def draw(step: int) -> None:
        ax.clear()
        module_graph(chains[step], communities, ax)
        ax.set_title(f"after {step} steps", fontsize=11)

    animation = FuncAnimation(fig, draw, frames=list(chains), interval=400)
    plt.close(fig)
    return animation


def comparison(summary: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw a summary of `comparisons.summary`: a row per task, a panel per measure.

    Points are means, bars 95 % BCa intervals; a penalty without an eligible strength, or
    a measure that is not defined for the task, leaves its line empty.
    """
    tasks = list(summary.index.unique("task"))
    fig, axes = plt.subplots(
        len(tasks), len(measures), sharey=True, sharex="col", squeeze=False,
        figsize=(1.6 + 1.9 * len(measures), 0.7 + 1.5 * len(tasks)),
    )  # fmt: skip
    penalties = list(PENALTY_STYLE)[::-1]
    for task, row in zip(tasks, axes, strict=True):
        for (measure, label), ax in zip(measures.items(), row, strict=True):
            for height, penalty in enumerate(penalties):
                if (task, penalty) not in summary.index:
                    continue
                mean, low, high = summary.loc[
                    (task, penalty), [measure, f"{measure}_low", f"{measure}_high"]
                ]
                _, colour, marker = PENALTY_STYLE[penalty]
                ax.plot([low, high], [height, height], color=colour, lw=2.5, alpha=0.6)
                ax.plot([mean], [height], color=colour, marker=marker, ms=6, ls="")
            if measure == "excess":
                ax.axvline(0, color=GREY, lw=0.6, zorder=0)
            ax.set_xlabel(label if task == tasks[-1] else "")
            ax.grid(axis="y", lw=0.4)
        row[0].set(yticks=range(len(penalties)), ylim=(-0.6, len(penalties) - 0.4), ylabel=task)
        row[0].set_yticklabels([PENALTY_STYLE[penalty][0] for penalty in penalties])
    return fig
