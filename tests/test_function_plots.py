"""Figures of function: what is drawn is what the table says."""

import numpy as np
import pandas as pd
import pytest

from modlib import function_plots
from modlib.comparisons import interval
from modlib.plots import PALETTE


@pytest.fixture
def table():
    """Rows of two tasks, two optimisers, two ways and three penalties, four seeds each."""
    index = pd.MultiIndex.from_product(
        [
            ["two_digits", "retina"], ["SGD", "Adam"], ["free", "module"],
            ["none", "pruned", "walk_loops"], range(4),
        ],
        names=["task", "optimiser", "way", "penalty", "seed"],
    )  # fmt: skip
    kept = np.random.default_rng(0).random(len(index))
    return pd.DataFrame({"kept": kept}, index=index).reset_index()


def test_points_are_means_with_intervals_at_the_heights_of_their_penalties(table):
    fig = function_plots.points(table, "kept", "optimiser", "way", "kept")
    axes = np.array(fig.axes).reshape(2, 2)
    assert [ax.get_title() for ax in axes[0]] == ["SGD", "Adam"]
    for row, task in zip(axes, ["retina", "two_digits"], strict=True):
        names = [name.get_text() for name in row[0].get_yticklabels()]
        assert names == ["no penalty", "walk loops", "no penalty, pruned"]
        for ax, optimiser in zip(row, ["SGD", "Adam"], strict=True):
            for height, penalty in enumerate(["none", "walk_loops", "pruned"]):
                for way, colour in zip(["free", "module"], PALETTE, strict=False):
                    values = table[
                        (table.task == task)
                        & (table.optimiser == optimiser)
                        & (table.way == way)
                        & (table.penalty == penalty)
                    ].kept
                    drawn = [
                        line.get_xdata().tolist()
                        for line in ax.lines
                        if line.get_color() == colour and round(line.get_ydata()[0]) == height
                    ]
                    assert drawn == [list(interval(values)), [values.mean()]]
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["free", "module"]


def test_curves_are_means_with_bands(table):
    panels = {"one": table[table.task == "retina"], "other": table[table.task == "two_digits"]}
    x = "seed"
    fig = function_plots.curves(panels, x, "kept", ["none", "walk_loops"])
    assert [ax.get_title() for ax in fig.axes] == ["one", "other"]
    for ax, rows in zip(fig.axes, panels.values(), strict=True):
        for line, band, penalty in zip(
            ax.lines, ax.collections, ["none", "walk_loops"], strict=True
        ):
            values = rows[rows.penalty == penalty].groupby(x).kept
            assert line.get_ydata() == pytest.approx(values.mean().to_numpy())
            low, high = interval(values.get_group(0))
            at_first = band.get_paths()[0].vertices
            ends = at_first[at_first[:, 0] == 0][:, 1]
            assert (ends.min(), ends.max()) == pytest.approx((low, high))
