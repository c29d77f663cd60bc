"""What `make verify` finds on another machine: false alarms, and faults planted in its rows."""

import numpy as np
import pytest

from modlib.batch import power, tables, verification
from modlib.batch.checkout import ROOT
from modlib.batch.comparison import FALSE_ALARMS


@pytest.fixture(scope="module")
def table():
    return tables.published(ROOT / "results")


@pytest.fixture(scope="module")
def pairs(table):
    """Every twelfth pair."""
    return verification.drawable(table)[::12]


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_false_alarms_are_as_rare_as_is_said(pairs, share):
    rates = [power.alarms(of, of, share, 40, seed) for seed, of in enumerate(pairs)]
    assert 1 - (1 - np.mean(rates)) ** power.ENTRIES <= FALSE_ALARMS


@pytest.mark.parametrize(("share", "in_one"), [(0.2, 0.9), (1.0, 0.8)])
def test_faults_are_found_as_often_as_is_said(table, pairs, share, in_one):
    found = power.chances(table, pairs, share, draws=2)
    everywhere = ["a third of the strength", "another null", "rows of another penalty"]
    assert found["sample"][everywhere].min() > 0.99
    assert found.one[[everywhere[0], everywhere[2]]].min() > in_one
    assert found.one["rows of two seeds"] < 0.05


def test_entries_are_those_of_the_command():
    options = verification.options([])
    assert (options.pairs, options.pairs + options.parts) == (power.PAIRS, power.ENTRIES)


def test_a_fault_is_planted_as_it_is_called(table):
    table = table[table.task == "retina"]
    judged = table[table.role == "evaluation"]
    by_penalty = dict(list(judged.groupby("penalty")))
    l1 = by_penalty["l1"]
    assert power.third_of_the_strength(table, by_penalty["none"]) is None
    tried = table[(table.penalty == "l1") & (table.role == "selection")]
    means = tried.groupby("strength").q.mean()
    strength = l1.strength.iloc[0]
    (weaker,) = [s for s in means.index if strength / 4 < s < strength / 2.5]
    planted = power.third_of_the_strength(table, l1).q - l1.q
    np.testing.assert_allclose(planted, means[weaker] - means[strength])
    assert power.another_penalty(table, l1).penalty.unique().tolist() == ["l2"]
    assert power.another_decay(table, l1) is None
    assert power.another_decay(table, by_penalty["loops"]).penalty.unique().tolist() == [
        "loops_c10"
    ]
    assert power.two_seeds(table, l1).seed.tolist()[:3] == [1, 0, 2]
