"""Methods with a decay of their own, task by task."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import PENALTY_NAMES, TASK_NAMES
from modlib.figures.style import PENALTY_STYLE, mean_dot, name_lines

LOOKS = {
    "soft_layered_modularity": ("#0072B2", "P"),
    "topography": ("#332288", "s"),
    "weighted_activity": ("#332288", "D"),
    "regrowth": ("#332288", "P"),
}
"""Colour and marker of the rivals that no other table has."""

STYLE = {
    **PENALTY_STYLE,
    **{rival: (PENALTY_NAMES[rival], *look) for rival, look in LOOKS.items()},
}


def beside(table: pd.DataFrame, measures: dict[str, str], tasks: Sequence[str]) -> Figure:
    """Draw means with 95 % BCa intervals: a row of panels per measure, a panel per task.

    The penalties go down, those with the largest share on average first. Measures have their names.
    """
    order = table.groupby("penalty").share.mean().sort_values().index.tolist()
    fig, axes = plt.subplots(
        len(measures), len(tasks), sharey=True, sharex="row", squeeze=False,
        figsize=(8, 0.3 + len(measures) * (0.6 + 0.17 * len(order))),
    )  # fmt: skip
    for (measure, name), row in zip(measures.items(), axes, strict=True):
        for task, ax in zip(tasks, row, strict=True):
            values = table[table.task == task].groupby("penalty")[measure]
            for penalty, of in values:
                _, colour, marker = STYLE[penalty]
                mean_dot(ax, order.index(penalty), of, colour, marker)
            ax.grid(axis="y", lw=0.4)
            ax.set_title(TASK_NAMES[task], fontsize=9.5)
            ax.set_xlabel(name, fontsize=9.5)
    name_lines(axes[0, 0], [STYLE[penalty][0] for penalty in order], 8.5)
    for ax in axes[1:, 0]:
        ax.tick_params(axis="y", labelsize=8.5)
    return fig
