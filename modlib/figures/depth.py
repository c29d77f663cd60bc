"""What trained networks of many layers become."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.figures.benefits import STYLE, curve
from modlib.figures.comparisons import of_tasks


def trained(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw means with 95 % bands over depth: tasks down, measures across, a line per penalty.

    The table has `task`, `penalty`, `depth` and the measures, one row per network, NaN where one is
    not defined; `measures` has what each is called.
    """
    tasks, depths = of_tasks(table.set_index("task")), table.depth.unique()
    fig, axes = plt.subplots(
        len(tasks), len(measures), sharex=True, sharey="col", squeeze=False,
        figsize=(8, 0.9 + 2.2 * len(tasks)),
    )  # fmt: skip
    for task, row in zip(tasks, axes, strict=True):
        for measure, ax in zip(measures, row, strict=True):
            for penalty in (name for name in STYLE if name in set(table.penalty)):
                curve(ax, table[table.task == task], "depth", measure, penalty)
            ax.set(xscale="log")
            ax.set_xticks(depths, depths)
            ax.minorticks_off()
        row[0].set_ylabel(TASK_NAMES[task])
    for label, ax in zip(measures.values(), axes[0], strict=True):
        ax.set_title(label, fontsize=11)
    fig.supxlabel("number of weight matrices", fontsize=11)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return fig
