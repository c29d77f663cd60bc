"""Forms of the loop term side by side."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.figures.style import dot, name_lines
from modlib.plots import PALETTE


def side_by_side(
    summary: pd.DataFrame,
    forms: Mapping[str, str],
    measures: Mapping[str, str],
    tasks: Sequence[str],
) -> Figure:
    """Draw means and 95 % intervals: forms down, a panel per measure, a colour per task.

    The first form is the one that the others are compared with; dotted lines mark its means.
    """
    fig, axes = plt.subplots(
        1, len(measures), sharey=True, squeeze=False, figsize=(8, 0.9 + 0.24 * len(forms))
    )
    for ax, (measure, name) in zip(axes[0], measures.items(), strict=True):
        for n, task in enumerate(tasks):
            colour = PALETTE[n % len(PALETTE)]
            for height, form in enumerate(reversed(forms)):
                if (task, form) not in summary.index:
                    continue
                row = summary.loc[(task, form)]
                label = TASK_NAMES[task] if height == 0 else None
                ends = row[[f"{measure}_low", f"{measure}_high"]].tolist()
                shift = 0.22 * ((len(tasks) - 1) / 2 - n)
                dot(ax, height + shift, row[measure], ends, colour, "o", label)
            ax.axvline(
                summary.loc[(task, next(iter(forms))), measure], color=colour, lw=0.7, ls=":"
            )
        ax.grid(axis="y", lw=0.4)
        ax.set_xlabel(name)
    name_lines(axes[0, 0], list(reversed(forms.values())), 9.5)
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(tasks)
    )
    return fig
