"""Published tables are those of the present code; others get its keys after a sample."""

import pandas as pd
import pytest
import yaml

from modlib.batch import checkout, keys, rekey, tables, verification
from modlib.batch.plan import all_parts
from modlib.batch.publishing import publish

SEEDS = {"selection_seeds": [100, 1], "evaluation_seeds": [0, 3]}
STRENGTHS = {"none": [], "l1": [1e-3], "walk_loops": [0.1, 0.2]}
GROUP = SEEDS | {"tasks": ["retina"], "strengths": STRENGTHS}
CONFIG = {"groups": [GROUP], "also_judged": {}, "selection_nulls": 2}
CONFIG |= {"steps": 30, "nulls": 2, "restarts": 1}


def test_published_keys_are_those_of_the_code():
    rows, others = rekey.stale(yaml.safe_load((checkout.WORKFLOW / "paper.yaml").read_text()))
    pairs = sorted({f"{row.task}-{row.penalty}" for row in rows.itertuples()})
    assert not pairs, f"{len(pairs)} parts of networks.csv are stale, {pairs[0]} first: make rekey"
    assert not others, f"{', '.join(others)} are stale: make rekey, or make reproduce"


@pytest.fixture
def published(networks, goals, goals_parameters, tmp_path, monkeypatch):
    """A folder of results of which all keys are old."""
    publish({"networks": networks, "goals": goals.assign(key="0")}, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG | {"tables": {"goals": goals_parameters}}))
    monkeypatch.setattr(verification, "CONFIG", config)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["rekey"])
    return tmp_path


@pytest.mark.usefixtures("_in_this_process")
def test_keys_are_written_if_a_sample_has_the_same_digits(published, capsys):
    before, config = tables.published(published), verification.profile()
    assert rekey.main() == 0
    assert "3 parts of networks.csv and 1 other tables are stale" in capsys.readouterr().out
    after = tables.published(published)
    pd.testing.assert_frame_equal(after.drop(columns="key"), before.drop(columns="key"))
    now = {(of["task"], of["penalty"]): part[-16:] for part, of in all_parts(config).items()}
    assert {("retina", row.penalty): row.key for row in after.itertuples()} == now
    goals = keys.table_key("goals", **config["tables"]["goals"])
    assert set(tables.published_table("goals", published).key) == {goals}
    rows, others = rekey.stale(config)
    assert rows.empty
    assert not others


@pytest.mark.usefixtures("_in_this_process")
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
