"""Lesion matrices: what each sub-task loses when a community is silenced."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def lesion_matrices(matrices: Mapping[str, pd.DataFrame], unit: str) -> Figure:
    """Draw matrices side by side: communities down, sub-tasks across, points lost in the cells."""
    fig, axes = plt.subplots(1, len(matrices), figsize=(8, 2.1), squeeze=False)
    for (name, matrix), ax in zip(matrices.items(), axes[0], strict=True):
        rounded = matrix.round() + 0.0  # no minus before a 0
        sns.heatmap(
            rounded, ax=ax, annot=True, fmt=".0f", cmap="Blues", vmin=0, vmax=90, cbar=False,
            linewidths=0.5,
        )  # fmt: skip
        ax.set_title(name, fontsize=11)
        ax.set(yticks=[], xlabel=unit)
        ax.tick_params(length=0)
    axes[0, 0].set_ylabel("community\nsilenced")
    return fig
