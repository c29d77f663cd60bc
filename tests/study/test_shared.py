"""The page on shared modules: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, statistics
from modlib.study import results, shared
from notebooks import execute

CHANGED = [{"drawn": ["none"]}, {"drawn": ["communicability", "cut"]}, {"drawn": ["walk_loops"]}]
REFUSED = {"drawn.0 = 'cuts'": {"drawn": ["cuts"]}, "draw = ": {"draw": ["none"]}}


@pytest.fixture(scope="module")
def networks():
    return results.evidence()[0]


@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("shared", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("shared", REFUSED[message])


def test_a_claim_broken_on_purpose_is_told_by_its_sentence(networks):
    assert claims.judged(shared.claims(networks)).holds.all()
    of_xor = (networks.task == "retina_xor") & (networks.penalty == "l1")
    broken = networks.assign(accuracy=networks.accuracy.mask(of_xor, 0.9))
    judged = claims.judged(shared.claims(broken))
    assert judged[~judged.holds].claim.tolist() == [
        "XOR is not learned from half of the patterns, with any penalty or none."
    ]


def test_rows_of_planted_teachers_have_their_overlap(networks):
    summary = statistics.summary(networks)
    rows = shared.overlap(summary).set_index(["task", "penalty"])
    assert rows.overlap["planted_25"].unique() == [25]
    assert rows.excess["planted_50", "l1"] == summary.excess["planted_50", "l1"]
    table = shared.others(summary, "accuracy")
    assert table.loc["mnist", "l2"] == summary.accuracy["mnist", "l2"]
