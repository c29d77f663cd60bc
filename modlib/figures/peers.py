"""All penalties on one task, side by side."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.style import PENALTY_STYLE, dot, name_lines
from modlib.plots import GREY

MEASURES = {
    "accuracy": "accuracy",
    "share": "share",
    "excess": "excess",
    "ari": "agreement",
    "specialisation": "specialisation",
}
"""The measures that are drawn, and their names."""


OF_README = [
    "hard_wired", "walk_loops", "soft_modularity", "learned_places", "l2", "l1", "loops", "none",
]  # fmt: skip
"""The penalties of the README's figure."""


def beside(summary: pd.DataFrame, task: str) -> Figure:
    """Draw the means and 95 % intervals of a summary, a line per penalty, the most modular first.

    A measure that is not defined on the task has no panel; a penalty without an eligible strength
    has no dots.
    """
    rows = summary.loc[task]
    rows = rows[rows.index.isin(list(PENALTY_STYLE))].sort_values("share", na_position="first")
    shown = {measure: name for measure, name in MEASURES.items() if rows[measure].notna().any()}
    fig, axes = plt.subplots(
        1, len(shown), sharey=True, squeeze=False, figsize=(8, 0.8 + 0.22 * len(rows))
    )
    for ax, (measure, name) in zip(axes[0], shown.items(), strict=True):
        ends = rows[[f"{measure}_low", f"{measure}_high"]].to_numpy()
        for height, (penalty, mean) in enumerate(rows[measure].items()):
            _, colour, marker = PENALTY_STYLE[penalty]
            dot(ax, height, mean, ends[height].tolist(), colour, marker)
        ax.grid(axis="y", lw=0.4)
        ax.set_xlabel(name)
        if measure in ("share", "excess"):
            ax.axvline(0, color=GREY, lw=0.6, zorder=0)
    name_lines(axes[0, 0], [PENALTY_STYLE[penalty][0] for penalty in rows.index])
    return fig
