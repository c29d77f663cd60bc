"""Figures of recurrent networks: measures against how they are joined, and avalanches."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.statistics import interval
from modlib.figures.benefits import STYLE
from modlib.figures.style import mean_band, mean_dot, name_lines
from modlib.plots import PALETTE


def against_share(
    panels: Mapping[str, pd.DataFrame], label: str, axis: str, n_columns: int = 3
) -> Figure:
    """Draw the means of a measure with 95 % BCa intervals, a line for each level of a panel.

    Each panel has the rows of one measure: `between`, `level` and `value`, one row per network.
    Shares are drawn equally far apart, in order. A panel's title ends in what its levels are;
    `label` names the measure and `axis` the shares.
    """
    n_rows = -(-len(panels) // n_columns)
    fig, axes = plt.subplots(
        n_rows,
        n_columns,
        sharey="row",
        squeeze=False,
        figsize=(2.67 * max(n_columns, 2), 2.9 * n_rows),
    )
    for ax, (title, rows) in zip(axes.flat, panels.items(), strict=True):
        shares = np.unique(rows.between)
        for (level, part), colour in zip(rows.groupby("level"), PALETTE, strict=False):
            mean_band(
                ax, part.groupby("between").value, range(len(shares)), color=colour, marker="o",
                ms=4, label=f"{level:g}",
            )  # fmt: skip
        ax.set(xticks=range(len(shares)))
        ax.set_xticklabels([f"{share:g}" for share in shares], fontsize=9)
        told = ax.legend(
            title=title, title_fontsize=10, fontsize=8.5, ncols=len(PALETTE),
            loc="lower center", bbox_to_anchor=(0.5, 1.0), handlelength=1.1, columnspacing=0.9,
        )  # fmt: skip
        told.get_title().set_multialignment("center")
    fig.supxlabel(axis, fontsize=11)
    fig.supylabel(label, fontsize=11)
    return fig


def from_order_to_chaos(table: pd.DataFrame, names: Mapping[float, str]) -> Figure:
    """Draw the information that reservoirs transmit against their Lyapunov exponent.

    The table has `between`, `level`, `seed`, `lyapunov` and `information`, one row per network; a
    line joins the means of networks of one share between communities, level by level, with 95 %
    BCa intervals of the information. `names` has what each share is called.
    """
    fig, ax = plt.subplots(figsize=(6.2, 3.9))
    for (share, name), colour in zip(names.items(), PALETTE, strict=False):
        levels = table[table.between == share].groupby("level")
        means = levels[["lyapunov", "information"]].mean()
        for level, rows in levels:
            x = means.lyapunov[level]
            ax.plot([x, x], interval(rows.information), color=colour, lw=2, alpha=0.5)
        ax.plot(means.lyapunov, means.information, "o-", color=colour, ms=4, lw=1.2, label=name)
    ax.axvline(0, color="#555555", ls="--", lw=1)
    ax.set(xlabel="Lyapunov exponent", ylabel="information (bits)")
    ax.legend(fontsize=9)
    return fig


def avalanche_tails(panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw the share of avalanches that are at least as large as each size, both logarithmic.

    A panel for each ratio, a line for each kind of network; dashed the slope -1/2, that of sizes
    whose probability falls with the exponent 3/2.
    """
    fig, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False, figsize=(8, 2.9))
    for ax, (title, kinds) in zip(axes[0], panels.items(), strict=True):
        for (kind, sizes), colour in zip(kinds.items(), PALETTE, strict=False):
            ordered = np.sort(sizes)
            share = 1 - np.arange(len(ordered)) / len(ordered)
            ax.step(ordered, share, where="post", color=colour, label=kind)
        largest = max(sizes.max() for sizes in kinds.values())
        ends = np.array([1.0, largest])
        ax.plot(ends, ends**-0.5, "--", color="#555555", lw=1)
        ax.set(xscale="log", yscale="log", title=title)
    axes[0, 0].legend(fontsize=9)
    fig.supxlabel("size of an avalanche", fontsize=11)
    fig.supylabel("share at least as large", fontsize=11)
    return fig


def of_penalties(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw the means of measures with 95 % BCa intervals: tasks down, measures across.

    The table has `task`, `penalty` and the measures, one row per network, NaN where one is not
    defined; `measures` has what each is called.
    """
    shown = [penalty for penalty in STYLE if penalty in set(table.penalty)][::-1]
    tasks = list(table.task.unique())
    fig, axes = plt.subplots(
        len(tasks), len(measures), sharex="col", sharey=True, squeeze=False,
        figsize=(8, 0.8 + 0.2 * len(shown) * len(tasks)),
    )  # fmt: skip
    for (task, penalty), rows in table.groupby(["task", "penalty"]):
        _, colour, marker = STYLE[penalty]
        for measure, ax in zip(measures, axes[tasks.index(task)], strict=True):
            height, values = shown.index(penalty), rows[measure].dropna()
            mean_dot(ax, height, values, colour, marker)
    for task, row in zip(tasks, axes, strict=True):
        row[0].set_ylabel(task)
        name_lines(row[0], [STYLE[penalty][0] for penalty in shown], 9)
    for title, ax in zip(measures.values(), axes[0], strict=True):
        ax.set_title(title, fontsize=11)
    return fig
