"""Published tables are those of the present code; others get its keys after a sample."""

import pandas as pd
import pytest
import yaml

from modlib.batch import checkout, keys, rekey, tables, verification
from modlib.batch.parts import Part, reproduced
from modlib.batch.plan import all_parts
from modlib.batch.provenance import provenance
from modlib.batch.publishing import publish
from modlib.training.fit import train

GOALS = {"strengths": {"none": 0.0, "l2": 0.003}, "seeds": [0, 1], "steps": 20, "epochs": [10]}
GOALS |= {"nulls": 2, "restarts": 1}
BRIEF = {"steps": 30, "nulls": 2, "restarts": 1}
SEEDS = {"selection_seeds": [100, 1], "evaluation_seeds": [0, 2]}
GROUP = SEEDS | {"tasks": ["retina"], "strengths": {"none": [], "l1": [1e-3]}}
CONFIG = {"groups": [GROUP], "also_judged": {}, "selection_nulls": 2, **BRIEF}


def test_published_keys_are_those_of_the_code():
    rows, others = rekey.stale(yaml.safe_load((checkout.WORKFLOW / "paper.yaml").read_text()))
    pairs = sorted({f"{row.task}-{row.penalty}" for row in rows.itertuples()})
    assert not pairs, f"{len(pairs)} parts of networks.csv are stale, {pairs[0]} first: make rekey"
    assert not others, f"{', '.join(others)} are stale: make rekey, or make reproduce"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder of results of which all keys are old."""
    parts = [
        train("retina", p, s, range(2), **BRIEF).table for p, s in (("none", 0.0), ("l1", 1e-3))
    ]
    networks = pd.concat(parts, ignore_index=True).assign(
        role="evaluation", key="0", **provenance()
    )
    goals = reproduced(Part("goals", "whole", GOALS)).assign(key="0")
    publish({"networks": networks, "goals": goals}, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG | {"tables": {"goals": GOALS}}))
    monkeypatch.setattr(verification, "CONFIG", config)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["rekey"])
    return tmp_path


def test_keys_are_written_if_a_sample_has_the_same_digits(published, capsys):
    before, config = tables.published(published), verification.profile()
    assert rekey.main() == 0
    assert "2 parts of networks.csv and 1 other tables are stale" in capsys.readouterr().out
    after = tables.published(published)
    pd.testing.assert_frame_equal(after.drop(columns="key"), before.drop(columns="key"))
    now = {(of["task"], of["penalty"]): part[-16:] for part, of in all_parts(config).items()}
    assert {("retina", row.penalty): row.key for row in after.itertuples()} == now
    goals = keys.table_key("goals", **GOALS)
    assert set(tables.published_table("goals", published).key) == {goals}
    rows, others = rekey.stale(config)
    assert rows.empty
    assert not others


@pytest.mark.parametrize("name", ["networks", "goals"])
@pytest.mark.parametrize("change", ["a digit", "the versions"])
def test_nothing_is_written_if_a_digit_differs_or_was_made_elsewhere(published, name, change):
    table = tables.published_table(name, published)
    measure = "q" if name == "networks" else "seen"
    changes = {measure: table[measure] + 1e-4} if change == "a digit" else {"versions": "others"}
    publish({name: table.assign(**changes)}, published)
    before = {path: path.read_bytes() for path in published.rglob("*.csv")}
    assert rekey.main() == 1
    assert {path: path.read_bytes() for path in published.rglob("*.csv")} == before
