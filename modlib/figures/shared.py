"""Penalties beside each other on several tasks: a dot with its interval for each."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.figures.style import PENALTY_STYLE, dot, name_lines
from modlib.plots import GREY


def by_task(
    summary: pd.DataFrame,
    tasks: Sequence[str],
    measures: Mapping[str, str],
    penalties: Sequence[str],
) -> Figure:
    """Draw means of a `selection.summary` with their intervals, tasks down, a panel per measure.

    A penalty without a chosen strength, or a measure that is not defined, leaves its place empty.
    """
    tasks = list(tasks)[::-1]
    size = (8, 1 + 0.08 * (len(penalties) + 2) * len(tasks))
    fig, axes = plt.subplots(1, len(measures), sharey=True, squeeze=False, figsize=size)
    places = {p: 0.8 * (0.5 - (n + 0.5) / len(penalties)) for n, p in enumerate(penalties)}
    for (measure, title), ax in zip(measures.items(), axes[0], strict=True):
        columns = [measure, f"{measure}_low", f"{measure}_high"]
        for penalty, place in places.items():
            name, colour, marker = PENALTY_STYLE[penalty]
            rows = summary.xs(penalty, level="penalty")[columns].reindex(tasks).dropna()
            for task, mean, *ends in rows.itertuples():
                dot(ax, tasks.index(task) + place, mean, ends, colour, marker)
            ax.plot([], [], color=colour, marker=marker, ls="", label=name)
        for height in range(1, len(tasks)):
            ax.axhline(height - 0.5, color=GREY, lw=0.5)
        ax.set_title(title, fontsize=11)
    name_lines(axes[0, 0], [TASK_NAMES[task] for task in tasks])
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=5, fontsize=10)
    return fig
