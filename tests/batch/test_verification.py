"""Verification: what is drawn, what counts as different, and that a wrong table is found out."""

import numpy as np
import pandas as pd
import pytest
import yaml

from modlib.batch import tables, verification
from modlib.batch.parts import Part
from modlib.batch.publishing import publish


@pytest.fixture(scope="module")
def table(networks):
    return networks


@pytest.fixture
def published(table, goals, goals_parameters, tmp_path, monkeypatch):
    """A folder of results, and the configuration that its tables were made with."""
    publish({"goals": goals}, tmp_path)
    publish({"networks": table}, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump({"nulls": 2, "restarts": 1, "tables": {"goals": goals_parameters}})
    )
    monkeypatch.setattr(verification, "CONFIG", config)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
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

    def lines(again, exact):
        return verification.differences(rows, again, verification.TOLERANCE, exact)

    assert lines(rows, exact=True) == []
    near = rows.assign(excess=rows.excess + np.array([3e-4, -3e-4, 0]))
    (line,) = lines(near, exact=True)
    assert "excess" in line
    assert lines(near, exact=False) == []
    far = rows.assign(excess=rows.excess + 2 * verification.TOLERANCE["excess"])
    assert len(lines(far, exact=False)) == 1
    lost = rows.assign(accuracy=np.nan)
    assert len(lines(lost, exact=True)) == len(lines(lost, exact=False)) == 1


def test_networks_trained_again_have_the_rows_that_were_published(table):
    rows = table[table.penalty == "walk_loops"]
    told, accuracy, lines = verification.verified_networks(rows, nulls=2, restarts=1)
    assert told == "networks, retina walk_loops: 6 rows"
    assert accuracy == f"six digits (against {rows.commit.iloc[0]}, made here)"
    assert lines == []


def remade(monkeypatch, again):
    """Let the notebook make what is given."""
    monkeypatch.setattr(verification, "reproduced", lambda part, folder: again)
    return Part("goals", "strengths l2", {})


def test_a_row_that_is_missing_is_told(goals, monkeypatch):
    part = remade(monkeypatch, goals)
    told, accuracy, lines = verification.verified_part(part, goals[goals.schedule != "OR"])
    assert told == "goals, strengths l2"
    assert accuracy.startswith("six digits")
    (line,) = lines
    assert "'schedule': 'OR'" in line


def test_rows_of_other_versions_are_not_held_to_six_digits(goals, monkeypatch):
    part = remade(monkeypatch, goals.assign(size=goals["size"] * 1.001))
    _, accuracy, lines = verification.verified_part(part, goals.assign(versions="other"))
    assert accuracy == "means within tolerance"
    assert lines == []
    _, accuracy, lines = verification.verified_part(part, goals)
    assert accuracy.startswith("six digits")
    assert len(lines) == 1
    part = remade(monkeypatch, goals.assign(size=goals["size"] * 2))
    assert len(verification.verified_part(part, goals.assign(versions="other")).differences) == 1


@pytest.mark.slow
@pytest.mark.parametrize("changed", [False, True])
def test_the_command_finds_changed_numbers(
    published, table, goals, monkeypatch, capsys, request, changed
):
    if changed:
        request.getfixturevalue("_in_this_process")
        last = (goals.epoch == goals.epoch.max()) & (goals.seed == 1)
        publish({"goals": goals.assign(seen=goals.seen + 0.01 * last)}, published)
        publish({"networks": table.assign(q=table.q + 0.01 * (table.penalty == "l1"))}, published)
    monkeypatch.setattr("sys.argv", ["verification", "--pairs", "3", "--parts", "1", "--seed", "5"])
    assert verification.main() == changed
    told = capsys.readouterr().out
    assert "12 networks of 3 pairs of task and penalty" in told
    differing = [line for line in told.splitlines() if line.startswith("DIFFERS")]
    assert len(differing) == 2 * changed
    assert f"{4 - 2 * changed} of 4 agree" in told
    if changed:
        assert differing[0].startswith("DIFFERS goals, strengths ")
        assert differing[1].startswith("DIFFERS networks, retina l1: 3 rows")
        assert "    seen: means" in told
        assert "    q: means" in told
