"""The page on few examples: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, statistics, tables
from modlib.study import generalisation
from notebooks import execute

CHANGED = [{"drawn": ["none", "walk_loops"]}, {"drawn": ["hard_wired"]}, {"drawn": ["l1", "l2"]}]
REFUSED = {"drawn.0 = 'cut'": {"drawn": ["cut"]}, "drawing = ": {"drawing": []}}


@pytest.fixture(scope="module")
def curves():
    return tables.published_table("curves")


@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("generalisation", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("generalisation", REFUSED[message])


def test_a_claim_broken_on_purpose_is_told_by_its_sentence(curves):
    assert claims.judged(generalisation.claims(curves)).holds.all()
    found = (curves.penalty == "walk_loops") & (curves.examples == 50)
    judged = claims.judged(generalisation.claims(curves.assign(ari=curves.ari.mask(found, 0.9))))
    assert judged[~judged.holds].claim.tolist() == [
        "From 100 images or fewer they do not find the digits."
    ]


def test_gains_are_paired_differences_of_tuned_networks_in_points(curves):
    rows = curves[(curves.role == "evaluation") & curves.chosen & (curves.examples == 300)]
    accuracy = rows.set_index(["penalty", "seed"]).accuracy
    own = 100 * (accuracy["walk_loops"] - accuracy["l2"])
    gain = generalisation.gains(curves).loc[(300, "l2")]
    assert gain["mean"] == pytest.approx(own.mean())
    assert gain.low == pytest.approx(statistics.interval(own.to_numpy())[0])


def test_the_default_is_judged_against_rivals_at_the_strengths_chosen_for_them(curves):
    rows = curves[(curves.role == "evaluation") & (curves.examples == 300)]
    own = rows[(rows.penalty == "walk_loops") & (rows.strength == generalisation.DEFAULT)]
    rival = rows[(rows.penalty == "l1") & rows.chosen]
    expected = 100 * (own.set_index("seed").accuracy - rival.set_index("seed").accuracy).mean()
    gain = generalisation.gains_at_default(curves).loc[(300, "l1"), "mean"]
    assert gain == pytest.approx(expected)
