"""The figure of methods with a decay: what is drawn is what the table says."""

import itertools

import numpy as np
import pandas as pd

from modlib.batch.statistics import interval
from modlib.figures.decays import STYLE, beside
from modlib.penalties import PENALTIES
from modlib.penalties.rivals import RIVALS


def test_means_with_intervals_lie_in_the_panel_of_their_measure_and_task():
    index = itertools.product(["retina", "two_digits"], ["none", "regrowth", "cut"], range(4))
    rows = pd.DataFrame(index, columns=["task", "penalty", "seed"])
    values = np.random.default_rng(0).random((2, len(rows)))
    rows = rows.assign(share=values[0], ari=values[1])
    rows.loc[rows.penalty == "regrowth", "share"] += 2
    rows.loc[rows.penalty == "cut", "share"] += 1
    fig = beside(rows, {"share": "share", "ari": "agreement"}, ["two_digits", "retina"])
    axes = np.array(fig.axes).reshape(2, 2)
    names = [name.get_text() for name in axes[0, 0].get_yticklabels()]
    assert names == ["no penalty", "normalised cut", "regrowth"]
    assert [(ax.get_title(), ax.get_xlabel()) for ax in fig.axes] == [
        ("two digits", "share"), ("retina", "share"),
        ("two digits", "agreement"), ("retina", "agreement"),
    ]  # fmt: skip
    for (row, measure), (column, task) in itertools.product(
        enumerate(["share", "ari"]), enumerate(["two_digits", "retina"])
    ):
        for height, penalty in enumerate(["none", "cut", "regrowth"]):
            of = rows[(rows.task == task) & (rows.penalty == penalty)][measure]
            drawn = [
                line.get_xdata().tolist()
                for line in axes[row, column].lines
                if line.get_ydata()[0] == height
            ]
            assert drawn == [list(interval(of)), [of.mean()]]


def test_every_method_has_a_look_of_its_own():
    assert STYLE.keys() == PENALTIES.keys() | RIVALS.keys()
    assert len({look[1:] for look in STYLE.values()}) == len(STYLE)
