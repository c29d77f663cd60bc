"""What became of the claims of each page on networks of other seeds."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import name_lines
from modlib.plots import GREY, PALETTE


def verdicts(counts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how many claims of each page, a line each, meet each verdict, a column of the counts.

    There is a panel for each table of counts, under its name; all have the same pages.
    """
    first, *_ = counts.values()
    colours = dict(zip(first, (PALETTE[0], GREY, PALETTE[1]), strict=True))
    fig, axes = plt.subplots(
        1, len(counts), sharey=True, squeeze=False, figsize=(8, 0.9 + 0.26 * len(first))
    )
    for ax, (name, table) in zip(axes[0], counts.items(), strict=True):
        lines = table.iloc[::-1]
        before = pd.Series(0, lines.index)
        for verdict, colour in colours.items():
            ax.barh(range(len(lines)), lines[verdict], left=before, color=colour, label=verdict)
            before += lines[verdict]
        ax.set_title(name, fontsize=11)
        ax.set_xlabel("claims")
    name_lines(axes[0, 0], list(first.index[::-1]), 9.5)
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(colours)
    )
    return fig
