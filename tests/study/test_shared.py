"""The page on shared and unknown modules: what it may be run with, and what it claims."""

import pytest

from modlib.batch import claims, selection, tables
from modlib.study import shared
from notebooks import execute

CHANGED = [
    {"drawn": ["hard_wired"]},
    {"drawn": ["walk_loops", "cut", "block_fraction", "dropout"]},
]
REFUSED = {
    "drawn = 'none'": {"drawn": "none"},
    "drawn.0 = 'communicability'": {"drawn": ["communicability"]},
    "none may be there twice": {"drawn": ["none", "none"]},
    "strengths = '\\[0.2\\]'": {"strengths": "[0.2]"},
}


@pytest.fixture(scope="module")
def networks():
    return shared.of_page(tables.published())


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_penalties(changed):
    made = execute("shared", changed)
    assert not made["page"].own
    assert len(made["lines"].axes[0].lines) == len(changed["drawn"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("shared", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch, networks):
    # as if walk loops divided XOR
    there = (networks.penalty == "walk_loops") & (networks.task == "retina_xor")
    monkeypatch.setattr(
        tables, "published", lambda: networks.assign(excess=networks.excess.where(~there, 0.5))
    )
    with pytest.raises(AssertionError, match="'Where two modules meet in one output"):
        execute("shared", {})
    assert "not here" in execute("shared", {"drawn": ["none"]})["held"].to_html()


def test_overlapping_networks_are_those_at_the_strengths_chosen(networks):
    rows = shared.overlapping(networks)
    found = rows.groupby(["task", "penalty"]).accuracy.mean()
    summary = selection.summary(networks).accuracy.dropna()
    assert found.to_dict() == pytest.approx(summary[found.index].to_dict())
    assert ("planted_100", "hard_wired") not in found
    assert set(rows[rows.task == "planted_25"].overlap) == {25}


def test_what_is_gained_is_a_paired_difference_in_points(networks):
    rows = networks[(networks.role == "evaluation") & (networks.task == "retina_or")]
    at = rows.set_index(["penalty", "strength", "seed"]).accuracy
    strength = selection.chosen_strengths(networks)["retina_or", "soft_modularity"]
    mean = 100 * (at["soft_modularity", strength] - at["none", 0.0]).mean()
    assert shared.gained(networks).loc["soft_modularity", "retina_or"].startswith(f"{mean:+.1f} [")


def test_every_claim_holds_in_each_of_its_situations(networks):
    made = shared.claims(networks)
    parts = [part for claim in made for part in claims.parts(claim)]
    assert [len(part.values) for part in parts][:8] == [3, 40, 3, 1, 4, 1, 3, 2]
    assert claims.judged(made).holds.all()
