"""The page on noise and lesions: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, tables
from modlib.study import robustness
from notebooks import execute

CHANGED = [
    {"task": "four_digits"},
    {"drawn": ["none"]},
    {"task": "planted_0", "drawn": ["walk_loops", "more_decay"]},
]
REFUSED = {
    "task = 'retna'": {"task": "retna"},
    "drawn = '\\[none\\]'": {"drawn": "[none]"},
    "drawn.0 = 'L2'": {"drawn": ["L2"]},
    "strenghts = 0.2": {"strenghts": 0.2},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("robustness", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("robustness", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    def published(name):
        table = real(name)
        # as if noise hurt networks with walk loops
        return table.assign(area=table.area.where(table.penalty != "walk_loops", 0.1))

    real = tables.published_table
    monkeypatch.setattr(tables, "published_table", published)
    with pytest.raises(AssertionError, match="'On digits, networks with walk loops bear noise"):
        execute("robustness", {})
    assert "not here" in execute("robustness", {"task": "four_digits"})["held"].to_html()


def test_gains_are_paired_differences_in_points():
    damage = tables.published_table("damage")
    gains = robustness.gains(damage)
    rows = damage[(damage.task == "planted_0") & (damage.damage == "input noise")]
    rows = rows.set_index(["penalty", "seed"])
    own = 100 * (rows.area["walk_loops"] - rows.area["l1"]).mean()
    assert gains.loc[("input noise", "planted_0", "l1"), "mean"] == pytest.approx(own)
    own = 100 * (rows.accuracy_0["walk_loops"] - rows.accuracy_0["l1"]).mean()
    assert gains.loc[("undamaged", "planted_0", "l1"), "mean"] == pytest.approx(own)


def test_every_claim_names_its_situations():
    made = robustness.claims(*map(tables.published_table, ("damage", "damage_tuned")))
    made = [part for claim in made for part in claims.parts(claim)]
    assert [len(claim.values) for claim in made] == [4, 4, 4, 2, 2, 6, 4, 3, 4, 3, 2, 4, 6]
    assert claims.judged(made).holds.all()
