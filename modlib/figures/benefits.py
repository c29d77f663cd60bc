"""Figures of what networks bear, keep and learn: points with intervals, and curves."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Literal

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modlib.batch.names import PENALTY_NAMES, TASK_NAMES
from modlib.figures.comparisons import of_tasks
from modlib.figures.style import PENALTY_STYLE, dot, mean_band, mean_dot, name_lines
from modlib.plots import GREY, PALETTE

STYLE = (
    {"pruned": (PENALTY_NAMES["pruned"], "#882255", "p")}
    | PENALTY_STYLE
    | {"more_decay": (PENALTY_NAMES["more_decay"], "#8C3A00", "<")}
)
"""Label, colour and marker of each penalty, of the control of equal density, and of the walk
loops with five times the decay."""

BETTER, WORSE = "#0072B2", "#C0392B"
"""Colours of a difference that is clear of zero."""


def points(
    table: pd.DataFrame, measure: str, columns: str, colours: str, label: str,
    sharex: Literal["all", "col"] = "all",
) -> Figure:  # fmt: skip
    """Draw the means of a measure with 95 % BCa intervals, penalties down.

    A row of panels per task, a panel for each value of `columns`, a colour for each of
    `colours`, both in the order of the table. Panels share one scale, or those of a column do.
    """
    tasks = of_tasks(table.set_index("task"))
    shown = [p for p in STYLE if p in set(table.penalty)][::-1]
    across, kinds = table[columns].unique(), table[colours].unique()
    fig, axes = plt.subplots(
        len(tasks), len(across), sharex=sharex, sharey=True, squeeze=False,
        figsize=(min(2.2 + 2.5 * len(across), 8), 0.9 + (0.3 + 0.24 * len(shown)) * len(tasks)),
    )  # fmt: skip
    groups = table.groupby(["task", columns, colours, "penalty"])[measure]
    for (task, column, kind, penalty), values in groups:
        ax = axes[tasks.index(task), list(across).index(column)]
        place = list(kinds).index(kind)
        height = shown.index(penalty) + 0.22 * ((len(kinds) - 1) / 2 - place)
        mean_dot(ax, height, values, PALETTE[place], "o", kind)
    for task, row in zip(tasks, axes, strict=True):
        row[0].set_ylabel(TASK_NAMES[task])
        name_lines(row[0], [STYLE[p][0] for p in shown], 9.5)
        for ax in row:
            ax.grid(axis="y", lw=0.4)
    for column, ax in zip(across, axes[0], strict=True):
        ax.set_title(column, fontsize=11)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    first = dict(zip(labels, handles, strict=True))
    fig.legend([first[kind] for kind in kinds], kinds, loc="outside upper center", ncols=len(kinds))
    fig.supxlabel(label, fontsize=11)
    return fig


def curve(ax: Axes, table: pd.DataFrame, x: str, y: str, penalty: str) -> None:
    """Draw one penalty's mean over x, with the band of its 95 % BCa intervals."""
    name, colour, marker = STYLE[penalty]
    groups = table[table.penalty == penalty].groupby(x)[y]
    mean_band(ax, groups, marker=marker, ms=5, color=colour, label=name)


def curves(panels: Mapping[str, pd.DataFrame], x: str, y: str, penalties: Sequence[str]) -> Figure:
    """Draw `curve` of several penalties, a panel for each table, under one legend."""
    fig, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False, figsize=(8, 3.5))
    for (title, table), ax in zip(panels.items(), axes[0], strict=True):
        for penalty in penalties:
            curve(ax, table, x, y, penalty)
        ax.set_title(title, fontsize=11)
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=5, fontsize=9.5)
    return fig


def effects(
    pairs: pd.DataFrame, rivals: Mapping[str, str], label: str = "difference in points"
) -> Figure:
    """Draw paired differences to some rivals: benefits down, a panel with a title for each rival.

    Args:
        pairs: rows of `statistics.against` under the index (benefit, task, penalty). A difference
            whose interval is clear of zero is blue, or red where it is below; others are grey.
    """
    lines = pairs.index.droplevel("penalty").unique()[::-1]
    benefits = lines.get_level_values(0)
    fig, axes = plt.subplots(
        1, len(rivals), sharey=True, squeeze=False, figsize=(8, 0.9 + 0.23 * len(lines))
    )
    for (rival, title), ax in zip(rivals.items(), axes[0], strict=True):
        for height, line in enumerate(lines):
            if (*line, rival) not in pairs.index:
                continue
            row = pairs.loc[(*line, rival)]
            colour = BETTER if row.low > 0 else WORSE if row.high < 0 else GREY
            dot(ax, height, row["mean"], (row.low, row.high), colour)
        for height in (n for n in range(1, len(lines)) if benefits[n] != benefits[n - 1]):
            ax.axhline(height - 0.5, color=GREY, lw=0.5)
        ax.axvline(0, color="black", lw=0.8)
        ax.set_title(fill(title, 15), fontsize=11)
    fig.supxlabel(label, fontsize=11)
    labels = [f"{benefit}: {TASK_NAMES.get(task, task)}" for benefit, task in lines]
    name_lines(axes[0, 0], labels, 9)
    return fig
