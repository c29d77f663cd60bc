"""Figures of function: what is drawn is what the table says."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch.statistics import interval
from modlib.figures import benefits
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
    fig = benefits.points(table, "kept", "optimiser", "way", "kept")
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
    fig = benefits.curves(panels, x, "kept", ["none", "walk_loops"])
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


def test_effects_are_coloured_by_what_their_intervals_exclude():
    rows = {
        ("kept", "retina", "none"): (0.3, 0.2, 0.4),
        ("kept", "retina", "l2"): (-0.3, -0.4, -0.2),
        ("noise", "retina", "none"): (0.1, -0.1, 0.3),
    }
    names = ["benefit", "task", "penalty"]
    pairs = pd.DataFrame.from_dict(rows, "index", columns=["mean", "low", "high"])
    pairs.index = pd.MultiIndex.from_tuples(pairs.index, names=names)
    fig = benefits.effects(pairs, {"none": "minus none", "l2": "minus L2"})
    first = fig.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "noise: retina",
        "kept: retina",
    ]
    points = {
        (place, *line.get_xydata()[0]): line.get_color()
        for place, ax in enumerate(fig.axes)
        for line in ax.lines
        if line.get_marker() == "o"
    }
    assert points == {
        (0, 0.1, 0.0): benefits.GREY,
        (0, 0.3, 1.0): benefits.BETTER,
        (1, -0.3, 1.0): benefits.WORSE,
    }


def test_no_penalty_and_pruned_differ_in_colour_and_marker():
    (_, *none), (_, *pruned) = benefits.STYLE["none"], benefits.STYLE["pruned"]
    assert all(one != other for one, other in zip(none, pruned, strict=True))
    assert len({tuple(look) for _, *look in benefits.STYLE.values()}) == len(benefits.STYLE)
