"""Figures that compare penalties: over tasks, over strengths, structure against function."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.figures.style import PENALTY_STYLE, dot, name_lines
from modlib.plots import GREY, PALETTE
from modlib.training.measures import MEASURES

MEASURE_NAMES = {measure.name: measure.label for measure in MEASURES}
"""How figures name the measures."""


def of_tasks(summary: pd.DataFrame, tasks: Sequence[str] = tuple(TASK_NAMES)) -> list[str]:
    """Return those of the tasks that a table indexed by task and penalty has, in their order."""
    present = set(summary.index.get_level_values("task"))
    return [task for task in tasks if task in present]


def structure_against_function(
    summary: pd.DataFrame,
    tasks: Sequence[str],
    structure: str = "share",
    function: str = "ari",
    names: Mapping[str, str] = MEASURE_NAMES,
) -> Figure:
    """Draw one measure against another, a panel per task and a point per penalty.

    Bars are 95 % BCa intervals of the means; `names` has what measures are called.
    """
    tasks = of_tasks(summary, tasks)
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    fig, axes = plt.subplots(
        rows, columns, sharey=True, squeeze=False, figsize=(0.5 + 2.5 * columns, 1.2 + 2.1 * rows)
    )
    for ax in axes.flat[len(tasks) :]:
        ax.axis("off")
    for task, ax in zip(tasks, axes.flat, strict=False):
        for penalty, (name, colour, marker) in PENALTY_STYLE.items():
            if (task, penalty) not in summary.index:
                continue
            row = summary.loc[(task, penalty)]
            x, y = row[structure], row[function]
            ax.plot([row[f"{structure}_low"], row[f"{structure}_high"]], [y, y], color=colour, lw=1)
            ax.plot([x, x], [row[f"{function}_low"], row[f"{function}_high"]], color=colour, lw=1)
            # the walk loops on top of what lies at the same place
            size, over = (9, 3) if penalty == "walk_loops" else (6, 2)
            ax.plot(
                x, y, color=colour, marker=marker, ms=size, ls="", mec="white", label=name,
                zorder=over,
            )  # fmt: skip
        ax.set_title(TASK_NAMES[task], fontsize=11)
        ax.axvline(0, color=GREY, lw=0.6, zorder=0)
    fig.supxlabel(names[structure], fontsize=11)
    fig.supylabel(fill(names[function], 22), fontsize=11)
    _legend_of_all(fig)
    return fig


def tradeoff(table: pd.DataFrame, tasks: Sequence[str]) -> Figure:
    """Draw share against validation accuracy, a line over strengths for each penalty.

    Means over the networks of the table, a panel per task; the cross is no penalty.
    """
    means = table.groupby(["task", "penalty", "strength"])[["validation_accuracy", "share"]].mean()
    tasks = of_tasks(means, tasks)
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    fig, axes = plt.subplots(
        rows, columns, squeeze=False, figsize=(0.5 + 2.5 * columns, 1.4 + 2.4 * rows)
    )
    for ax in axes.flat[len(tasks) :]:
        ax.axis("off")
    for task, ax in zip(tasks, axes.flat, strict=False):
        reference = means.loc[task, "none"].iloc[0]
        for penalty, (name, colour, marker) in PENALTY_STYLE.items():
            if (task, penalty) not in means.index or penalty == "none":
                continue
            line = means.loc[task, penalty].sort_index()
            ax.plot(
                line.validation_accuracy, line.share, color=colour, marker=marker, ms=5, lw=1,
                alpha=0.9, label=name, zorder=3 if penalty == "walk_loops" else 2,
            )  # fmt: skip
        ax.plot(*reference, "kx", ms=9, mew=2, zorder=4)
        # far below the unpenalised networks nothing is to be learned: lines may leave the panel
        ax.set_xlim(
            reference.validation_accuracy - 0.05,
            min(1.0, reference.validation_accuracy + 0.03) + 0.005,
        )
        ax.set_title(TASK_NAMES[task], fontsize=11)
    fig.supxlabel("validation accuracy", fontsize=11)
    fig.supylabel(MEASURE_NAMES["share"], fontsize=11)
    _legend_of_all(fig)
    return fig


def _legend_of_all(fig: Figure) -> None:
    """Add a legend of everything that any panel labels, below the figure."""
    pairs = (zip(*ax.get_legend_handles_labels(), strict=True) for ax in fig.axes)
    every = {label: handle for pair in pairs for handle, label in pair}
    fig.legend(every.values(), every, loc="outside upper center", ncols=4, fontsize=9.5)


def plateau(table: pd.DataFrame, penalty: str, tasks: Sequence[str], default: float) -> Figure:
    """Draw share and change of accuracy over the strength of one penalty, a line per task.

    Means over the networks of the table; the dashed line is the default strength.
    """
    means = table.groupby(["task", "penalty", "strength"])[["validation_accuracy", "share"]].mean()
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.7))
    # its yellow is too pale for a line
    for task, colour in zip(of_tasks(means, tasks), [*PALETTE[:-1], GREY], strict=False):
        line = means.loc[task, penalty].sort_index()
        reference = means.loc[task, "none"].validation_accuracy.iloc[0]
        points = 100 * (line.validation_accuracy - reference)
        axes[0].plot(line.index, line.share, "o-", ms=4, color=colour, label=TASK_NAMES[task])
        axes[1].plot(line.index, points, "o-", ms=4, color=colour)
    labels = (MEASURE_NAMES["share"], "change of accuracy (points)")
    for ax, label in zip(axes, labels, strict=True):
        ax.axvline(default, color="black", ls="--", lw=1)
        ax.set(xscale="log", xlabel="strength", ylabel=label)
    axes[1].axhline(0, color=GREY, lw=0.6)
    axes[1].set_ylim(-10, None)
    _legend_of_all(fig)
    return fig


def comparison(
    summary: pd.DataFrame,
    measures: Mapping[str, str],
    tasks: Sequence[str],
    penalties: Sequence[str],
) -> Figure:
    """Draw a summary of `comparisons.summary`: a row per task, a panel per measure.

    Points are means, bars 95 % BCa intervals; a penalty without an eligible strength, or
    a measure that is not defined for the task, leaves its line empty.
    """
    tasks = of_tasks(summary, tasks)
    fig, axes = plt.subplots(
        len(tasks), len(measures), sharey=True, sharex="col", squeeze=False,
        figsize=(1.6 + 1.9 * len(measures), 0.7 + 1.5 * len(tasks)),
    )  # fmt: skip
    penalties = list(penalties)[::-1]
    for task, row in zip(tasks, axes, strict=True):
        for (measure, label), ax in zip(measures.items(), row, strict=True):
            for height, penalty in enumerate(penalties):
                if (task, penalty) not in summary.index:
                    continue
                row_of = summary.loc[(task, penalty)]
                ends = row_of[[f"{measure}_low", f"{measure}_high"]].tolist()
                dot(ax, height, row_of[measure], ends, *PENALTY_STYLE[penalty][1:])
            if measure == "excess":
                ax.axvline(0, color=GREY, lw=0.6, zorder=0)
            ax.set_xlabel(label if task == tasks[-1] else "")
            ax.grid(axis="y", lw=0.4)
        row[0].set_ylabel(TASK_NAMES[task])
        name_lines(row[0], [PENALTY_STYLE[penalty][0] for penalty in penalties])
    return fig
