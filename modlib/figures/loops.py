"""Figures of what the paper's penalty wants."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.chain import Chain
from modlib.figures.style import band
from modlib.graphs import by_community, neuron_graph
from modlib.modularity.louvain import communities_of
from modlib.plots import GREY, PALETTE


def descent(history: pd.DataFrame, minimum: float) -> Figure:
    """Draw penalty, effective rank and excess over steps, a line per start; dashed what is proved.

    Lines are means, bands the range over networks.
    """
    panels = {"penalty": "penalty $L_{reg}$", "rank": "effective rank", "excess": "excess"}
    fig, axes = plt.subplots(1, 3, figsize=(8, 2.9))
    for ax, (column, label), proved in zip(axes, panels.items(), (minimum, 1, 0), strict=True):
        for (name, rows), colour in zip(history.groupby("start"), PALETTE, strict=False):
            over = rows.groupby("step")[column].agg(["mean", "min", "max"])
            ax.plot(over.index, over["mean"], color=colour, label=name)
            ax.fill_between(over.index, over["min"], over["max"], color=colour, alpha=0.2, lw=0)
        ax.axhline(proved, color="black", ls="--", lw=1, label="predicted")
        ax.set_xscale("symlog", linthresh=10)
        ax.set(xlabel="step of Adam", ylabel=label, xlim=(0, history.step.max()))
        ax.set_xticks([0, 10, 100, 1000], ["0", "10", "100", "1000"])
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def edges(shares: pd.DataFrame, growth: pd.DataFrame) -> Figure:
    """Draw how growth falls on the edges of a loop, and on the weights of one network.

    Left the shares by weight; in the middle the growth of an edge as the other three divide their
    sum; right each weight of the first network.
    """
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 2.9))
    boxes = left.boxplot(shares, whis=(5, 95), showfliers=False, widths=0.6, patch_artist=True)
    plt.setp(boxes["boxes"], facecolor=PALETTE[5])
    plt.setp(boxes["medians"], color="black")
    left.set(xlabel="edge of a loop, by weight", ylabel="share of growth", ylim=(0, 1))
    left.set_xticks(range(1, 5), ["smallest", "2nd", "3rd", "largest"], fontsize=10)
    b, c = np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201))
    inside = b + c <= 1
    x, y = (c + (1 - b - c) / 2)[inside], (1 - b - c)[inside] * np.sqrt(3) / 2
    shade = middle.tricontourf(x, y, (27 * b * c * (1 - b - c))[inside], 10, cmap="Blues")
    for corner, at in {"$b$": (-0.06, -0.03), "$c$": (1.06, -0.03), "$d$": (0.5, 0.93)}.items():
        middle.text(*at, corner, ha="center", va="center", fontsize=12)
    middle.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.1, 1))
    middle.axis("off")
    fig.colorbar(
        shade, ax=middle, location="bottom", shrink=0.8, ticks=[0, 0.5, 1], label="relative growth"
    )
    first = growth[growth.network == growth.network.iloc[0]]
    right.plot(first["size"], first.growth, "o", ms=2.5, alpha=0.4, mew=0)
    right.axhline(0, color=GREY, lw=0.8, zorder=0)
    right.set(xlabel="absolute weight $|w|$", ylabel="growth of $|w|$")
    return fig


def norms(by_decay: Mapping[str, pd.DataFrame], predicted: float) -> Figure:
    """Draw the norm of the weights over steps, a line per network and a colour per kind of decay.

    Dashed is the norm that is predicted for the last kind.
    """
    fig, ax = plt.subplots(figsize=(8, 3.6))
    for (name, lines), colour in zip(by_decay.items(), PALETTE, strict=False):
        for place, line in enumerate(lines):
            ax.plot(lines[line], color=colour, lw=1.1, label=None if place else name)
    ax.axhline(predicted, color="black", lw=1, ls="--", label="predicted for the fourth degree")
    ax.set(yscale="log", ylim=(1e-2, 1e5), xlim=(0, max(by_decay[name].index)))
    ax.set(xlabel="step of gradient descent", ylabel="norm of the weights")
    fig.legend(loc="outside upper center", ncols=3, fontsize=10)
    return fig


def matrices(passed: Mapping[str, Mapping[int, Chain]]) -> Figure:
    """Draw |W| of the first network of each start, before the first and after the last step.

    Neurons are in the order of their communities; darker is larger.
    """
    shown = [
        (name, step, [W[0].abs().numpy() for W in chains[step]])
        for name, chains in passed.items()
        for step in (min(chains), max(chains))
    ]
    depth = len(shown[0][2])
    fig, axes = plt.subplots(len(shown) // 2, 2 * depth, figsize=(8, 1.7 * len(shown) / 2))
    for row, (name, step, chain) in zip(axes.reshape(-1, depth), shown, strict=True):
        ordered = by_community(chain, communities_of(neuron_graph(chain)))
        for ax, W in zip(row, ordered, strict=True):
            top = 1.2 * max(layer.max() for layer in ordered)
            ax.imshow(W, cmap="Greys", vmin=0, vmax=top, aspect="auto")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
        title = f"after {step:,} steps" if step else f"{name}, before"
        row[0].set_title(title, fontsize=11, loc="left")
    return fig


def changes(effect: pd.DataFrame) -> Figure:
    """Draw what the penalty changes over its strength: a panel per measure, a line per task."""
    labels = {"excess": "change of excess", "validation_accuracy": "change of accuracy, points"}
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.4))
    for ax, (measure, label) in zip(axes, labels.items(), strict=True):
        for place, (task, rows) in enumerate(effect.loc[measure].groupby("task")):
            x, colour = rows.index.get_level_values("strength"), PALETTE[place % len(PALETTE)]
            band(ax, x, rows, marker="o", ms=4, color=colour, label=TASK_NAMES[task])
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set(xscale="log", xlabel="strength", ylabel=label)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig
