"""The figure of trained networks of many layers draws what the table says."""

import numpy as np
import pandas as pd

from modlib.figures.depth import trained


def test_a_line_joins_the_means_of_a_penalty_and_leaves_out_what_is_not_defined():
    grid = [["two_digits", "retina"], ["none", "walk_loops"], [2, 12], range(4)]
    rows = pd.MultiIndex.from_product(grid, names=["task", "penalty", "depth", "seed"])
    table = rows.to_frame(index=False)
    table["accuracy"], table["share"] = np.random.default_rng(0).normal(size=(2, len(table)))
    table.loc[(table.depth == 12) & (table.seed == 1), "share"] = np.nan
    fig = trained(table, {"accuracy": "test accuracy", "share": "share"})
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["test accuracy", "share", "", ""]
    assert [ax.get_ylabel() for ax in fig.axes] == ["retina", "", "two digits", ""]
    means = table.groupby(["task", "penalty", "depth"])[["accuracy", "share"]].mean()
    for place, ax in enumerate(fig.axes):
        task, measure = ("retina", "two_digits")[place // 2], ("accuracy", "share")[place % 2]
        lines = {line.get_label(): line for line in ax.lines}
        for penalty, label in {"none": "no penalty", "walk_loops": "walk loops"}.items():
            assert lines[label].get_xdata().tolist() == [2, 12]
            assert np.allclose(lines[label].get_ydata(), means.loc[task, penalty][measure])
