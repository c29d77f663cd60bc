"""Figures of several measures over one quantity, penalty by penalty."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import curve


def over(
    table: pd.DataFrame, x: str, measures: Mapping[str, str], penalties: Sequence[str],
    label: str, **axis: object,
) -> Figure:  # fmt: skip
    """Draw means over x with bands of 95 % intervals, a panel for each measure under its name.

    `label` is what x is called; `axis` is what else is set of each panel.
    """
    fig, axes = plt.subplots(1, len(measures), squeeze=False, figsize=(8, 3.5))
    for (measure, name), ax in zip(measures.items(), axes[0], strict=True):
        for penalty in penalties:
            curve(ax, table, x, measure, penalty)
        ax.set(xlabel=label, **axis)
        ax.set_title(name, fontsize=11)
        ticks = sorted(table.dropna(subset=measure)[x].unique())
        ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=9)
        ax.minorticks_off()
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=4, fontsize=10)
    return fig
