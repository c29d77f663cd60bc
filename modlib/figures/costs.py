"""What a training step costs: against the share that it brings, width and mini-batch."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from modlib.batch.names import PENALTY_NAMES
from modlib.figures.style import LOOKS, band

LINES: Mapping[str, tuple[str, str, str]] = {
    "walk_loops": ("walk loops in the loss", *LOOKS["walk_loops"]),
    "walk_loop_steps": ("walk loops as steps", *LOOKS["walk_loop_steps"]),
    "noise": ("noise alone", "#999999", "D"),
    "l1": ("L1 in the loss", *LOOKS["l1"]),
}
"""Label, colour and marker of what is drawn over width and mini-batch."""

PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def frontier(
    rows: pd.DataFrame, sizes: Mapping[tuple[str, int], float], tasks: Sequence[str]
) -> Figure:
    """Draw the mean share over costs, a panel for each size, with small dots for the tasks.

    Bars are 95 % intervals of the cost; a dotted line is the most that a step may cost.
    """
    fig, axes = plt.subplots(1, len(sizes), sharey=True, figsize=(8, 3.6))
    for ax, ((widths, batch), most) in zip(axes, sizes.items(), strict=True):
        here = rows[(rows.widths == widths) & (rows.batch == batch)].set_index("penalty")
        for penalty in (name for name in LOOKS if name in here.index):
            row, (colour, marker) = here.loc[penalty], LOOKS[penalty]
            share = row[list(tasks)].astype(float)
            ax.plot([row["mean"]] * len(tasks), share, ".", color=colour, ms=4, alpha=0.5)
            ax.plot([row.low, row.high], [share.mean()] * 2, color=colour, lw=2.5, alpha=0.5)
            ax.plot(
                row["mean"], share.mean(), marker, color=colour, ms=8, ls="",
                label=PENALTY_NAMES[penalty],
            )  # fmt: skip
        ax.axvline(most, color="0.5", lw=1, ls=":")
        ax.set_title(f"{widths}, {batch} examples", fontsize=10)
        _costs(ax, "x")
    axes[0].set_ylabel("share of the attainable")
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=4, fontsize=9)
    return fig


def over(found: Mapping[str, pd.DataFrame], names: Mapping[str, str], free: float | int) -> Figure:
    """Draw costs, with bands of their 95 % intervals, over each factor, which have names.

    What multiplications say is dashed, and a step that is `free` dotted.
    """
    fig, axes = plt.subplots(1, len(found), sharey=True, figsize=(8, 3.6))
    for ax, (factor, costs) in zip(axes, found.items(), strict=True):
        for penalty, (label, colour, marker) in LINES.items():
            rows = costs.loc[penalty]
            band(ax, rows.index, rows, color=colour, marker=marker, ms=5, label=label)
        counted = costs.loc["counted", "mean"]
        ax.plot(counted, color="0.4", lw=1, ls="--", label="in the loss, multiplications alone")
        ax.axhline(free, color="0.5", lw=1, ls=":")
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(PLAIN)
        ax.tick_params(axis="x", labelsize=9)
        ax.set_xlabel(names[factor])
        _costs(ax, "y")
    axes[1].set_ylabel("")
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=3, fontsize=9)
    return fig


def _costs(ax: Axes, side: str) -> None:
    """Make an axis one of costs in plain steps."""
    ax.set(**{f"{side}scale": "log", f"{side}label": "plain steps"})
    axis = getattr(ax, f"{side}axis")
    axis.set_ticks([1, 2, 4, 8])
    axis.set_ticks([], minor=True)
    axis.set_major_formatter(PLAIN)
