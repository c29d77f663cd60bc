"""Errors of our networks beside published ones."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import name_lines
from modlib.plots import PALETTE


def errors(settings: pd.DataFrame, published: Mapping[str, float]) -> Figure:
    """Draw the test error of each network, their mean and the published one, a line per case."""
    fig, ax = plt.subplots(figsize=(7, 2.2))
    rows = settings[settings.measure == "test error"]
    for height, (case, value) in enumerate(published.items()):
        own = rows[rows.case == case].value
        label = (
            {} if height else {"own": "our networks", "mean": "their mean", "other": "published"}
        )
        ax.plot(own, [height] * len(own), "o", color=PALETTE[0], alpha=0.5, label=label.get("own"))
        ax.plot(
            [own.mean()] * 2, [height - 0.25, height + 0.25], color=PALETTE[0],
            label=label.get("mean"),
        )  # fmt: skip
        ax.plot(value, height, "x", color=PALETTE[1], ms=9, mew=2, label=label.get("other"))
    ax.set(xscale="log", xlabel="test error (mean squared)")
    name_lines(ax, list(published))
    fig.legend(loc="outside right upper")
    return fig
