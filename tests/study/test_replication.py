"""Claims on networks of other seeds: what each verdict means, and that no page is left out."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch.checkout import NOTEBOOKS
from modlib.batch.claims import UNDECIDED, Claim, above, between, exact, not_above, not_below
from modlib.batch.tables import published_table
from modlib.study import replication
from modlib.study.replication import ALONE, CLEAR, FAILS, HOLDS, OPEN, UNCLEAR
from notebooks import execute

REFUSED = {
    "listed.0 = 'true': Input should be 'holds', 'open' or 'fails'": {"listed": ["true"]},
    "listed = .*at least 1 item": {"listed": []},
    "at_once = 0: Input should be greater than or equal to 1": {"at_once": 0},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{"listed": ["holds"]}, {"at_once": 1}], ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("replication", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("replication", REFUSED[message])


@pytest.mark.parametrize(
    ("condition", "intervals", "verdict"),
    [
        (above(0), [(0.1, 0.2)], HOLDS),
        (above(0), [(-0.1, 0.2)], OPEN),
        (above(0), [(-0.2, -0.1)], FAILS),
        (above(0), [(-0.2, 0.0)], FAILS),  # at most 0
        (above(0), [(0.1, 0.2), (-0.1, 0.2)], OPEN),  # all situations have to hold
        (above(0), [(-0.1, 0.2), (-0.2, -0.1)], FAILS),
        (between(0, 1), [(-0.5, 1.5)], OPEN),
        (between(0, 1), [(1.5, 2.0)], FAILS),
        (between(0, 0.01), [(-1.3, 1.0)], OPEN),
        (not_above(0), [(-0.1, 0.2)], HOLDS),
        (not_above(0), [(0.0, 0.2)], HOLDS),
        (not_below(0), [(0.0, 0.0)], HOLDS),
        (not_above(0), [(0.1, 0.2)], FAILS),
        (UNDECIDED, [(-0.1, 0.2)], HOLDS),
        (UNDECIDED, [(-0.1, 0.2), (np.nan, np.nan)], OPEN),
        (UNDECIDED, [(0.1, 0.2)], FAILS),
        (above(0), [(0.1, 0.2), (np.nan, np.nan)], OPEN),  # not measured
        (above(0), [(-0.2, -0.1), (np.nan, np.nan)], FAILS),
    ],
)
def test_a_claim_holds_fails_or_is_open(condition, intervals, verdict):
    values = pd.DataFrame(intervals, columns=["low", "high"])
    values = values.assign(mean=values.mean(axis=1))
    assert replication.verdict(Claim("It is so.", "points", values, condition)) == verdict


@pytest.mark.parametrize(
    ("condition", "intervals", "kind"),
    [
        (above(0), [(0.1, 0.2), (0.3, 0.3)], CLEAR),
        (between(0, 1), [(0.1, 0.2)], CLEAR),
        (above(0), [(0.1, 0.1), (0.3, 0.3)], ALONE),
        (UNDECIDED, [(-0.1, 0.2)], UNCLEAR),
        (not_above(0), [(0.0, 0.0)], UNCLEAR),
    ],
)
def test_claims_are_of_three_kinds(condition, intervals, kind):
    values = pd.DataFrame(intervals, columns=["low", "high"])
    values = values.assign(mean=values.mean(axis=1))
    assert replication.kind(Claim("It is so.", "points", values, condition)) == kind


def test_a_situation_that_another_table_lacks_is_not_measured_there():
    values = pd.DataFrame({"mean": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5]}, ["a", "b"])
    claim = Claim("It is so.", "points", values, above(0))
    other = replication.on_other(claim, claim._replace(values=values.loc[["b"]]))
    assert other.values.index.tolist() == ["a", "b"]
    assert replication.verdict(other) == OPEN
    with pytest.raises(ValueError, match=r"needs the claim 'It is so.' again, got 'It is not.'"):
        replication.on_other(claim, claim._replace(sentence="It is not."))


def test_the_first_networks_of_each_role_are_kept():
    rows = replication.fewer("rivals")
    seeds = rows.groupby("role").seed.unique().map(sorted).to_dict()
    assert seeds == {"evaluation": [0, 1, 2, 3, 4, 5], "selection": [100, 101]}
    assert sorted(replication.fewer("reuse").seed.unique()) == [0, 1, 2, 3, 4, 5]


def test_a_number_without_an_interval_is_never_open():
    of = {0.2: HOLDS, 0.0: FAILS}
    for value, verdict in of.items():
        claim = Claim("It is so.", "points", exact(value), above(0.1))
        assert replication.verdict(claim) == verdict


@pytest.mark.slow
def test_the_published_tables_bear_out_all_that_is_claimed_of_them():
    rows = replication.compared(published_table)
    assert (rows.verdict == HOLDS).all()
    assert (rows.published == rows.fresh).all()
    # of fewer networks some are open, and none that is clear fails
    of_fewer = replication.counted(rows, "kind", "verdict of fewer")
    assert of_fewer.loc[CLEAR, OPEN] > 0
    assert of_fewer.loc[CLEAR, FAILS] == 0
    hold, fail, *_ = (claim.values["mean"].item() for claim in replication.claims(rows))
    assert (hold, fail) == (1, 0)


def test_no_page_whose_claims_rest_on_tables_alone_is_left_out():
    others = {
        "decays": "of a table that the profile leaves out",
        "hyperparameters": "of another",
        "scaling": "of another",
        "shared": "of tasks that it leaves out",
        "costs": "seconds, which repeat nowhere",
        "images": "of published networks",
        "listing": "of whether all rows are there",
        "loops": "of live runs too",
        "published": "of the figures of others",
        "strengths": "of live runs too",
        "weights": "of live runs too",
        "replication": "of the others",
    }
    reading = {
        path.stem
        for path in NOTEBOOKS.glob("*.ipynb")
        if "claims.shown" in (text := path.read_text("utf-8"))
        and any(
            word in text for word in ("published_table(", "tables.published(", "results.networks(")
        )
    }
    assert reading - set(others) <= set(replication.PAGES)
    assert not set(others) & set(replication.PAGES)


def test_a_page_is_called_by_its_title():
    assert replication.title("results") == "Results"
    assert replication.title("generalisation") == "Learning from few examples"
