"""Claims: when they hold, what is shown of them, and what stops a page."""

import pandas as pd
import pytest

from modlib.batch import claims
from modlib.batch.claims import UNDECIDED, Claim, above, below, between, not_above, not_below
from modlib.batch.pages import Page

OWN, CHANGED = Page("page", True), Page("page", False)


def values(*rows):
    names = pd.MultiIndex.from_tuples([("noise", f"task {n}") for n in range(len(rows))])
    return pd.DataFrame(rows, names, ["mean", "low", "high"])


@pytest.mark.parametrize(
    ("condition", "inside", "outside"),
    [
        (above(1), [(1.1, 3), (1.01, 1.01)], [(1, 3), (0.9, 3), (-3, -2)]),
        (below(-1), [(-3, -1.1)], [(-3, -1), (-3, -0.9), (2, 3)]),
        (between(-1, 2), [(-0.9, 1.9), (0, 0)], [(-1, 1), (0, 2), (-5, 5), (3, 4)]),
        (UNDECIDED, [(-1, 1), (-0.1, 5), (0, 1), (0, 0)], [(0.1, 1), (-2, -1)]),
        (not_above(0), [(-1, 1), (0, 1), (0, 0), (-2, -1)], [(0.1, 1)]),
        (not_below(0), [(-1, 1), (-1, 0), (0, 0), (1, 2)], [(-1, -0.1)]),
    ],
)
def test_a_condition_holds_of_the_whole_interval(condition, inside, outside):
    for low, high in inside:
        claim = Claim("so", "points", values((0.0, low, high)), condition)
        assert claims.judged([claim]).holds.item()
    for low, high in outside:
        claim = Claim("so", "points", values((0.0, low, high)), condition)
        assert not claims.judged([claim]).holds.item()


def test_of_several_situations_the_one_is_shown_that_bears_it_least():
    claim = Claim("so", "points", values((5.0, 4.0, 6.0), (2.0, 1.0, 3.0), (9, 8, 10)), above(0))
    row = claims.judged([claim]).iloc[0]
    assert row["mean [95 % interval]"] == "+2.0 [+1.0, +3.0] (noise, task 1; 3 in all)"
    assert row["should be"] == "above 0"
    only = Claim("so", "networks", claims.exact(20), above(19), ".0f")
    assert claims.judged([only])["mean [95 % interval]"].item() == "20"


def test_a_situation_is_called_by_the_names_that_the_book_has_and_a_number_by_its_level():
    rows = [("l1", 0.5, 2000), ("l2", 0.5, 3000)]
    index = pd.MultiIndex.from_tuples(rows, names=[None, "radius", "examples"])
    claim = Claim("so", "points", values((2.0, 1.0, 3.0), (5.0, 4.0, 6.0)), above(0))
    named = claim._replace(values=claim.values.set_axis(index))
    shown = "+2.0 [+1.0, +3.0] (L1, radius 0.5, examples 2,000; 2 in all)"
    assert claims.judged([named])["mean [95 % interval]"].item() == shown
    with pytest.raises(ValueError, match="the level of the index that has 0 needs a name"):
        claims.judged([claim._replace(values=claim.values.reset_index(drop=True))])


def test_a_situation_that_was_not_measured_bears_nothing_out():
    nan = float("nan")
    claim = Claim("so", "points", values((5.0, 4.0, 6.0), (nan, nan, nan)), above(0))
    assert not claims.judged([claim]).holds.item()
    half = values((5.0, 4.0, nan))
    assert not claims.judged([claim._replace(values=half)]).holds.item()
    with pytest.raises(ValueError, match="'so' needs intervals whose ends are in order"):
        claims.judged([claim._replace(values=values((5.0, 6.0, 4.0)))])
    with pytest.raises(ValueError, match="needs a claim, got none"):
        claims.judged([])
    with pytest.raises(ValueError, match="'so' needs a situation, got none"):
        claims.judged([claim._replace(values=claim.values.iloc[:0])])


def test_a_broken_claim_stops_a_page_with_its_own_parameters_alone():
    good = Claim("this is so", "points", values((5.0, 4.0, 6.0)), above(0))
    broken = Claim("that is so", "points", values((5.0, 4.0, 6.0)), below(0))
    sentence = r"page: 'that is so' does not hold: points is \+5.0 \[\+4.0, \+6.0\] and should be"
    with pytest.raises(AssertionError, match=sentence):
        claims.shown(OWN, [good, broken])
    shown = claims.shown(CHANGED, [good, broken]).data
    assert list(shown.holds) == ["yes", "not here"]
    assert list(claims.shown(OWN, [good]).data.holds) == ["yes"]


def test_claims_taken_together_hold_where_each_part_does_and_show_the_one_that_bears_it_least():
    far = Claim("This is so.", "points", values((5.0, 4.0, 6.0)), above(0))
    near = Claim("So is that.", "shares", values((0.5, 0.1, 0.9)), above(0), ".1f")
    broken = near._replace(condition=below(0))
    for parts in ((far, near), (near, far)):
        row = claims.judged([claims.together(*parts)]).iloc[0]
        assert (row.claim, row.holds) == (" ".join(part.sentence for part in parts), True)
        assert row.quantity == "shares"
    for parts in ((far, broken), (broken, far)):
        row = claims.judged([claims.together(*parts)]).iloc[0]
        assert (row.holds, row.quantity, row["should be"]) == (False, "shares", "below 0")
        with pytest.raises(AssertionError, match=r"page: 'So is that\.' does not hold"):
            claims.shown(OWN, [claims.together(*parts)])


def test_no_page_has_more_than_fifteen_claims():
    claim = Claim("so", "points", values((5.0, 4.0, 6.0)), above(0))
    assert len(claims.shown(OWN, [claim] * 15).data) == 15
    with pytest.raises(ValueError, match="at most 15 claims, got 16"):
        claims.shown(CHANGED, [claim] * 16)
