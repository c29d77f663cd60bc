"""The page on composition: what it may be run with, and what it claims."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, tables
from modlib.penalties import PENALTIES
from modlib.study import composition
from notebooks import execute

CHANGED = [{"drawn": ["none", "walk_loops"]}, {"drawn": ["hard_wired"]}]
REFUSED = {
    "drawn = '\\[none, walk_loops\\]'": {"drawn": "[none, walk_loops]"},
    "drawn.1 = 'L1'": {"drawn": ["none", "L1"]},
    "none may be there twice": {"drawn": ["none", "none"]},
    "drawn = \\[\\]": {"drawn": []},
    "strenghts = 0.2": {"strenghts": 0.2},
}


def row(penalty, strength, seed, width=5, role="evaluation", chosen=True, **measures):
    told = {"penalty": penalty, "strength": strength, "seed": seed, "width": width, "role": role}
    told |= {"chosen": chosen, "task": "two_digits", "activation": "tanh"}
    return told | dict.fromkeys(["unseen", "noise", "inverted", "enlarged"], 0.5) | measures


BY_HAND = pd.DataFrame(
    [
        *(row("none", 0.0, seed, unseen=0.1 * seed) for seed in range(3)),
        *(row("walk_loops", 0.5, seed, unseen=0.1 * seed + 0.2) for seed in range(3)),
        *(row("walk_loops", 0.15, seed, chosen=False, unseen=0.3) for seed in range(3)),
        row("none", 0.0, 100, role="selection"),
        row("walk_loops", 0.15, 100, role="selection", chosen=False),
        row("walk_loops", 0.5, 100, role="selection"),
        *(row("none", 0.0, seed, width=10, unseen=np.nan, noise=0.4) for seed in range(3)),
        *(row("walk_loops", 0.15, seed, width=10, unseen=np.nan) for seed in range(3)),
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_lines(changed):
    made = execute("composition", changed)
    assert not made["page"].own
    assert len(made["lines"].axes[0].lines) == len(changed["drawn"])


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("composition", REFUSED[message])


def test_networks_are_judged_at_the_strength_chosen_and_at_the_default():
    judged = composition.judged(BY_HAND)
    own = judged[(judged.penalty == "walk_loops") & (judged.width == 5)]
    assert own.groupby("way").strength.unique().map(list).to_dict() == {
        "chosen strength": [0.5],
        "default strength": [PENALTIES["walk_loops"].strength],
    }
    # with one strength that is both chosen and the default, a network is judged twice
    assert (judged[(judged.penalty == "none") & (judged.width == 5)].seed.value_counts() == 2).all()


def test_gains_are_paired_differences_in_points_where_something_is_unseen():
    gains = composition.gains(composition.judged(BY_HAND))["mean"].droplevel(["task", "activation"])
    assert set(gains.index.get_level_values("width")) == {5}
    assert gains["chosen strength", 5, "none"] == pytest.approx(20)
    assert gains["default strength", 5, "none"] == pytest.approx(20)
    lines = composition.as_lines(composition.gains(composition.judged(BY_HAND)))
    assert ("chosen strength", "5 of 10", "none") in lines.index


def test_what_is_changed_is_of_networks_that_have_seen_all():
    found = composition.changed(composition.judged(BY_HAND))
    means = found[found.way == "chosen strength"].groupby(["change", "penalty"]).other.mean()
    assert means["noise", "none"] == pytest.approx(0.4)
    assert means["enlarged", "none"] == pytest.approx(0.5)


def test_means_by_width_leave_out_the_width_that_leaves_nothing_unseen():
    found = composition.unseen_by_width(composition.judged(BY_HAND))
    assert list(found) == ["chosen strength, 5", "default strength, 5"]
    assert found.index.tolist() == ["none", "walk_loops"]
    assert found["chosen strength, 5"]["walk_loops"] == pytest.approx(0.3)


def test_strengths_chosen_are_told_with_the_end_that_they_are():
    assert composition.chosen(BY_HAND).loc[("two_digits", "tanh", 5)].to_dict() == {
        "walk_loops": "0.5 (highest)"
    }


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    rows = tables.published_table("combinations")
    of_walk_loops = rows.unseen.notna() & (rows.penalty == "walk_loops")
    worse = rows.assign(unseen=rows.unseen.mask(of_walk_loops, 0.1))
    monkeypatch.setattr(tables, "published_table", lambda _: worse)
    with pytest.raises(AssertionError, match="'Where three or five pairs of ten are seen"):
        execute("composition", {})
    assert "not here" in execute("composition", {"drawn": ["none"]})["held"].to_html()


def test_every_claim_holds_in_each_of_its_situations():
    made = composition.claims(tables.published_table("combinations"))
    situations = [sum(len(part.values) for part in claims.parts(each)) for each in made]
    assert situations == [6, 1, 1, 4, 4, 2, 2, 1, 1, 2, 1, 3, 2, 1, 3]
    assert claims.judged(made).holds.all()
