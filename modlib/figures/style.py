"""One style for all figures: what each penalty looks like, means with their bands."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from pandas.api.typing import SeriesGroupBy

from modlib.batch.names import PENALTY_NAMES
from modlib.batch.statistics import intervals
from modlib.figures.pictures import show_drawings
from modlib.plots import PALETTE

LOOKS: Mapping[str, tuple[str, str]] = {
    "walk_loops": ("#D55E00", "^"),
    "walk_loop_steps": ("#D55E00", "P"),
    "none": ("#000000", "o"),
    "l1": ("#E69F00", "s"),
    "l2": ("#56B4E9", "D"),
    "loops": ("#CC79A7", "v"),
    "connection_cost": ("#009E73", "s"),
    "learned_places": ("#009E73", "D"),
    "bimt": ("#009E73", "P"),
    "communicability": ("#009E73", "v"),
    "cut": ("#0072B2", "s"),
    "soft_modularity": ("#0072B2", "D"),
    "block_fraction": ("#8A8A8A", "s"),
    "hard_wired": ("#8A8A8A", "D"),
    "clusterable_init": ("#A6761D", "P"),
    "dropout": ("#A6761D", "X"),
}
"""Colour and marker of each penalty, the same in every figure."""

PENALTY_STYLE: Mapping[str, tuple[str, str, str]] = {
    penalty: (PENALTY_NAMES[penalty], *look) for penalty, look in LOOKS.items()
}
"""Label, colour and marker of each penalty."""


def use_style() -> None:
    """Make the project's style that of all figures drawn from here on, and show drawings."""
    show_drawings()
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
            "svg.fonttype": "none",
            "svg.hashsalt": "modlib",
        }
    )


def dot(
    ax: Axes, y: float | int, mean: float | int, ends: Collection[float | int], colour: str,
    marker: str = "o", label: str | None = None,
) -> None:  # fmt: skip
    """Draw a mean at a height, and the bar between the ends of its interval."""
    ax.plot(ends, [y, y], color=colour, lw=2.5, alpha=0.5)
    ax.plot(mean, y, color=colour, marker=marker, ms=5.5, ls="", label=label)


def mean_dot(ax: Axes, y: float | int, values: ArrayLike, *style: str | None) -> None:
    """Draw the `dot` of values' mean and its 95 % BCa interval, which takes three of them."""
    found = intervals(pd.DataFrame([np.asarray(values)])).iloc[0]
    dot(ax, y, found["mean"], (found.low, found.high), *style)


def name_lines(ax: Axes, names: Sequence[object], size: float | int = 10) -> None:
    """Name the lines of dots at the heights 0, 1, ...."""
    ax.set_yticks(range(len(names)), names, fontsize=size)
    ax.set_ylim(-0.6, len(names) - 0.4)


def mean_band(ax: Axes, groups: SeriesGroupBy, x: range | None = None, **style: object) -> None:
    """Draw the mean of each group over x, with the band of its 95 % BCa interval.

    x is the groups' keys if left out; `style` is that of the line.
    """
    values = pd.concat({key: group.reset_index(drop=True) for key, group in groups}, axis=1).T
    band(ax, values.index if x is None else x, intervals(values), **style)


def band(ax: Axes, x: range | pd.Index, rows: pd.DataFrame, **style: object) -> None:
    """Draw rows of `intervals` over x: a line of the means, and a band of their intervals."""
    (line,) = ax.plot(x, rows["mean"], **style)
    ax.fill_between(x, rows.low, rows.high, color=line.get_color(), alpha=0.2, lw=0)
