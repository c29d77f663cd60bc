"""Networks whose goals take turns."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import curves, points


def schedules(rows: pd.DataFrame) -> Figure:
    """Draw means with 95 % intervals: penalties down, a panel per measure, a colour per schedule.

    Each panel has a scale of its own. Rows have `task`, `penalty`, `measure`, `schedule` and
    `value`, in the order of schedules.
    """
    fig = points(rows, "value", "measure", "schedule", "", "col")
    fig.set_size_inches(8, 1.2 + 0.36 * rows.penalty.nunique())
    fig.axes[0].set_ylabel("")
    return fig


def after_switches(panels: Mapping[str, pd.DataFrame], penalties: Sequence[str]) -> Figure:
    """Draw mean accuracy with 95 % bands in the steps after a switch, a panel for each."""
    fig = curves(panels, "step", "accuracy", penalties)
    for ax in fig.axes:
        ax.set_xlabel("steps after the switch")
    fig.axes[0].set_ylabel("accuracy")
    return fig
