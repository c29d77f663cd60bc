"""Settings of training, one factor at a time."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import LOOKS

STYLES = {
    "none": ("#000000", "o"),
    "noise": ("#999999", "D"),
    "penalty": ("#0072B2", "s"),
    "steps": LOOKS["walk_loops"],
}
"""Colour and marker of each method."""


def factors(
    of_factor: Mapping[str, pd.DataFrame], drawn: pd.DataFrame, labels: Mapping[str, str]
) -> Figure:
    """Draw the share over the values of each factor, and those of drawn combinations in order.

    Markers are full where the target is met, empty where it is not.
    """
    fig, axes = plt.subplots(2, 4, figsize=(8.2, 4.9), sharey=True)
    for ax, (factor, rows) in zip(axes.flat, of_factor.items(), strict=False):
        _lines(ax, rows, factor, labels)
        ax.set_title({"batch": "batch size", "steps": "length"}.get(factor, factor), fontsize=10)
    ax = axes.flat[-1]
    for method, (colour, marker) in STYLES.items():
        shares = drawn[drawn.method == method].sort_values("share")
        _marked(ax, shares, colour, marker)
    ax.set_title("drawn, in order", fontsize=10)
    ax.set_xticks([])
    for ax in axes[:, 0]:
        ax.set_ylabel("share of the attainable", fontsize=10)
    fig.legend(
        *axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9.5
    )
    return fig


def _lines(ax: plt.Axes, rows: pd.DataFrame, factor: str, labels: Mapping[str, str]) -> None:
    values: Sequence = list(dict.fromkeys(rows[factor]))
    names = [f"{value:.2g}" if isinstance(value, float) else str(value) for value in values]
    for method, (colour, marker) in STYLES.items():
        of = rows[rows.method == method].set_index(factor).reindex(values)
        _marked(ax, of, colour, marker)
        ax.plot([], [], marker, color=colour, label=labels[method])
    turned = max(map(len, names)) > 4
    ax.set_xticks(
        range(len(values)), names, rotation=90 if turned else 0, fontsize=8.5,
    )  # fmt: skip


def _marked(ax: plt.Axes, rows: pd.DataFrame, colour: str, marker: str) -> None:
    """Draw the share of rows side by side, with full markers where the target is met."""
    places = pd.Series(range(len(rows)), rows.index)
    ax.plot(places, rows["share"], color=colour, lw=1)
    for full, fill in ((True, colour), (False, "none")):
        here = rows.met == full
        ax.plot(places[here], rows["share"][here], marker, color=colour, mfc=fill, ms=5, ls="")
