"""The page on strengths: what it may be run with, and what it claims."""

import pandas as pd
import pytest

from modlib.batch import claims, selection
from modlib.study import results, strengths
from notebooks import execute

FEW = {"retina": 20, "two_digits": 20, "three_digits": 20}
CHANGED = [{"n_seeds": 1, "every": 10}, {"seed": 3, "every": 20}, {"n_seeds": 3, "every": 50}]
REFUSED = {
    "seed = -1: Input should be greater than or equal to 0": {"seed": -1},
    "every = 25.0: Input should be a valid integer": {"every": 25.0},
    "n_seed = 2": {"n_seed": 2},
}


@pytest.fixture(scope="module")
def networks():
    return results.networks()


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed, monkeypatch):
    monkeypatch.setattr(strengths, "WATCHED", FEW)
    names = execute("strengths", changed)
    assert not names["page"].own
    assert set(names["histories"]["retina"].step) == set(range(0, 21, changed["every"]))


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("strengths", REFUSED[message])


def history(*excess):
    rows = {"seed": [0, 0, 0, 1, 1, 1], "step": [0, 5, 10] * 2, "excess": excess}
    return pd.DataFrame(rows)


HISTORIES = {
    "retina": history(0.0, 0.2, 0.3, 0.0, 0.2, 0.3),
    "two_digits": history(0.0, 0.2, 0.3, 0.0, 0.0, 0.3),
    "three_digits": history(0.0, 0.0, 0.3, 0.0, 0.0, 0.0),
}


def test_the_onset_is_the_first_step_of_an_excess_above_a_tenth():
    onsets = strengths.onsets(HISTORIES)
    assert onsets.loc["retina"].tolist() == [5, 5]
    assert onsets.loc["two_digits"].tolist() == [5, 10]
    assert onsets.loc["three_digits", "first"] == 10
    assert pd.isna(onsets.loc["three_digits", "last"])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_is_told_by_its_sentence(networks):
    held = HISTORIES | {"three_digits": history(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)}
    judged = claims.judged(strengths.claims(networks, held))
    # a network that never divides bears nothing out
    assert judged[~judged.holds].claim.tolist() == ["Three digits divide later than two."]


def test_edges_name_tasks_whose_strength_is_the_first_or_last_tried(networks):
    edges = strengths.edges(networks)
    chosen = selection.chosen_strengths(networks)
    tried = networks[(networks.role == "selection") & (networks.penalty == "l1")]
    lowest = tried.groupby("task").strength.min()
    named = [t for t in lowest.index if chosen.get((t, "l1")) == lowest[t]]
    assert edges.loc["l1", "lowest"].count("(") == len(named)
    assert "retina XOR" in edges.loc["l2", "no strength"]


def test_sizes_are_numbers_of_weights():
    assert strengths.sizes()["retina"] == 8 * 12 + 12 * 12 + 12 * 2
