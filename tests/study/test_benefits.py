"""Benefits: each is read from the rows it names, and paired by seed."""

import pandas as pd
import pytest

from modlib.batch import tables
from modlib.batch.publishing import publish
from modlib.study import benefits
from modlib.study.benefits import Benefit


@pytest.fixture
def folder(tmp_path):
    """A folder with one table: three penalties, two seeds, two rows of each network."""
    values = {"none": [0.1, 0.3], "l1": [0.2, 0.2], "walk_loops": [0.5, 0.9]}
    rows = [
        {"task": "retina", "penalty": penalty, "seed": seed, "kind": kind, "hit": value + shift}
        for penalty, of_seed in values.items()
        for seed, value in enumerate(of_seed)
        for kind, shift in [("a", -0.1), ("a", 0.1), ("b", 9.0)]
    ]
    publish({"some": pd.DataFrame(rows)}, tmp_path)
    return tmp_path


def test_a_benefit_is_the_mean_of_its_rows(folder):
    found = benefits.measured(Benefit("some", "kind == 'a'", "1 - hit"), folder)
    expected = {("none", 0): 0.9, ("none", 1): 0.7, ("walk_loops", 1): 0.1}
    values = found.set_index(["penalty", "seed"]).value
    assert len(values) == 6
    assert values[list(expected)].to_dict() == pytest.approx(expected)


def test_differences_are_paired_and_the_best_other_is_told_twice(folder, monkeypatch):
    monkeypatch.setattr(benefits, "BENEFITS", {"hits": Benefit("some", "kind == 'a'", "hit")})
    found = benefits.differences(folder=folder)["mean"]
    assert found.to_dict() == pytest.approx(
        {
            ("hits", "retina", "none"): 0.5,
            ("hits", "retina", "l1"): 0.5,
            ("hits", "retina", "best other"): 0.5,
        }
    )


def test_another_form_of_the_walk_loops_is_not_the_best_other(folder, monkeypatch):
    monkeypatch.setattr(benefits, "BENEFITS", {"hits": Benefit("some", "kind == 'a'", "hit")})
    table = tables.published_table("some", folder)
    own = table[table.penalty == "walk_loops"].assign(penalty="more_decay")
    publish({"some": pd.concat([table, own])}, folder)
    found = benefits.differences(folder=folder).loc["hits", "retina"]["mean"]
    assert found["more_decay"] == pytest.approx(0.0)
    assert found["best other"] == pytest.approx(found["l1"])


def test_every_benefit_is_a_share_for_every_network():
    for name, benefit in benefits.BENEFITS.items():
        found = benefits.measured(benefit)
        # where much is kept, chance may add a little to it
        assert found.value.between(0, 1.05 if name.startswith("kept") else 1).all(), name
        assert {"none", "walk_loops"} <= set(found.penalty)
        assert found.groupby(["task", "penalty"]).seed.nunique().min() >= 20, name
