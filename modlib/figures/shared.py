"""Measures of penalties over the share of inputs that modules have in common."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import PENALTY_STYLE


def over_overlap(
    rows: pd.DataFrame, measures: Mapping[str, str], penalties: Sequence[str]
) -> Figure:
    """Draw means with 95 % bands over `overlap`, a panel per measure, a line per penalty."""
    fig, axes = plt.subplots(1, len(measures), squeeze=False, figsize=(8, 3.3))
    for ax, (measure, name) in zip(axes[0], measures.items(), strict=True):
        for penalty in penalties:
            label, colour, marker = PENALTY_STYLE[penalty]
            line = rows[rows.penalty == penalty].sort_values("overlap")
            ax.plot(line.overlap, line[measure], marker=marker, ms=5, color=colour, label=label)
            ends = line[f"{measure}_low"], line[f"{measure}_high"]
            ax.fill_between(line.overlap, *ends, color=colour, alpha=0.15, lw=0)
        ax.set_title(name, fontsize=11)
    fig.supxlabel("inputs shared by all modules (%)", fontsize=11)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig
