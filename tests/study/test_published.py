"""The page on published figures: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, tables
from modlib.study import published
from notebooks import execute

CHANGED = [{"strengths": [0.0]}, {"strengths": [1, 0]}, {"strengths": [0.1, 0.01, 0.001]}]
REFUSED = {
    "strengths = '\\[0.2\\]': Input should be a valid list": {"strengths": "[0.2]"},
    "strengths.0 = 0.2: Input should be 0.0, 0.001": {"strengths": [0.2]},
    "strengths = \\[\\]": {"strengths": []},
    "strenghts = 0.2": {"strenghts": 0.2},
}


@pytest.fixture(scope="module")
def settings():
    return tables.published_table("settings")


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_strengths(changed):
    made = execute("published", changed)
    assert not made["page"].own
    assert len(made["cuts"]) == len(changed["strengths"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("published", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, settings):
    worse = settings.assign(value=settings.value.where(settings.measure != "test error", 1.0))
    monkeypatch.setattr(tables, "published_table", lambda _: worse)
    with pytest.raises(AssertionError, match="'Errors of BIMT's networks are of the published"):
        execute("published", {})
    assert "not here" in execute("published", {"strengths": [0.0]})["held"].to_html()


def test_tables_have_the_means_and_extremes_of_networks(settings):
    def values(case, measure, strength):
        rows = settings[(settings.case == case) & (settings.measure == measure)]
        return rows[rows.strength == strength].value

    errors, cuts = published.errors(settings), published.cuts(settings, [0.0, 0.1])
    assert errors.ours["sharing"] == values("sharing", "test error", 0.01).mean()
    assert errors.highest["composition"] == values("composition", "test error", 0.003).max()
    assert cuts.lowest["0.1"] == values("mnist", "n-cut", 0.1).min()
    accuracy = values("mnist", "accuracy", 0.0).mean()
    assert cuts["accuracy (%)"]["0"] == pytest.approx(100 * accuracy)


def test_every_claim_holds_in_each_of_its_situations(settings):
    made = published.claims(settings)
    assert [len(claim.values) for claim in made] == [3, 1, 2, 3, 1, 4, 1, 1, 1]
    assert claims.judged(made).holds.all()
