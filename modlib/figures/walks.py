"""Figures of what the normalised loops prefer."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modlib.chain import Chain
from modlib.figures.style import PENALTY_STYLE, mean_band
from modlib.graphs import by_community, neuron_graph
from modlib.modularity.louvain import communities_of
from modlib.plots import GREY, PALETTE


def closed_forms(joined: pd.DataFrame, returns: pd.DataFrame, divided: pd.DataFrame) -> Figure:
    """Draw how loops change as modules are joined, the two forms, and the best size of modules."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.4))
    for penalty in joined:
        name, colour, _ = PENALTY_STYLE[penalty]
        left.semilogy(joined[penalty], color=colour, lw=2, label=name)
    left.axhline(1, color=GREY, lw=0.8, zorder=0)
    left.set(xlabel="weights between modules\n(within: 1)", ylabel="of separate modules' loops")
    left.yaxis.set_major_formatter("{x:g}")
    left.legend(fontsize=10)
    middle.plot(returns.returns, returns.walk_loops, "o", ms=4, alpha=0.5, mew=0, color=GREY)
    ends = [returns.walk_loops.min(), returns.returns.max()]
    middle.plot(ends, ends, color="black", lw=0.8, zorder=0)
    middle.set(xlabel="probability to return,\nsummed over inputs", ylabel="walk loops")
    _, colour, marker = PENALTY_STYLE["walk_loops"]
    right.plot(divided.walk_loops, marker, ls="-", color=colour, label="walk loops")
    right.plot(divided.with_retraced, "o-", color=GREY, ms=5, label="with retraced")
    right.axhline(divided.index.max() / 4, color="black", ls="--", lw=1, label="bound")
    right.set(xscale="log", xlabel="neurons of a module\nin each layer", ylabel="loops of a layer")
    right.set_xticks(divided.index, map(str, divided.index), fontsize=9)
    right.set_xticks([], minor=True)
    right.legend(fontsize=10)
    return fig


def ascents(history: pd.DataFrame, width: int) -> Figure:
    """Draw excess over steps, excess at the end and the number of modules, by the starts' exponent.

    Lines are single networks on the left, means with 95 % intervals in the middle; points on the
    right are networks.
    """
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.2))
    powers, last = sorted(history.power.unique()), history[history.step == history.step.max()]
    shown = sorted({powers[0], powers[len(powers) // 2], powers[-1]})
    for power, colour in zip(shown, PALETTE, strict=False):
        lines = history[history.power == power].pivot(index="step", columns="seed", values="excess")
        names = [f"$p = {power:g}$", *[None] * (lines.shape[1] - 1)]
        left.plot(lines, color=colour, lw=1, label=names)
    left.set_xscale("symlog", linthresh=10)
    left.set_xticks([0, 10, 100, 1000], ["0", "10", "100", "1000"])
    left.set(xlabel="step of Adam", ylabel="excess of $Q$", xlim=(0, history.step.max()))
    left.legend(fontsize=10)
    mean_band(middle, last.groupby("power").excess, marker="o", ms=4, color=GREY)
    middle.set(xlabel="unevenness of the start, $p$", ylabel="excess of $Q$ at the end")
    right.plot(last.power, last.modules, "o", ms=4, alpha=0.5, mew=0, color=GREY)
    right.axhline(width / 2, color="black", ls="--", lw=1)
    right.text(powers[-1], width / 2 - 0.2, "pairs, the optimum", ha="right", va="top", fontsize=10)
    right.set(xlabel="unevenness of the start, $p$", ylabel="number of modules")
    right.set(ylim=(0, width / 2 + 0.6))
    return fig


def matrices(stacks: Mapping[str, Chain], share: float) -> Figure:
    """Draw |W| of the first network of each stack: a column per stack, the input side on top.

    Neurons are in the order of their communities. Black is the size that a share of the weights
    of a matrix does not exceed.
    """
    rows = max(len(chain) for chain in stacks.values())
    fig, axes = plt.subplots(rows, len(stacks), squeeze=False, figsize=(8, 1 + 1.15 * rows))
    for column, (name, stack) in zip(axes.T, stacks.items(), strict=True):
        chain = [W[0].abs().double().numpy() for W in stack]
        ordered = by_community(chain, communities_of(neuron_graph(chain)))
        for ax, W in zip(column, ordered, strict=True):
            top = np.quantile(W, share) or float(W.max())
            ax.imshow(W, cmap="Greys", vmin=0, vmax=top, aspect="auto")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
        column[0].set_title(
            name.replace(", ", ",\n").replace(" (", "\n(").replace("stronger ", "stronger\n"),
            fontsize=10,
        )
    for ax, W in zip(axes[:, 0], next(iter(stacks.values())), strict=True):
        ax.set_ylabel(f"{W.shape[-2]} × {W.shape[-1]}", fontsize=10)
    return fig
