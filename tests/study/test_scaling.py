"""The page on how needs grow: what it may be run with, and what it claims."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, statistics, tables
from modlib.study import scaling
from modlib.study.samples import need
from notebooks import execute

CHANGED = [{"target": 0.8}, {"drawn": ["hard_wired"]}, {"target": 0.5, "drawn": ["l1", "none"]}]
REFUSED = {
    "target = 0.95": {"target": 0.95},
    "target = '0.9'": {"target": "0.9"},
    "drawn.1 = 'L1'": {"drawn": ["none", "L1"]},
    "none may be there twice": {"drawn": ["none", "none"]},
    "drawn = \\[\\]": {"drawn": []},
    "examples = 5": {"examples": 5},
}


def rows(penalty, needed, seed, examples=(100, 200, 400), strength=0.1):
    """Rows of networks that reach 0.9 at the number of examples needed, halving what is missing."""
    return [
        {"penalty": penalty, "strength": strength, "seed": seed, "role": "evaluation",
         "digits": digits, "examples": n, "accuracy": 1 - 0.1 * at / n, "share": digits / 10}
        for digits, at in needed.items()
        for n in examples
    ]  # fmt: skip


BY_HAND = pd.DataFrame(
    [
        *(row for seed in range(3) for row in rows("none", {1: 100, 2: 200, 4: 400}, seed)),
        *(row for seed in range(3) for row in rows("hard_wired", {1: 200, 2: 200, 4: 200}, seed)),
        *(row for seed in range(3) for row in rows("l1", {1: 50, 2: 200, 4: 800}, seed)),
    ]
)


@pytest.fixture(scope="module")
def samples():
    return tables.published_table("samples")


def test_needs_are_those_of_each_network_and_keep_the_order_of_methods():
    found = scaling.needs(BY_HAND, 0.9)
    assert found.index.unique("penalty").tolist() == ["none", "hard_wired", "l1"]
    assert found.loc["hard_wired"].to_numpy().tolist() == [[pytest.approx(200)] * 3] * 3
    assert found.loc["l1", 0].tolist() == [0, pytest.approx(200), np.inf]
    assert scaling.unreached(BY_HAND, 0.9) == 3
    bounded = scaling.within(found, BY_HAND)
    assert bounded.loc["l1", 0].tolist() == [100, pytest.approx(200), 400]


def test_a_diverged_network_is_never_right():
    lost = BY_HAND.assign(accuracy=BY_HAND.accuracy.mask(BY_HAND.seed == 1))
    assert np.isinf(scaling.needs(lost, 0.9)[1]).all()


def test_growth_is_a_power_by_hand():
    grown = scaling.growth(scaling.within(scaling.needs(BY_HAND, 0.9), BY_HAND))
    assert grown.loc["hard_wired"].tolist() == [pytest.approx(0, abs=1e-12)] * 3
    # needs beyond those tried are taken as the nearest: here as 100, 200 and 400
    assert grown.loc["l1"].tolist() == [pytest.approx(1)] * 3
    logs = np.log([1.0, 2.0, 4.0]), np.log([0.5, 3.0, 7.0])
    slope = np.cov(*logs)[0, 1] / np.var(logs[0], ddof=1)
    index = pd.MultiIndex.from_product([["l2"], [1, 2, 4]], names=["penalty", "digits"])
    assert scaling.growth(pd.DataFrame({7: [0.5, 3.0, 7.0]}, index)).loc["l2", 7] == (
        pytest.approx(slope)
    )


def test_the_summary_has_medians_and_says_what_lies_beyond():
    table = scaling.summary(BY_HAND, 0.9)
    medians = table.loc["l1", ["digits: 1", "digits: 2", "digits: 4"]]
    assert medians.tolist() == ["< 100", "200", "> 400"]
    assert table["to no penalty"]["hard_wired"] == "-1.00 [-1.00, -1.00]"
    assert table["to given"]["none"] == "+1.00 [+1.00, +1.00]"


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("scaling", changed)
    assert not made["page"].own
    assert len(made["lines"].axes[0].lines) == len(made["drawn"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("scaling", REFUSED[message])


def test_needs_of_the_table_are_those_of_its_rows(samples):
    own = samples[(samples.penalty == "walk_loops") & (samples.digits == 6)]
    own = own[(own.role == "evaluation") & (own.seed == 3)].sort_values("examples")
    expected = need(own.set_index("examples").accuracy, 0.9)
    assert scaling.needs(samples, 0.9).loc[("walk_loops", 6), 3] == pytest.approx(expected)
    grown = scaling.growth(scaling.within(scaling.needs(samples, 0.9), samples))
    pairs = grown.loc["l1"] - grown.loc["none"]
    assert scaling.beside(grown, "none").low["l1"] == pytest.approx(
        statistics.interval(pairs.to_numpy())[0]
    )


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, samples):
    of_six = (samples.penalty == "hard_wired") & (samples.digits == 6) & (samples.examples < 400)
    worse = samples.assign(accuracy=samples.accuracy.mask(of_six, 0.5))
    monkeypatch.setattr(tables, "published_table", lambda _: worse)
    with pytest.raises(AssertionError, match="'With modules that are given"):
        execute("scaling", {})
    assert "not here" in execute("scaling", {"drawn": ["none"]})["held"].to_html()


def test_every_claim_holds_in_each_of_its_situations(samples):
    assert claims.judged(scaling.claims(samples)).holds.all()
