"""Each notebook of the batch runs to its end on a tiny budget, and writes its table."""

from pathlib import Path

import pytest
import searches
import yaml

from modlib.batch import keys, storage, tables
from modlib.batch.publishing import publish

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "workflow" / "smoke.yaml").read_text())
OF_RETINA = {
    "strengths": {"retina": {"none": 0.0, "walk_loops": 0.15}},
    "seeds": [0, 1],
    "training_steps": 10,
}
TINY = {
    "circuits": OF_RETINA | {"tested": 60, "training_steps": 200},
    "combinations": {
        **{"steps": 5, "widths": {"two_digits": {"tanh": [5], "relu": [10]}}},
        "strengths": {"none": [0.0], "l2": [0.001, 0.003]},
    },
    "curves": {"examples": [100], "steps": 10, "strengths": {"none": [0.0], "l2": [0.001]}},
    "damage": OF_RETINA,
    "damage_tuned": {"training_steps": 10, "strengths": {"retina": {"l2": [1e-3, 3e-3]}}},
    "deep": {"strengths": OF_RETINA["strengths"], "seeds": [0, 1], "steps": 10},
    "goals": {"strengths": {"none": 0.0, "walk_loops": 0.15}, "steps": 40, "epochs": [20]},
    "hyperparameter_grid": {"shortened": 0.005, "most": 2e9, "tasks": ["two_digits"]},
    "models": {"strengths": {"LSTM": {"none": [0.0]}}, "seeds": [1], "steps": 3},
    "pretrained": {},
    "recurrent": {
        **{"steps": 5, "delays": {"short recall": [1]}, "evaluation_seeds": [0]},
        "strengths": {"none": [0.0], "walk_loops": [0.15]},
    },
    "reservoirs": {"seeds": [0, 1], "between": [0.0, 0.9]},
    "retention": {"training_steps": 10, "steps": 10},
    "retraining": OF_RETINA | {"steps": 10},
    "reuse": OF_RETINA | {"steps": 10},
    "rivals": {"strengths": {"retina": {"l2": [0.003], "topography": [0.1]}}, "steps": 5},
    "samples": {"steps": 5, "strengths": {"none": [0.0], "l2": [0.001, 0.003]}},
    "settings": {"steps": 2, "epochs": 0},
    "step_costs": {"sizes": {"4-3-2": [2, 5]}, "rivals": {"4-3-2": ["bimt"]}},
    "whole_graph": OF_RETINA | {"nulls": 2},
}
SWEEP = {
    "task": "retina",
    "penalty": "l2",
    "strengths": [0.003],
    "also_judged": [],
    "selection_seeds": [100, 101],
    "evaluation_seeds": [0, 1],
    **{"steps": 10, "nulls": 2, "selection_nulls": 2, "restarts": 1},
}
"""What is told of each, besides what the smoke batch tells."""


@pytest.fixture(scope="module", autouse=True)
def _searches_are_brief():
    with searches.brief():
        yield


def test_every_table_of_the_batch_is_made_here():
    assert set(TINY) == set(SMOKE["tables"])
    paper = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())
    assert set(TINY) == set(paper["tables"])


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_table_is_made_with_its_key_and_can_be_published(execute, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = SMOKE["tables"][name] | TINY[name]
    table = execute(name, told | {"output": "new/table.csv"})["table"]
    written = tables.pd.read_csv("new/table.csv")
    assert len(written) == len(table)
    assert set(written.key) == {keys.table_key(name, **told)}
    publish({name: written}, "results")
    assert len(tables.published_table(name, "results")) == len(table)


@pytest.mark.slow
def test_the_sweep_and_the_networks_that_others_take_are_made(execute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {name: f"new/{name}" for name in ("output", "network", "networks")}
    execute("sweep", SWEEP | names)
    found = tables.read("new/output")
    assert set(found.key) == {keys.table_key("sweep", **SWEEP)}
    assert found.groupby("role").seed.unique().map(list).to_dict() == {
        "selection": [100, 101],
        "evaluation": [0, 1],
    }
    (first,) = storage.read("new/network").values()
    assert (first.penalty, first.network.seeds) == ("l2", (0,))
    # taken from the sweep, and not trained again; the other ones are
    told = {"task": "retina", "strengths": {"none": 0.0, "l2": 0.003}, "seeds": [0, 1]}
    told |= {"training_steps": 10, "sweeps": ["new/networks"], "output": "new/trained"}
    stacks = execute("trained", told)["stacks"]
    assert [stack.penalty for stack in stacks] == ["none", "pruned", "l2"]
    for name in ("circuits", "damage", "retraining", "reuse", "whole_graph"):
        asked = OF_RETINA | {"strengths": {"retina": {"l2": 0.003}}}
        smoke = SMOKE["tables"][name] | TINY[name] | asked
        given = smoke | {"files": {"retina": "new/trained"}, "output": "taken.csv"}
        taken = execute(name, given)["table"]
        trained = execute(name, smoke | {"output": "trained.csv"})["table"]
        tables.pd.testing.assert_frame_equal(taken, trained)
