"""Figures of recurrent networks draw what the table says."""

import numpy as np
import pandas as pd
import pytest

from modlib.figures.dynamics import (
    against_share,
    avalanche_tails,
    from_order_to_chaos,
    of_penalties,
)


def test_a_line_joins_the_means_of_its_level():
    grid = pd.MultiIndex.from_product([[0.0, 0.1, 0.9], [1.0, 2.0], range(4)])
    rows = grid.to_frame(index=False, name=["between", "level", "seed"])
    rows["value"] = np.random.default_rng(0).normal(size=len(rows))
    fig = against_share({"one": rows, "two": rows.assign(value=1.0)}, "value", "share", 2)
    one, two = fig.axes
    means = rows.groupby(["level", "between"]).value.mean()
    for line, level in zip(one.lines, (1.0, 2.0), strict=True):
        assert np.allclose(line.get_ydata(), means[level])
        assert line.get_label() == f"{level:g}"
    assert [text.get_text() for text in one.get_xticklabels()] == ["0", "0.1", "0.9"]
    assert all((line.get_ydata() == 1).all() for line in two.lines)


def test_a_line_joins_the_networks_of_one_share_from_order_to_chaos():
    grid = pd.MultiIndex.from_product([[0.0, 0.9], [0.5, 1.0, 2.0], range(4)])
    table = grid.to_frame(index=False, name=["between", "level", "seed"])
    values = np.random.default_rng(0).normal(size=(2, len(table)))
    table["lyapunov"], table["information"] = values
    (ax,) = from_order_to_chaos(table, {0.9: "mixed", 0.0: "separate"}).axes
    lines = {line.get_label(): line for line in ax.lines}
    means = table.groupby(["between", "level"]).mean()
    for share, name in {0.9: "mixed", 0.0: "separate"}.items():
        assert np.allclose(lines[name].get_xdata(), means.lyapunov[share])
        assert np.allclose(lines[name].get_ydata(), means.information[share])


def test_the_tail_of_avalanches_is_the_share_at_least_as_large():
    sizes = np.array([4, 1, 2, 1])
    (ax,) = avalanche_tails({"ratio 1": {"separate": sizes}}).axes
    line, slope = ax.lines
    drawn = dict(zip(line.get_xdata()[::-1], line.get_ydata()[::-1], strict=True))
    assert drawn == {s: np.mean(sizes >= s) for s in (1, 2, 4)}
    assert slope.get_ydata().tolist() == [1, 0.5]


def test_points_of_penalties_are_their_means():
    grid = pd.MultiIndex.from_product([["n-back", "recall"], ["none", "walk_loops"], range(4)])
    table = grid.to_frame(index=False, name=["task", "penalty", "seed"])
    table["excess"] = np.random.default_rng(0).normal(size=len(table))
    axes = of_penalties(table, {"excess": "excess Q"}).axes
    means = table.groupby(["task", "penalty"]).excess.mean()
    for ax, task in zip(axes, ("n-back", "recall"), strict=True):
        assert [text.get_text() for text in ax.get_yticklabels()] == ["no penalty", "walk loops"]
        drawn = {line.get_ydata()[0]: line.get_xdata()[0] for line in ax.lines[1::2]}
        assert drawn == pytest.approx({0: means[task, "none"], 1: means[task, "walk_loops"]})
    assert axes[0].get_title() == "excess Q"
