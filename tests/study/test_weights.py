"""The page on networks without and with a penalty: what it may be run with, what it claims."""

import numpy as np
import pandas as pd
import pytest

from modlib.batch import claims, tables
from modlib.batch.pages import Page
from modlib.study import weights
from notebooks import execute

SMALL = {"steps": 30, "drawn": ["none"]}
CHANGED = [
    {"steps": 60, "drawn": ["walk_loops", "communicability"]},
    SMALL | {"task": "retina", "seed": 3},
    SMALL | {"task": "modular_addition", "penalty": "l1", "steps": 1},
]
REFUSED = {
    "steps = 20.0": {"steps": 2e1},
    "steps = '2e1'": {"steps": "2e1"},
    "task = 'retna': Input should be 'retina'": {"task": "retna"},
    "penalty = 'none'": {"penalty": "none"},
    "n_seeds = 2: Input should be greater than or equal to 3": {"n_seeds": 2},
    "strengths = '\\[0.2\\]'": {"strengths": "[0.2]"},
    "strenghts = 0.2": {"strenghts": 0.2},
    "networks on mnist are published for none, .* got communicability: draw others": {
        "published": "mnist",
        "drawn": ["none", "communicability"],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_the_page_runs_with_other_parameters(changed):
    made = execute("weights", changed)
    assert not made["page"].own
    assert max(made["frames"]) == changed["steps"]
    assert list(made["networks"]) == ["start", *changed["drawn"]]


@pytest.mark.parametrize("message", REFUSED)
def test_parameters_that_are_not_allowed_are_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        execute("weights", REFUSED[message])


def test_communities_are_numbered_by_their_outputs_and_come_last_without_one():
    chain = [np.ones((3, 2)), np.ones((2, 4))]
    found = np.array([0, 1, 2, 3, 2, 2, 2, 1, 1])
    assert weights.by_outputs(chain, found).tolist() == [2, 1, 0, 3, 0, 0, 0, 1, 1]


@pytest.fixture(scope="module")
def runs():
    return weights.trained("two_digits", "walk_loops", [0, 1, 2], 60)


@pytest.fixture(scope="module")
def kept():
    return weights.kept("two_digits", ["none", "walk_loops", "l1"])


def test_without_enough_training_the_page_stops_with_its_sentence(runs, kept):
    made = weights.claims(runs, kept, tables.published())
    with pytest.raises(AssertionError, match="'With the penalty a network is more modular"):
        claims.shown(Page("weights", own=True), made)
    assert "not here" in claims.shown(Page("weights", own=False), made).to_html()


def test_networks_without_and_with_a_penalty_start_alike(runs):
    assert list(runs) == ["none", "walk_loops"]
    first, second = (weights.first(run.snapshots[0]) for run in runs.values())
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    rows = weights.measured(runs)
    table = pd.concat([run.table for run in runs.values()], ignore_index=True)
    assert rows.excess.tolist() == table.excess.tolist()
    assert rows.index.tolist() == [(p, n) for p in runs for n in (0, 1, 2)]


def test_published_networks_are_those_of_the_table(kept):
    networks = tables.published()
    rows = weights.in_table(kept, networks)
    found = weights.accuracies(kept)
    assert found.to_dict() == pytest.approx(rows.accuracy.to_dict(), abs=1e-5)
    # those of other seeds are not
    others = networks.assign(accuracy=networks.accuracy - 0.01)
    assert (found - weights.in_table(kept, others).accuracy).abs().min() > 0.005


def test_published_networks_started_from_one(kept):
    chains = [weights.first(weights.start({name: of})) for name, of in kept.items()]
    assert all(
        np.array_equal(W, V) for chain in chains for W, V in zip(chain, chains[0], strict=True)
    )


def test_an_example_lies_between_0_and_1():
    for task in ("two_digits", "planted_0"):
        x = weights.example(weights.TASKS[task](), 0)
        assert x.min() >= 0
        assert x.max() == 1
