"""Learning curves: measures against the number of examples."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import curve


def learning_curves(panels: Mapping[str, pd.DataFrame], penalties: Sequence[str]) -> Figure:
    """Draw the mean of a measure with 95 % bands over numbers of examples, a panel for each.

    A panel has `penalty`, `seed`, `examples` and `value`, one row per network.
    """
    fig, axes = plt.subplots(1, len(panels), squeeze=False, figsize=(8, 3.3))
    for (name, rows), ax in zip(panels.items(), axes[0], strict=True):
        for penalty in penalties:
            curve(ax, rows, "examples", "value", penalty)
        sizes = sorted(rows.examples.unique())
        ax.set(xscale="log", title=name)
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=9.5)
        ax.set_xticks([], minor=True)
    fig.supxlabel("composite images in training", fontsize=11)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return fig
