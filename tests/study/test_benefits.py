"""Benefits: each is read from the rows it names, and paired by seed."""

import pandas as pd
import pytest

from modlib.batch import schemas
from modlib.study import benefits
from modlib.study.benefits import Benefit


@pytest.fixture
def damage():
    """The table of that name: three penalties, two seeds, two rows of each network."""
    values = {"none": [0.1, 0.3], "l1": [0.2, 0.2], "walk_loops": [0.5, 0.9]}
    rows = [
        {"task": "retina", "penalty": penalty, "seed": seed, "damage": kind, "area": value + shift}
        for penalty, of_seed in values.items()
        for seed, value in enumerate(of_seed)
        for kind, shift in [("a", -0.1), ("b", 0.1), ("c", 0.05)]
    ]
    origin = {"versions": "python 3", "commit": "0123456", "key": "12345678"}
    levels = {"level_0": 0.0, "accuracy_0": 0.9}
    table = pd.DataFrame(rows).assign(strength=0.1, **levels, **origin)
    return schemas.check("damage", table)


def test_a_benefit_is_the_mean_of_its_rows(damage):
    read = {"damage": damage}.__getitem__
    found = benefits.measured(Benefit("damage", "damage != 'c'", "1 - area"), read)
    expected = {("none", 0): 0.9, ("none", 1): 0.7, ("walk_loops", 1): 0.1}
    values = found.set_index(["penalty", "seed"]).value
    assert len(values) == 6
    assert values[list(expected)].to_dict() == pytest.approx(expected)


def test_differences_are_paired_and_the_best_other_is_told_twice(damage, monkeypatch):
    monkeypatch.setattr(benefits, "BENEFITS", {"hits": Benefit("damage", "damage != 'c'", "area")})
    found = benefits.differences(read={"damage": damage}.__getitem__)["mean"]
    assert found.to_dict() == pytest.approx(
        {
            ("hits", "retina", "none"): 0.5,
            ("hits", "retina", "l1"): 0.5,
            ("hits", "retina", "best other"): 0.5,
        }
    )


@pytest.mark.parametrize("form", ["more_decay", "walk_loop_steps"])
def test_another_form_of_the_walk_loops_is_not_the_best_other(damage, monkeypatch, form):
    monkeypatch.setattr(benefits, "BENEFITS", {"hits": Benefit("damage", "damage != 'c'", "area")})
    own = damage[damage.penalty == "walk_loops"].assign(penalty=form)
    read = {"damage": pd.concat([damage, own])}.__getitem__
    found = benefits.differences(read=read).loc["hits", "retina"]["mean"]
    assert found[form] == pytest.approx(0.0)
    assert found["best other"] == pytest.approx(found["l1"])


def test_every_benefit_is_a_share_for_every_network():
    for name, benefit in benefits.BENEFITS.items():
        found = benefits.measured(benefit)
        # where much is kept, chance may add a little to it
        assert found.value.between(0, 1.05 if name.startswith("kept") else 1).all(), name
        assert {"none", "walk_loops"} <= set(found.penalty)
        assert found.groupby(["task", "penalty"]).seed.nunique().min() >= 20, name
