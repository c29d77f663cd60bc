"""The numbers that a figure shows are those that were drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from modlib.figures.data import drawn
from modlib.figures.style import band, dot, name_lines


def test_lines_are_told_by_panel_and_label_and_their_look():
    figure, (left, right) = plt.subplots(1, 2)
    left.set_title("a\nb")
    left.plot([1, 2], [3, 4], "o-", color="red", label="loops")
    right.plot([5], [6], "o", color="red")
    right.plot([7], [8], "o", color="blue")
    # a guide has no numbers
    right.axhline(0)
    table = drawn(figure)
    assert list(table) == ["panel", "series", "x", "y"]
    assert table.to_numpy().tolist() == [
        ["1: a b", "loops", 1, 3], ["1: a b", "loops", 2, 4],
        ["2", "loops", 5, 6], ["2", "line 2", 7, 8],
    ]  # fmt: skip


def test_a_label_of_several_looks_is_given_to_none_but_its_own():
    figure, ax = plt.subplots()
    for label in ("a", "b", None):
        ax.plot([0], [0], "o", color="red", label=label)
    assert drawn(figure).series.tolist() == ["a", "b", "line 3"]


def test_a_band_is_told_beside_its_line():
    figure, ax = plt.subplots()
    rows = pd.DataFrame({"mean": [0.5, 0.6], "low": [0.4, 0.45], "high": [0.55, 0.7]}, [10, 20])
    ax.plot([10, 20], [1, 1], color="black")
    band(ax, rows.index, rows, color="green", label="loops")
    table = drawn(figure).set_index("series")
    told = table.loc["loops", ["x", "y", "y_low", "y_high"]].to_numpy()
    np.testing.assert_allclose(told, [[10, 0.5, 0.4, 0.55], [20, 0.6, 0.45, 0.7]])
    assert table.loc["line 1", "y_low"].isna().all()


def test_a_dot_has_its_interval_and_the_name_of_its_place():
    figure, ax = plt.subplots()
    dot(ax, 0, 0.5, (0.4, 0.7), "red")
    dot(ax, 1, 0.6, (0.5, 0.9), "blue")
    name_lines(ax, ["walk loops", "L1"])
    assert drawn(figure)[["x", "x_low", "x_high", "y"]].to_numpy().tolist() == [
        [0.5, 0.4, 0.7, "walk loops"], [0.6, 0.5, 0.9, "L1"],
    ]  # fmt: skip


def test_a_place_may_be_named_by_a_number_that_is_no_text():
    figure, ax = plt.subplots()
    ax.plot([2, 12], [0.5, 1.0])
    ax.set_xticks([2, 12], np.array([2, 12]))
    assert drawn(figure).x.tolist() == [2, 12]


def test_a_place_that_is_named_by_its_number_stays_a_number():
    figure, ax = plt.subplots()
    ax.plot([1000], [0])
    ax.set_xticks([1000], ["1,000"])
    assert drawn(figure).x.tolist() == [1000]


def test_images_are_told_row_by_row():
    figure, (left, right) = plt.subplots(1, 2)
    left.imshow(np.array([[0.0, 1.5], [2.0, np.nan]]))
    right.imshow(np.array([[[1.0, 0, 0], [0, 0, 1.0]]]))
    table = drawn(figure)
    assert list(table) == ["panel", "series", "y", 0, 1]
    assert table[0].tolist() == [0.0, 2.0, "#ff0000"]
    assert table.loc[[0, 2], 1].tolist() == [1.5, "#0000ff"]
    assert np.isnan(table.loc[1, 1])


def test_points_bars_and_edges_are_told():
    figure, axes = plt.subplots(1, 4)
    axes[0].scatter([1, 2], [3, 4])
    axes[1].bar([0, 1], [5, 6], label="counts")
    axes[2].barh([0, 1], [7, 8])
    axes[3].add_collection(LineCollection([[(0, 0), (1, 2)], [(0, 1), (1, 3)]]))
    series = drawn(figure).groupby("panel").series.unique()
    assert series.iloc[-1].tolist() == ["edge 1", "edge 2"]
    told = drawn(figure).groupby("panel")[["x", "y"]].apply(lambda rows: rows.to_numpy().tolist())
    assert told.tolist() == [
        [[1, 3], [2, 4]], [[0, 5], [1, 6]], [[7, 0], [8, 1]],
        [[0, 0], [1, 2], [0, 1], [1, 3]],
    ]  # fmt: skip


def test_a_figure_without_panels_has_no_numbers():
    assert drawn(plt.figure()).empty
