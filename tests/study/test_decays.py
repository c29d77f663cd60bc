"""The page on rivals with a decay: verdicts by hand, what it may be run with, what it claims."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from modlib.batch import claims, tables
from modlib.study import decays
from notebooks import execute

REFUSED = {
    "drawn = \\[\\]": {"drawn": []},
    "drawn.0 = 'mnist'": {"drawn": ["mnist"]},
    "none may be there twice": {"drawn": ["retina", "retina"]},
    "decay = 0.2": {"decay": 0.2},
}
DIFFERENCES = {"cut": 0.1, "l1": -0.1, "l2": 0.015, "none": 0.0}
"""Of each method in share to walk loops."""


def row(task, penalty, seed, role="evaluation", strength=0.1, decay=0.003, **measures):
    told = {"task": task, "penalty": penalty, "strength": strength, "decay": decay}
    told |= {"seed": seed, "role": role, "status": "ok", "validation_accuracy": 0.9}
    measured = dict.fromkeys(decays.MARGINS, 0.5) | measures
    return told | measured


@pytest.fixture(scope="module")
def table():
    """Two tasks, five methods; differences in share are noisy by a thousandth."""
    rng = np.random.default_rng(0)
    rows = []
    methods = DIFFERENCES | {"walk_loops": 0.0}
    for task, (penalty, more) in itertools.product(["retina", "two_digits"], methods.items()):
        noise = rng.normal(0, 0.001, 12) * (penalty != "walk_loops")
        rows += [row(task, penalty, n, share=0.5 + 0.01 * n + more + noise[n]) for n in range(12)]
        rows += [row(task, penalty, seed, "selection") for seed in (100, 101)]
    return pd.DataFrame(rows)


def test_differences_are_paired_and_corrected_for_all_tasks_and_methods(table):
    pairs = decays.differences(table).loc["share"]
    assert len(pairs) == 8
    for (_, penalty), pair in pairs.iterrows():
        assert pair["mean"] == pytest.approx(DIFFERENCES[penalty], abs=1e-3)
    # six differences of one sign in all twelve pairs: the smallest p there is, times eight
    least = wilcoxon(np.arange(1.0, 13.0)).pvalue
    assert pairs.p.min() == pytest.approx(8 * least)


def test_a_difference_counts_beyond_the_margin_and_clear_of_zero(table):
    pairs = decays.differences(table)
    expected = {"cut": decays.WINS, "l1": decays.LOSES, "l2": decays.TIES, "none": decays.TIES}
    for task in ("retina", "two_digits"):
        assert pairs.loc["share"].verdict[task].to_dict() == expected
    assert (pairs.loc["accuracy"].verdict == decays.TIES).all()
    record = decays.record(pairs)
    assert record.loc["cut"].tolist() == ["+ = = ="] * 2
    assert list(record) == ["two_digits", "retina"]
    assert decays.counts(pairs, decays.WINS, "share").to_dict() == {
        "cut": 2, "l1": 0, "l2": 0, "none": 0,
    }  # fmt: skip
    assert decays.led_by_others(pairs, ["cut"]) == 2
    assert decays.led_by_others(pairs, ["l1"]) == 0


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ({"mean": 0.03, "low": 0.01, "high": 0.05, "p": 0.01}, decays.WINS),
        ({"mean": -0.03, "low": -0.05, "high": -0.01, "p": 0.01}, decays.LOSES),
        ({"mean": 0.03, "low": -0.01, "high": 0.05, "p": 0.01}, decays.TIES),
        ({"mean": 0.03, "low": 0.01, "high": 0.05, "p": 0.06}, decays.TIES),
        ({"mean": 0.02, "low": 0.01, "high": 0.05, "p": 0.01}, decays.TIES),
        ({"mean": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}, decays.TIES),
    ],
)
def test_verdicts_by_hand(pair, expected):
    assert decays.verdict(pd.Series(pair), 0.02) == expected


def test_settings_that_cost_too_much_accuracy_are_in_brackets(table):
    lost = (table.penalty == "cut") & (table.task == "retina")
    worse = table.assign(validation_accuracy=table.validation_accuracy.mask(lost, 0.8))
    text = decays.settings(worse)
    assert text.loc["cut"].to_dict() == {"retina": "(0.1 + 0.003)", "two_digits": "0.1 + 0.003"}


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("decays", REFUSED[message])


@pytest.mark.slow
def test_the_page_runs_with_other_tasks():
    assert not execute("decays", {"drawn": ["retina"]})["page"].own


def test_every_claim_holds_in_each_of_its_situations():
    assert claims.judged(decays.claims(tables.published_table("rivals"))).holds.all()


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    rows = tables.published_table("rivals")
    worse = rows.assign(share=rows.share.where(rows.penalty != "walk_loops", 0.0))
    monkeypatch.setattr(tables, "published_table", lambda _: worse)
    with pytest.raises(AssertionError, match="'Walk loops lead in share"):
        execute("decays", {})
    assert "not here" in execute("decays", {"drawn": ["retina"]})["held"].to_html()
