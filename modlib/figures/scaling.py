"""How many examples networks need, over the number of parts."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.statistics import intervals
from modlib.figures.benefits import STYLE, curve
from modlib.figures.style import band


def need(needs: pd.DataFrame, curves: pd.DataFrame, penalties: Sequence[str]) -> Figure:
    """Draw geometric means of needs over the number of digits, and accuracy over examples.

    Args:
        needs: one column per network, by penalty and digits; bands are 95 % intervals.
        curves: the networks whose accuracy is drawn.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.9))
    for penalty in penalties:
        name, colour, marker = STYLE[penalty]
        found = np.exp(intervals(np.log(needs.loc[penalty])))
        band(left, found.index, found, color=colour, marker=marker, ms=5, label=name)
        curve(right, curves, "examples", "accuracy", penalty)
    digits = needs.index.unique("digits")
    left.set(xscale="log", yscale="log", xlabel="digits side by side")
    left.set_title("images needed", fontsize=11)
    right.set(xscale="log", xlabel="images", ylim=(0, 1))
    right.set_title(f"accuracy per digit, {curves.digits.max()} digits", fontsize=11)
    for axis, ticks in (
        (left.xaxis, digits), (left.yaxis, sorted(curves.examples.unique())),
        (right.xaxis, sorted(curves.examples.unique())),
    ):  # fmt: skip
        axis.set_ticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=9)
        axis.set_ticks([], minor=True)
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=10)
    return fig
