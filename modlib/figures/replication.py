"""What became of the claims of each page on networks of other seeds."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import name_lines
from modlib.plots import GREY, PALETTE


def verdicts(counts: pd.DataFrame) -> Figure:
    """Draw how many claims of each page, a line each, meet each verdict, a column of `counts`."""
    colours = dict(zip(counts, (PALETTE[0], PALETTE[5], GREY, PALETTE[1]), strict=True))
    fig, ax = plt.subplots(figsize=(8, 0.9 + 0.26 * len(counts)))
    lines = counts.iloc[::-1]
    before = pd.Series(0, lines.index)
    for verdict, colour in colours.items():
        ax.barh(range(len(lines)), lines[verdict], left=before, color=colour, label=verdict)
        before += lines[verdict]
    ax.set_xlabel("claims and parts of claims")
    name_lines(ax, lines.index, 9.5)
    fig.legend(loc="outside upper center", ncols=len(colours))
    return fig
