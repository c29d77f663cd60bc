"""Verification: what is drawn, what counts as different, and that a wrong table is found out."""

import numpy as np
import pandas as pd
import pytest
import yaml

from modlib.batch import checkout, profiles, schemas, tables, verification
from modlib.batch.parts import Part
from modlib.batch.publishing import publish
from modlib.batch.selection import chosen_strengths


@pytest.fixture(scope="module")
def table(networks):
    return networks


def with_selection(table):
    """Return evaluation rows, and the same as rows of selection seeds."""
    selected = table.assign(role="selection", seed=table.seed + 100)
    return pd.concat([table, selected], ignore_index=True)


@pytest.fixture
def published(table, goals, goals_parameters, tmp_path, monkeypatch):
    """A folder of results, and the configuration that its tables were made with."""
    publish({"goals": goals}, tmp_path)
    publish({"networks": with_selection(table)}, tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump({"nulls": 2, "restarts": 1, "tables": {"goals": goals_parameters}})
    )
    monkeypatch.setattr(profiles, "CONFIG", config)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    return tmp_path


def test_a_sample_holds_whole_evaluation_stacks(table):
    drawn = verification.sample(with_selection(table), 3, seed=1)
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
    rows, keys = table[table.penalty == "l1"].reset_index(drop=True), schemas.keys("networks")

    def lines(again, **origin):
        return verification.compared("", rows.assign(**origin), again, keys, 0.05).differences

    assert lines(rows) == lines(rows, versions="other") == []
    near = rows.assign(excess=rows.excess + np.array([3e-4, -3e-4, 0]))
    (line,) = lines(near)
    assert "excess" in line
    assert lines(near, versions="other") == []
    assert len(lines(rows.assign(excess=rows.excess + 1), versions="other")) == 1
    lost = rows.assign(accuracy=np.nan)
    assert len(lines(lost)) == len(lines(lost, versions="other")) == 1


def test_strengths_have_to_be_those_that_other_seeds_choose(table):
    both = with_selection(table)
    assert verification.verified_choices(both).differences == []
    chosen = chosen_strengths(both)["retina", "walk_loops"]
    judged = (both.role == "evaluation") & (both.penalty == "walk_loops")
    (line,) = verification.verified_choices(both[~judged | (both.strength != chosen)]).differences
    assert line.startswith("    retina walk_loops: judged at [")
    assert line.endswith(f"selection seeds choose {chosen:g}")
    same = both.assign(seed=both.seed.mask(both.penalty == "walk_loops", 100 + both.seed % 100))
    (line,) = verification.verified_choices(same).differences
    assert line == "    retina walk_loops: judged on [100, 101, 102], which chose its strength"


def test_the_published_strengths_are_those_that_the_selection_seeds_choose():
    verdict = verification.verified_choices(tables.published(checkout.ROOT / "results"))
    assert verdict.differences == []
    assert int(verdict.label.split()[3]) > 200


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
    assert accuracy == "rows"
    (line,) = lines
    assert "'schedule': 'OR'" in line


def test_rows_of_other_versions_are_not_held_to_six_digits(goals, monkeypatch):
    part = remade(monkeypatch, goals.assign(size=goals["size"] * (1 + 1e-3 * (-1.0) ** goals.seed)))
    _, accuracy, lines = verification.verified_part(part, goals.assign(versions="other"))
    assert accuracy.startswith("paired differences of ")
    assert lines == []
    _, accuracy, lines = verification.verified_part(part, goals)
    assert accuracy.startswith("six digits")
    assert len(lines) == 1
    part = remade(monkeypatch, goals.assign(size=goals["size"] * 2))
    assert len(verification.verified_part(part, goals.assign(versions="other")).differences) == 1


def called(monkeypatch, pairs):
    options = ["--pairs", f"{pairs}", "--parts", "1", "--seed", "5"]
    monkeypatch.setattr("sys.argv", ["verification", *options])
    return verification.main()


@pytest.mark.slow
def test_the_command_makes_a_sample_again(published, monkeypatch, capsys):
    assert called(monkeypatch, 1) == 0
    told = capsys.readouterr().out
    assert "networks of 1 pairs of task and penalty" in told
    assert "3 of 3 agree" in told


@pytest.mark.usefixtures("_in_this_process")
def test_the_command_finds_changed_numbers(published, table, goals, monkeypatch, capsys):
    made = table.drop(columns=["key", "versions", "commit"])
    monkeypatch.setattr(
        verification, "retrained", lambda rows, *_: made[made.penalty == rows.penalty.iloc[0]]
    )
    last = (goals.epoch == goals.epoch.max()) & (goals.seed == 1)
    publish({"goals": goals.assign(seen=goals.seen + 0.01 * last)}, published)
    changed = table.assign(q=table.q + 0.01 * (table.penalty == "l1"))
    publish({"networks": with_selection(changed)}, published)
    assert called(monkeypatch, 3) == 1
    told = capsys.readouterr().out
    assert "12 networks of 3 pairs of task and penalty" in told
    differing = [line for line in told.splitlines() if line.startswith("DIFFERS")]
    assert differing[0].startswith("DIFFERS goals, strengths ")
    assert differing[1].startswith("DIFFERS networks, retina l1: 3 rows")
    assert len(differing) == 2
    assert "3 of 5 agree" in told
    assert "    seen: means" in told
    assert "    q: means" in told
