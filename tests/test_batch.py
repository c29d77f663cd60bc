"""The papermill batch: planned by content, resumed after a kill, by hand from any folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from modlib import results

ROOT = Path(__file__).parents[1]
GRID = {
    "tasks": ["retina"],
    "strengths": {"none": [0.0], "l1": [1e-3], "l2": [3e-3, 1e-2]},
    "selection_seeds": [100, 2],
    "evaluation_seeds": [0, 2],
    "steps": 20,
    "nulls": 2,
    "restarts": 1,
}


def snakemake(folder, *arguments, **grid):
    config = folder / "config.yaml"
    places = {"build": str(folder / "build"), "results": str(folder / "results")}
    config.write_text(yaml.safe_dump(GRID | places | grid))
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")),
        *("--configfile", str(config), "--directory", str(folder), "--cores", "1", *arguments),
    ]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_a_killed_batch_resumes_and_ends_with_the_same_table(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert run(snakemake(whole)).returncode == 0

    batch = subprocess.Popen(
        snakemake(killed),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parts = killed / "build" / "parts"
    for _ in range(600):
        done = sorted(parts.glob("*.csv")) if parts.exists() else []
        if done:
            break
        time.sleep(0.1)
    os.killpg(batch.pid, signal.SIGKILL)
    batch.wait()
    assert 1 <= len(done) < 3
    assert not (killed / "results").exists()
    stamps = {path: path.stat().st_mtime_ns for path in done}

    assert run(snakemake(killed)).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == stamps
    tables = [results.published(folder / "results") for folder in (whole, killed)]
    assert len(tables[0]) == 4 * (1 + 1 + 2)
    pd.testing.assert_frame_equal(*(table.drop(columns="seconds") for table in tables))

    again = run(snakemake(killed, "--dry-run"))
    assert "0 of 3 parts have to be made" in again.stderr
    assert "rule sweep" not in again.stdout

    stale = run(snakemake(killed, "--dry-run", nulls=3))
    assert "3 of 3 parts have to be made" in stale.stderr

    kept = (killed / "results" / "networks.csv").read_bytes()
    failed = run(snakemake(killed, strengths={"none": [0.0], "l1": [-1.0]}))
    assert failed.returncode != 0
    assert (killed / "results" / "networks.csv").read_bytes() == kept
    logs = [path.read_text() for path in (killed / "build" / "runs").glob("retina-l1-*.log")]
    assert any("finite strengths of at least 0" in log for log in logs)


def test_only_restricts_the_plan(tmp_path):
    plan = run(snakemake(tmp_path, "--dry-run", only="retina-l2"))
    assert "1 of 1 parts have to be made" in plan.stderr
    nothing = run(snakemake(tmp_path, "--dry-run", only="retina-l3"))
    assert nothing.returncode != 0
    assert "ONLY=retina-l3 leaves nothing to do" in nothing.stdout + nothing.stderr


@pytest.mark.parametrize("profile", ["smoke", "quick", "paper"])
def test_a_profile_writes_to_a_place_of_its_own(profile):
    config = yaml.safe_load((ROOT / "workflow" / f"{profile}.yaml").read_text())
    assert config["build"] == f"build/{profile}"
    assert config["results"] == ("results" if profile == "paper" else f"build/{profile}/results")
    assert set(config) == {*GRID, "build", "results"}
    strengths = [value for grid in config["strengths"].values() for value in grid]
    assert all(isinstance(value, float) for value in strengths)


def test_the_sweep_runs_by_hand_from_any_folder(tmp_path):
    sweep = str(ROOT / "notebooks" / "sweep.ipynb")
    values = {"task": "retina", "penalty": "walk_loops", "steps": 20, "nulls": 2, "restarts": 1}
    parameters = [word for name, value in values.items() for word in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", sweep, "out.ipynb", *parameters]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    table = results.read(tmp_path / "sweep.csv")
    assert set(table.penalty) == {"walk_loops"}
    assert list(table.groupby("role").seed.nunique()[["selection", "evaluation"]]) == [3, 3]
    assert table.key.nunique() == 1


def test_the_published_table_is_whole():
    table = results.published(ROOT / "results")
    config = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())
    networks = config["selection_seeds"][1] + config["evaluation_seeds"][1]
    counts = table.groupby(["task", "penalty", "strength"]).size()
    assert set(counts) == {networks}
    assert set(counts.index) == {
        (task, penalty, strength)
        for task in config["tasks"]
        for penalty, strengths in config["strengths"].items()
        for strength in strengths
    }
