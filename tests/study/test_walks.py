"""The page on normalised loops: what it may be run with, and what it claims."""

import pandas as pd
import pytest
import torch

from modlib import PENALTIES, train
from modlib.batch import claims
from modlib.batch.pages import Page
from modlib.study import ascents, closed_forms, walks
from notebooks import execute

SMALL = {
    "task": "retina", "task_steps": 20, "n_random": 5, "n_seeds": 3, "powers": [1, 4], "steps": 20,
}  # fmt: skip
CHANGED = [
    {"seed": 1},
    {"task": "planted_0", "width": 6, "blocks": 2, "powers": [2.5, 16, 3], "stronger": 1.5},
    {"n_task_seeds": 4, "power": 1, "learning_rate": 0.05, "steps": 70},
]
REFUSED = {
    "task = 'retna'": {"task": "retna"},
    "powers = '\\[1, 2\\]'": {"powers": "[1, 2]"},
    "n_seeds = 2": {"n_seeds": 2},
    "width must be a multiple of blocks, and larger, got 24 and 5": {"blocks": 5},
    "task_steps = 20.0": {"task_steps": 2e1},
    "strenghts = 0.2": {"strenghts": 0.2},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    names = execute("walks", SMALL | changed)
    assert not names["page"].own
    assert "nan" not in names["held"].to_html()


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("walks", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence():
    known = closed_forms.returns(5, 6, 0), closed_forms.divided(24)
    joined = closed_forms.joined(24, 4)
    assert claims.judged(walks.of_closed_forms(joined, *known)).holds.all()
    # as if joining cost printed loops
    broken = walks.of_closed_forms(joined.assign(loops=-joined.loops), *known)
    with pytest.raises(AssertionError, match="'The more modules are joined, the more printed"):
        claims.shown(Page("walks", own=True), broken)
    assert "not here" in claims.shown(Page("walks", own=False), broken).to_html()


def test_joined_modules_end_in_the_loops_of_one_clique():
    joined = closed_forms.joined(12, 3)
    assert joined.loc[0.0].tolist() == [1, 1]
    assert joined.walk_loops.loc[1.0] == pytest.approx((1 - 1 / 12) / (3 * (1 - 1 / 4)))
    # M / Q is (width of a module)^2 times a constant
    assert joined.loops.loc[1.0] == pytest.approx(3**2)


def test_modules_of_m_neurons_have_one_less_mth_of_a_loop_each():
    divided = closed_forms.divided(6)
    assert divided.walk_loops.tolist() == pytest.approx([0, 3 / 2, 4 / 3, 5 / 6])
    assert divided.with_retraced.tolist() == pytest.approx([6, 3, 2, 1])


def test_uneven_weights_keep_signs_and_mean_size():
    W = torch.tensor([[1.0, -2.0], [3.0, 0.0]])
    found = ascents.uneven(W, 2)
    assert found.tolist() == pytest.approx(torch.tensor([[1.0, -4.0], [9.0, 0.0]]).mul(6 / 14))


def test_a_neuron_has_as_many_partners_as_equal_weights():
    chain = [torch.tensor([[[1.0, -1.0, 0.0, 0.0]] * 3]), torch.tensor([[[0.0, 5.0]] * 4])]
    found = ascents.described({"start": chain}).partners
    assert found["start"] == 1


def test_kinds_of_training_are_those_of_runs_of_their_own():
    _, table = ascents.with_task("retina", [3, 4, 5], 20, 2.0, 10, 0.01)
    assert all(list(rows.seed) == [3, 4, 5] for _, rows in table.groupby("kind"))
    budget = {"seeds": [3, 4, 5], "steps": 20, "nulls": 2}
    strength = 0.007 * PENALTIES["walk_loops"].strength
    for kind, penalty, at in [("task", "none", None), ("task, decay", "l2", strength)]:
        alone = train("retina", penalty, strength=at, **budget).table
        rows = table[table.kind == kind].reset_index(drop=True)
        pd.testing.assert_series_equal(rows.accuracy, alone.accuracy, atol=1e-6)
        pd.testing.assert_series_equal(rows.ari, alone.ari, atol=1e-6)
    assert (table[table.kind == "walk loops"].accuracy.isna()).all()
