"""Settings of training, one factor at a time."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import LOOKS
from modlib.study.hyperparameters import SETTING

STYLES = {
    "none": (*LOOKS["none"], "-"),
    "noise": ("#999999", "D", "-"),
    "penalty": (*LOOKS["walk_loops"], ":"),
    "steps": (*LOOKS["walk_loop_steps"], "-"),
}
"""Colour, marker and line of each method."""


def factors(
    of_factor: Mapping[str, pd.DataFrame], drawn: pd.DataFrame, labels: Mapping[str, str]
) -> Figure:
    """Draw the share over the values of each factor, and over combinations that were drawn.

    The latter are in the order of the steps' shares.
    Markers are full where the target is met, empty where it is not.
    """
    fig, axes = plt.subplots(2, 4, figsize=(8.2, 4.9), sharey=True)
    for ax, (factor, rows) in zip(axes.flat, of_factor.items(), strict=False):
        _lines(ax, rows, factor, labels)
        ax.set_title({"batch": "batch size", "steps": "length"}.get(factor, factor), fontsize=10)
    ax = axes.flat[-1]
    order = drawn[drawn.method == "steps"].set_index(SETTING)["share"].sort_values().index
    for method, style in STYLES.items():
        of = drawn[drawn.method == method].set_index(SETTING).reindex(order)
        _marked(ax, of, *style)
    ax.set_title("drawn", fontsize=10)
    ax.set_xticks([])
    for ax in axes[:, 0]:
        ax.set_ylabel("share of the attainable", fontsize=10)
    fig.legend(
        *axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9.5
    )
    return fig


def _lines(ax: plt.Axes, rows: pd.DataFrame, factor: str, labels: Mapping[str, str]) -> None:
    values: Sequence = list(dict.fromkeys(rows[factor]))
    names = [
        f"{value:.2g}" if isinstance(value, float) else str(value).replace("_relu", " ReLU")
        for value in values
    ]
    for method, style in STYLES.items():
        of = rows[rows.method == method].set_index(factor).reindex(values)
        _marked(ax, of, *style)
        colour, marker, line = style
        ax.plot([], [], marker + line, color=colour, lw=1, label=labels[method])
    turned = max(map(len, names)) > 4
    ax.set_xticks(
        range(len(values)), names, rotation=90 if turned else 0, fontsize=8.5,
    )  # fmt: skip


def _marked(ax: plt.Axes, rows: pd.DataFrame, colour: str, marker: str, line: str) -> None:
    """Draw the share of rows side by side, with full markers where the target is met."""
    rows = rows.reset_index(drop=True)
    ax.plot(rows["share"], color=colour, lw=1, ls=line)
    for full, fill in ((True, colour), (False, "none")):
        here = rows["share"][rows.met == full]
        ax.plot(here, marker, color=colour, mfc=fill, ms=5, ls="")
