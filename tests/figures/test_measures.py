"""Measures over one quantity: each panel has the places where its measure is defined."""

import numpy as np
import pandas as pd

from modlib.figures import measures


def test_a_panel_ends_where_its_measure_does():
    rows = [
        {"penalty": penalty, "width": width, "seen": 0.9 + seed / 100, "unseen": 0.5 + seed / 10}
        for penalty in ("none", "walk_loops")
        for width in (1, 5, 10)
        for seed in range(3)
    ]
    table = pd.DataFrame(rows)
    table.loc[table.width == 10, "unseen"] = np.nan
    names = {"seen": "seen pairs", "unseen": "unseen pairs"}
    fig = measures.over(table, "width", names, ["none", "walk_loops"], "pairs")
    assert [ax.get_title() for ax in fig.axes] == list(names.values())
    assert [ax.get_xticks().tolist() for ax in fig.axes] == [[1, 5, 10], [1, 5]]
    assert fig.axes[1].get_xlim()[1] < 6
