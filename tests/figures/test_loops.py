"""Figures of the printed penalty show what their tables say."""

import numpy as np
import pytest

from modlib.batch import tables
from modlib.figures import loops as figures
from modlib.study import descents, growth, loops


def test_a_descent_is_drawn_from_each_start_with_what_is_predicted():
    passed, history = descents.descents(descents.starts([4, 4, 4], [0, 1], 2, 1.0), 100, 1.0)
    axes = figures.descent(history, -2.0).axes
    assert [ax.get_ylabel() for ax in axes] == ["penalty $L_{reg}$", "effective rank", "excess"]
    modules, random, predicted = axes[0].lines
    assert (modules.get_label(), random.get_label()) == ("2 modules", "random weights")
    start = history[(history.start == "2 modules") & (history.step == 0)]
    assert modules.get_ydata()[0] == pytest.approx(start.penalty.mean())
    assert list(predicted.get_ydata()) == [-2, -2]
    shown = figures.matrices(passed)
    titles = [ax.get_title(loc="left") for ax in shown.axes]
    assert [title for title in titles if title] == [
        "random weights, before", "after 100 steps", "2 modules, before", "after 100 steps",
    ]  # fmt: skip
    last = np.sort(np.abs(passed["2 modules"][100][0][0].numpy()), axis=None)
    image = shown.axes[6].images[0].get_array()
    assert np.sort(np.asarray(image), axis=None) == pytest.approx(last)


def test_edges_and_norms_are_those_of_their_tables():
    growing = growth.growth_in_networks([3, 4, 2], [5, 6])
    axes = figures.edges(growth.shares_of_growth(20, 0), growing).axes
    assert list(axes[2].lines[0].get_xdata()) == growing["size"][growing.network == 5].to_list()
    by_decay = descents.norms_by_decay([3, 4, 2], [7, 8], 100, 0.3, 0.6, 1.0)
    (ax,) = figures.norms(by_decay, 3.0).axes
    assert len(ax.lines) == 4 * 2 + 1
    assert ax.lines[0].get_ydata()[-1] == by_decay["no decay"].loc[100, 0]
    assert list(ax.lines[-1].get_ydata()) == [3, 3]


def test_changes_have_a_line_for_each_task():
    effect = loops.changes(tables.published(), ["retina", "four_digits"])
    axes = figures.changes(effect).axes
    assert [line.get_label() for line in axes[0].lines[:2]] == ["four digits", "retina"]
    assert (
        axes[1].lines[1].get_ydata()[-1]
        == (effect.loc[("validation_accuracy", "retina", 0.1), "mean"])
    )
