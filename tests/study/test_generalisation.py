"""The page on learning from few examples: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, tables
from modlib.study import generalisation
from notebooks import execute

CHANGED = [
    {"drawn": ["none", "walk_loops"]},
    {"drawn": ["hard_wired"]},
    {"drawn": ["walk_loops", "l1", "dropout"]},
]
REFUSED = {
    "drawn = '\\[none, walk_loops\\]'": {"drawn": "[none, walk_loops]"},
    "drawn.1 = 'L1'": {"drawn": ["none", "L1"]},
    "none may be there twice": {"drawn": ["none", "none"]},
    "drawn = \\[\\]": {"drawn": []},
    "strenghts = 0.2": {"strenghts": 0.2},
}


@pytest.fixture(scope="module")
def curves():
    return tables.published_table("curves")


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_lines(changed):
    made = execute("generalisation", changed)
    assert not made["page"].own
    assert len(made["lines"].axes[0].lines) == len(changed["drawn"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("generalisation", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, curves):
    worse = curves.assign(accuracy=curves.accuracy.where(curves.penalty != "walk_loops", 0.1))
    monkeypatch.setattr(tables, "published_table", lambda _: worse)
    with pytest.raises(AssertionError, match="'From 300 images on walk loops are better"):
        execute("generalisation", {})
    assert "not here" in execute("generalisation", {"drawn": ["none"]})["held"].to_html()


def test_gains_are_paired_differences_in_points(curves):
    gains = generalisation.gains(curves)
    at = curves[(curves.role == "evaluation") & (curves.examples == 300)]
    at = at.set_index(["penalty", "strength", "seed"]).accuracy
    chosen = 100 * (at["walk_loops", 0.5] - at["l1", 0.003]).mean()
    assert gains.loc[("chosen strength", 300, "l1"), "mean"] == pytest.approx(chosen)
    default = 100 * (at["walk_loops", 0.15] - at["l1", 0.003]).mean()
    assert gains.loc[("default strength", 300, "l1"), "mean"] == pytest.approx(default)


def test_what_is_forced_is_a_mean_of_selection_networks(curves):
    rows = curves[(curves.role == "selection") & (curves.strength == 1.5)]
    expected = rows[rows.examples == 50].excess.mean()
    assert generalisation.forced(curves).excess[50, 1.5] == pytest.approx(expected)


def test_every_claim_holds_in_each_of_its_situations(curves):
    made = generalisation.claims(curves)
    parts = [part for claim in made for part in claims.parts(claim)]
    assert [len(part.values) for part in parts][:6] == [12, 4, 3, 3, 2, 1]
    assert claims.judged(made).holds.all()
