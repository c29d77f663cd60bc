"""The page on modularity at any depth: what it may be run with, and what it claims."""

import numpy as np
import pytest
import torch

from modlib.batch import claims, pages, tables
from modlib.study import deep, depth, whole_graph
from notebooks import execute

SMALL = {
    "n_networks": 3, "depths": [1, 6], "width": 16, "ratio": 3.0, "spreads": [1.0], "nulls": 2,
    "task": "two_digits",
}  # fmt: skip
CHANGED = [
    {"n_networks": 1, "depths": [3], "width": 4},
    {"spreads": [5.0, 0.1], "ratio": 1.0},
    {"task": "planted_0", "depths": [2, 1]},
    {"width": 5, "ratio": 1000.0},
]
REFUSED = {
    "depths.0 = 0: Input should be greater": {"depths": [0]},
    "depths = \\[2, 2\\]: .*none may be there twice": {"depths": [2, 2]},
    "ratio = 0.5": {"ratio": 0.5},
    "nulls = 1": {"nulls": 1},
    "task = 'mnist'": {"task": "mnist"},
    "widths = 3": {"widths": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    assert not execute("depth", SMALL | changed)["page"].own


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("depth", REFUSED[message])


@pytest.mark.slow
def test_a_claim_broken_on_purpose_stops_the_page_with_its_sentence(monkeypatch):
    # deep enough for the sentence to hold unless it is broken
    small = SMALL | {"depths": [2, 12]}
    monkeypatch.setattr(pages, "own_parameters", lambda name: small)
    monkeypatch.setattr(
        depth, "newman", lambda chain, nulls, restarts, seed: depth.modularity(chain, nulls)
    )
    with pytest.raises(AssertionError, match=r"'Those of the whole graph are not\.'"):
        execute("depth", small)
    assert "not here" in execute("depth", SMALL | {"depths": [2], "width": 5})["held"].to_html()


def test_rescaling_leaves_the_function_of_rectified_neurons():
    x = torch.randn(7, 6).double()
    outputs = []
    for spread in (1e-9, 2.0):
        W, V = (torch.as_tensor(A) for A in depth.rescaled(6, spread, seed=3))
        outputs.append((x @ W).relu() @ V)
    assert torch.allclose(*outputs)


def test_planted_weights_are_larger_within_halves():
    (W,) = depth.planted(1, 200, 4.0, seed=0)
    within = np.kron(np.eye(2), np.ones((100, 100))) > 0
    assert W[within].mean() / W[~within].mean() == pytest.approx(4, rel=0.05)


def test_equal_weights_have_what_the_formula_says():
    equal = depth.constant([3, 12], 4)
    # two runs of two layers: 2/3 of the weight within, half of the degrees each
    assert equal.loc[3].tolist() == pytest.approx([2 / 3 - 1 / 2, 0])
    assert equal.iloc[1, 0] > 0.45


@pytest.fixture(scope="module")
def published():
    return tables.published_table("deep")


def test_there_is_a_claim_for_each_sentence(published):
    made = execute("depth", SMALL)["made"]
    both = [*whole_graph.claims(tables.published_table("whole_graph")), *deep.claims(published)]
    assert len(claims.judged(made)) == len(made) == 5 + len(both)
    parts = [part for claim in made for part in claims.parts(claim)]
    assert len(parts) == 10 + sum(len(claims.parts(claim)) for claim in both)


def test_the_deepest_networks_have_means_of_those_that_learned_and_how_many_did(published):
    found = depth.deepest(published)
    most = published[(published.depth == published.depth.max()) & (published.task == "two_digits")]
    of = most[most.penalty == "walk_loops"]
    one, usual = (of[of.start == start] for start in ("lecun", "linear"))
    row = found.loc["two_digits", "walk_loops"]
    assert row["learned"] == (one.accuracy > 0.55).mean()
    assert row["learned, usual start"] == (usual.accuracy > 0.55).mean()
    there = one[one.accuracy > 0.55]
    for name, column in {"agreement, whole graph": "newman_ari", "through": "through"}.items():
        assert row[name] == pytest.approx(there[column].mean())
    assert len(found) == most.penalty.nunique() * published.task.nunique()
