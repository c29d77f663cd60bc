"""The page on the paper's penalty: what it may be run with, and what it claims."""

import numpy as np
import pytest

from modlib.batch import claims, pages, tables
from modlib.study import loops, theory
from notebooks import execute

SMALL = {
    "widths": [8, 8, 4], "n_pairs": 5, "n_loops": 20, "n_networks": 3, "n_seeds": 2,
    "plain_steps": 100, "blocks": 2, "steps": 100,
}  # fmt: skip
CHANGED = [
    SMALL | {"tasks": ["four_digits"], "n_networks": 1, "n_seeds": 1, "steps": 100},
    SMALL | {"widths": [6, 3, 9, 3, 6], "blocks": 3, "decay": 5.0, "weak": 0.1, "strong": 1.0},
    SMALL | {"seed": 11, "tasks": ["retina_or", "mnist"], "n_loops": 1, "n_pairs": 1},
]
REFUSED = {
    "multiples of their number, got \\[16, 24, 24, 8\\] and 3": {"blocks": 3},
    "weak = 0.5": {"weak": 0.5},
    "widths = \\[16, 8\\]: List should have at least 3": {"widths": [16, 8]},
    "tasks.0 = 'retna'": {"tasks": ["retna"]},
    "tasks = .*none may be there twice": {"tasks": ["retina", "retina"]},
    "decays = 2.0": {"decays": 2.0},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=range(len(CHANGED)))
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("loops", changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("loops", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    own = pages.own_parameters("loops") | SMALL | {"steps": 800}
    monkeypatch.setattr(pages, "own_parameters", lambda name: own)
    # as if the theorem gave another minimum
    real = theory.loop_optimum
    monkeypatch.setattr(theory, "loop_optimum", lambda *args: real(*args)._replace(penalty=-1.0))
    with pytest.raises(AssertionError, match="'By itself the penalty comes to the minimum"):
        execute("loops", own)
    names = execute("loops", SMALL)
    assert "not here" in names["held"].to_html()
    assert [
        len(part.values) for claim in names["made"] for part in claims.parts(claim)
    ] == [
        1, 1, 1, 2, 2, 2, 2, 2, 4, 4, 4, 2, 4, 1, 14, 1, 3,
    ]  # fmt: skip


def test_changes_are_paired_with_the_same_network_without_the_penalty():
    table = tables.published()
    effect = loops.changes(table, ["retina", "two_digits"])
    rows = table[(table.role == "selection") & (table.task == "retina")].set_index("seed")
    without = rows[rows.penalty == "none"]
    printed = rows[(rows.penalty == "loops") & (rows.strength == 0.1)]
    row = effect.loc[("excess", "retina", 0.1)]
    assert row["mean"] == pytest.approx((printed.excess - without.excess).mean())
    assert row.level == pytest.approx(without.excess.mean())
    points = 100 * np.mean(printed.validation_accuracy - without.validation_accuracy)
    assert effect.loc[("validation_accuracy", "retina", 0.1), "mean"] == pytest.approx(points)


def test_claims_of_tasks_name_the_strength_that_bears_them_least():
    effect = loops.changes(tables.published(), ["retina", "retina_and", "two_digits"])
    judged = claims.judged(loops.of_tasks(effect))
    assert judged.holds.all()
    assert judged["mean [95 % interval]"][0].endswith("(retina, strength 0.001; 14 in all)")
