"""Accuracy of networks that learn with what was taken from others."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import curves, points
from modlib.plots import GREY


def worth(rows: pd.DataFrame) -> Figure:
    """Draw what is gained on training anew: donors down, what is new across, a colour per way.

    Rows have `task`, `penalty`, `new`, `way` and `gain`, in points.
    """
    fig = points(rows, "gain", "new", "way", "accuracy gained on training anew (points)")
    fig.set_size_inches(8, 1.5 + 0.28 * rows.penalty.nunique())
    for ax in fig.axes:
        ax.axvline(0, color=GREY, lw=0.8)
        ax.set_ylabel("donor")
    fig.axes[1].set_ylabel("")
    return fig


def courses(panels: Mapping[str, pd.DataFrame], donors: Sequence[str]) -> Figure:
    """Draw mean accuracy with 95 % bands over steps, a panel for each; dashed without a donor."""
    fig = curves(panels, "step", "value", donors)
    for rows, ax in zip(panels.values(), fig.axes, strict=True):
        anew = rows[rows.penalty == "anew"].groupby("step").value.mean()
        ax.plot(anew.index, anew, "--", color=GREY, label="anew")
        ax.set_xlabel("steps")
    fig.axes[0].set_ylabel("test accuracy")
    return fig
