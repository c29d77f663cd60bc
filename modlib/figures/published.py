"""Published figures of peers beside ours: their single values as crosses, our networks as dots."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modlib.figures.style import name_lines
from modlib.plots import PALETTE

Spread = tuple[float, float]
"""A value and how far it spreads to either side."""


def beside(errors: pd.DataFrame, cuts: pd.DataFrame, published: Mapping[str, Spread]) -> Figure:
    """Draw the mean of ours between its extremes: test errors, and n-cuts under published lines.

    Args:
        errors: `published`, `ours`, `lowest` and `highest`, by formula.
        cuts: `n-cut`, `lowest` and `highest`, by strength.
        published: n-cuts and their spread, by what they are of.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
    errors = errors[::-1]
    _ours(left, errors, "ours")
    left.plot(errors.published, range(len(errors)), "kx", ms=8, mew=2, label="published")
    left.set(xscale="log", xlabel="test error (mean squared)")
    _ours(right, cuts, "n-cut")
    for (name, (value, spread)), dashes in zip(published.items(), ("-", "--"), strict=True):
        right.axvline(value, color="black", ls=dashes, lw=1, label=f"published, {name}")
        right.axvspan(value - spread, value + spread, color="black", alpha=0.1, lw=0)
    right.set(xlabel="n-cut", ylabel="strength")
    for ax in (left, right):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.34), ncols=1, fontsize=10)
    return fig


def _ours(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Draw a line for each row."""
    for height, row in enumerate(table.itertuples()):
        ax.plot([row.lowest, row.highest], [height, height], color=PALETTE[0], lw=2.5, alpha=0.5)
    ax.plot(table[column], range(len(table)), "o", color=PALETTE[0], ms=6, label="ours")
    name_lines(ax, list(table.index))
    ax.grid(axis="y", lw=0.4)
