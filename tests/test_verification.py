"""Verification: what is drawn, what counts as different, and that a wrong table is found out."""

import numpy as np
import pandas as pd
import pytest

from modlib import provenance, results, verification
from modlib.training import train

BRIEF = {"steps": 30, "nulls": 2, "restarts": 1}


@pytest.fixture(scope="module")
def table():
    parts = [
        train("retina", penalty, strengths, range(3), **BRIEF).table
        for penalty, strengths in {"none": [0.0], "l1": [1e-3], "walk_loops": [0.1, 0.2]}.items()
    ]
    again = pd.concat(parts, ignore_index=True)
    return again.assign(role="evaluation", key="k", **provenance.provenance())


@pytest.fixture
def published(table, tmp_path, monkeypatch):
    """A folder of results, and the configuration that its networks were measured with."""
    results.publish(table, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text("nulls: 2\nrestarts: 1\n")
    monkeypatch.setattr(verification, "CONFIG", config)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


def test_a_sample_holds_whole_evaluation_stacks(table):
    selected = table.assign(role="selection", seed=table.seed + 100)
    drawn = verification.sample(pd.concat([table, selected]), 3, seed=1)
    assert {rows.penalty.iloc[0] for rows in drawn} == {"none", "l1", "walk_loops"}
    for rows in drawn:
        assert (rows.role == "evaluation").all()
        assert len(rows) == (table.penalty == rows.penalty.iloc[0]).sum()
        assert rows[["strength", "seed"]].apply(tuple, axis=1).is_monotonic_increasing


def test_dear_and_diverged_pairs_are_not_drawn(table):
    dear = table.assign(seconds=np.where(table.penalty == "l1", 1e3, table.seconds))
    broken = dear.assign(status=np.where(table.penalty == "none", "diverged", "ok"))
    (rows,) = verification.sample(broken, 1, seed=0)
    assert set(rows.penalty) == {"walk_loops"}
    with pytest.raises(ValueError, match=r"needs 2 pairs .* got 1"):
        verification.sample(broken, 2, seed=0)


def test_six_digits_are_asked_for_on_the_same_machine_and_means_elsewhere(table):
    rows = table[table.penalty == "l1"]
    assert verification.differing(rows, rows, exact=True) == []
    near = rows.assign(excess=rows.excess + np.array([3e-4, -3e-4, 0]))
    (line,) = verification.differing(rows, near, exact=True)
    assert "excess" in line
    assert verification.differing(rows, near, exact=False) == []
    far = rows.assign(excess=rows.excess + 2 * verification.TOLERANCE["excess"])
    assert len(verification.differing(rows, far, exact=False)) == 1
    lost = rows.assign(accuracy=np.nan)
    assert len(verification.differing(rows, lost, exact=True)) == 1


def test_networks_trained_again_have_the_rows_that_were_published(table):
    rows = table[table.penalty == "walk_loops"]
    again = verification.trained_again(rows, nulls=2, restarts=1)
    assert verification.differing(rows.reset_index(drop=True), again, exact=True) == []


@pytest.mark.parametrize(("change", "code"), [(0.0, 0), (0.01, 1)])
def test_the_command_finds_a_changed_number(published, table, monkeypatch, capsys, change, code):
    changed = table.penalty == "l1"
    results.publish(table.assign(q=table.q + change * changed), published)
    monkeypatch.setattr("sys.argv", ["verification", "--pairs", "3", "--seed", "5"])
    assert verification.main() == code
    told = capsys.readouterr().out
    assert "12 networks of 3 pairs" in told
    assert told.count("DIFFERS") == code
    assert f"{3 - code} of 3 pairs agree" in told
