"""Accuracy of networks that learn with what was taken from others."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import curves
from modlib.plots import GREY


def courses(panels: Mapping[str, pd.DataFrame], donors: Sequence[str]) -> Figure:
    """Draw mean accuracy with 95 % bands over steps, a panel for each; dashed without a donor."""
    fig = curves(panels, "step", "value", donors)
    for rows, ax in zip(panels.values(), fig.axes, strict=True):
        anew = rows[rows.penalty == "anew"].groupby("step").value.mean()
        ax.plot(anew.index, anew, "--", color=GREY, label="anew")
        ax.set_xlabel("steps")
    fig.axes[0].set_ylabel("test accuracy")
    return fig
