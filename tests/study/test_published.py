"""The appendix on published figures: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, tables
from modlib.study import published
from notebooks import execute

REFUSED = {"digits = 5: Input should be 2, 3 or 4": {"digits": 5}, "digit = 2": {"digit": 2}}


@pytest.fixture(scope="module")
def settings():
    return tables.published_table("settings")


@pytest.mark.parametrize("digits", [3, 4])
def test_the_page_runs_with_other_parameters(digits):
    names = execute("published", {"digits": digits})
    assert not names["page"].own
    assert execute("published", {"digits": 2})["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("published", REFUSED[message])


def test_a_claim_broken_on_purpose_is_told_by_its_sentence(settings):
    assert claims.judged(published.claims(settings)).holds.all()
    found = settings.measure == "test error"
    broken = settings.assign(value=settings.value.mask(found, settings.value * 100))
    judged = claims.judged(published.claims(broken))
    assert judged[~judged.holds].claim.tolist() == [
        "Test errors of BIMT on its three formulas are of the published order."
    ]


def test_numbers_are_those_of_the_table(settings):
    rows = settings[(settings.case == "sharing") & (settings.measure == "test error")].value
    line = published.formulas(settings).loc["sharing"]
    assert line.tolist()[1:4] == pytest.approx([rows.mean(), rows.min(), rows.max()])
    of_none = settings[(settings.case == "mnist") & (settings.strength == 0)]
    cut = of_none[of_none.measure == "n-cut"].value.mean()
    assert published.cuts(settings).loc["0", "n-cut"] == pytest.approx(cut)
