"""Networks of other architectures: each one's share and agreement, and their communities drawn."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import PENALTY_NAMES
from modlib.figures.style import LOOKS, name_lines
from modlib.modularity.measure import Modularity
from modlib.network.connections import Network
from modlib.plots import GREY, module_graph
from modlib.study.architectures import DEFAULT


def networks(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw each network's measures: architectures down, a panel per measure.

    A colour and marker for each penalty, hollow where walk loops are stronger than by default.
    """
    lines = list(table.architecture.unique())[::-1]
    is_strong = (table.penalty == "walk_loops") & (table.strength > DEFAULT)
    kinds = table.penalty.where(~is_strong, "stronger").unique()
    shown = [(kind, False) for kind in kinds if kind != "stronger"]
    shown += [("walk_loops", True)] * ("stronger" in kinds)
    fig, axes = plt.subplots(
        1, len(measures), sharey=True, squeeze=False, figsize=(8, 1.3 + 0.55 * len(lines))
    )
    for ax, (measure, label) in zip(axes[0], measures.items(), strict=True):
        for place, (penalty, strong) in enumerate(shown):
            rows = table[(table.penalty == penalty) & (is_strong == strong)]
            y = rows.architecture.map(lines.index) + 0.18 * ((len(shown) - 1) / 2 - place)
            colour, marker = LOOKS[penalty]
            name = PENALTY_NAMES[penalty] + (", stronger" if strong else "")
            face = "none" if strong else colour
            ax.plot(rows[measure], y, marker, ls="", ms=5.5, c=colour, mfc=face, label=name)
        for height in range(1, len(lines)):
            ax.axhline(height - 0.5, color=GREY, lw=0.4)
        ax.axvline(0, color="black", lw=0.8)
        ax.set_xlabel(label)
    name_lines(axes[0, 0], lines)
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=len(shown), fontsize=10)
    return fig


def graphs(drawn: Mapping[str, tuple[Network, Modularity]]) -> Figure:
    """Draw the module graph of each network, one below the other."""
    fig, axes = plt.subplots(len(drawn), squeeze=False, figsize=(8, 3.4 * len(drawn)))
    for (name, (network, found)), ax in zip(drawn.items(), axes[:, 0], strict=True):
        module_graph(network, found.communities, ax)
        ax.set_title(name, fontsize=11)
    return fig
