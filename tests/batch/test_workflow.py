"""The papermill batch: planned by content, resumed after a kill, by hand from any folder."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from modlib import PENALTIES, TASKS
from modlib.batch import keys, tables
from modlib.batch.selection import chosen_strengths
from modlib.batch.verification import verified_networks
from modlib.penalties.forms import FORMS

ROOT = Path(__file__).parents[2]
# as the notebook has it where nothing else is said
RETINA = {
    "tasks": ["retina"],
    "selection_seeds": [100, 3],
    "evaluation_seeds": [0, 3],
    "strengths": {"none": [], "l2": [0.001, 0.003], "walk_loops": [0.05, 0.15]},
}
RETINA_AND = {
    "tasks": ["retina_and"],
    "selection_seeds": [100, 2],
    "evaluation_seeds": [5, 3],
    "strengths": {"none": []},
}
BRIEF = {"steps": 20, "nulls": 2, "selection_nulls": 2, "restarts": 1}
ROLES = ("selection", "evaluation")
CONFIG = {
    "groups": [RETINA, RETINA_AND],
    "also_judged": {"walk_loops": [0.15]},
    "networks_of": ["retina"],
    "tables": {
        # without a penalty the sweep trains them, hard wired ones it does not
        "damage": {
            "strengths": {"retina": {"none": 0.0, "hard_wired": 1.0}},
            "seeds": [0, 1, 2],
            "training_steps": 20,
            "draws": 1,
        },
    },
    **BRIEF,
}


def snakemake(folder, *arguments, **changes):
    config = folder / "config.yaml"
    places = {"build": str(folder / "build"), "results": str(folder / "results")}
    config.write_text(yaml.safe_dump(CONFIG | places | changes))
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")),
        *("--configfile", str(config), "--directory", str(folder), "--cores", "1", *arguments),
    ]


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def planned(config, table):
    """The networks that a batch should have made, given what is chosen of its table."""
    chosen = chosen_strengths(table)
    for group in config["groups"]:
        roles = {
            role: range(first, first + count)
            for role in ROLES
            for first, count in [group[f"{role}_seeds"]]
        }
        for task, (penalty, tried) in product(group["tasks"], group["strengths"].items()):
            judged = {*config["also_judged"].get(penalty, []), chosen.get((task, penalty))} - {None}
            strengths = {
                # networks without a penalty are tried in any case
                "selection": tried or [0.0],
                "evaluation": judged or {(PENALTIES | FORMS)[penalty].strength},
            }
            for role, seeds in roles.items():
                yield from product([task], [penalty], [role], strengths[role], seeds)


def identities(table):
    columns = ["task", "penalty", "role", "strength", "seed"]
    return list(table[columns].itertuples(index=False, name=None))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_killed_batch_resumes_and_ends_with_what_the_sweep_makes_by_hand(execute, tmp_path):
    killed = tmp_path / "killed"
    killed.mkdir()
    batch = subprocess.Popen(
        snakemake(killed),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parts = killed / "build" / "parts"
    for _ in range(3_000):
        # of the first of two that share a kernel
        if list(parts.glob("retina-l2-*/SHA256SUMS")):
            break
        time.sleep(0.1)
    os.killpg(batch.pid, signal.SIGKILL)
    batch.wait()
    done = [path.parent for path in parts.glob("*/SHA256SUMS")]
    assert 2 <= len(done) < 4
    assert not (killed / "results").exists()
    kept = [path for part in done for path in part.iterdir()]
    assert len(kept) == 4 * len(done)
    # the seconds that it took are in a table too: one that is made again is another
    before = {path: path.read_bytes() for path in kept}

    done = run(snakemake(killed))
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in kept} == before
    table = tables.published(killed / "results")
    assert sorted(identities(table)) == sorted(planned(CONFIG, table))
    assert table.groupby(["task", "penalty"]).key.nunique().eq(1).all()
    same = table[table.penalty == "walk_loops"].drop(columns=["seconds", "commit"])
    # of the sweep's own task and penalty
    own = {name: str(tmp_path / name) for name in ("output", "network", "networks")}
    execute("sweep", BRIEF | own)
    swept = tables.read(own["output"])
    judged = swept[swept.role == "evaluation"]
    told, accuracy, lines = verified_networks(judged, BRIEF["nulls"], BRIEF["restarts"])
    assert (told, lines) == ("networks, retina walk_loops: 6 rows", [])
    assert accuracy.startswith("six digits")
    alone = swept.sort_values(["strength", "seed"])[same.columns]
    pd.testing.assert_frame_equal(same.reset_index(drop=True), alone.reset_index(drop=True))

    # of the tasks that are named, and no others, the first evaluation network
    names = {path.name for path in (killed / "results" / "networks").iterdir()}
    assert names == {f"retina-{penalty}.safetensors" for penalty in RETINA["strengths"]}
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=killed / "results").returncode == 0
    task = TASKS["retina"]()
    test = task.draw(0).test
    accuracy = table.set_index(["task", "penalty", "strength", "seed"]).accuracy.sort_index()
    for penalty in RETINA["strengths"]:
        stored = tables.published_network("retina", penalty, killed / "results")
        assert (stored.task.name, stored.penalty) == ("retina", penalty)
        assert stored.network.seeds == (0,)
        with torch.no_grad():
            right = task.accuracy(
                stored.network(test.x[None]), test.targets[None], task.heads
            ).mean()
        row = accuracy["retina", penalty, stored.strength, 0]
        assert right.item() == pytest.approx(row, abs=1e-6)

    for name, told in CONFIG["tables"].items():
        other = tables.published_table(name, killed / "results")
        assert set(other.key) == {keys.table_key(name, **told)}
    (made,) = (killed / "build" / "runs").glob("retina-????????????????.ipynb")
    told = json.loads(made.read_text())["metadata"]["papermill"]["parameters"]
    taken = [Path(file).parent.name.split("-")[1] for file in told["sweeps"]]
    assert taken == ["none"]

    kept = contents(killed / "results")
    nothing = run(snakemake(killed))
    assert nothing.returncode == 0
    assert "0 of 4 parts and 0 other tables have to be made" in nothing.stderr
    assert f"0 of {len(table)} networks diverged" in nothing.stderr
    negative = RETINA | {"strengths": {"none": [], "l2": [-1.0], "walk_loops": [0.05]}}
    failed = run(snakemake(killed, groups=[negative]))
    assert "2 of 3 parts and 0 other tables have to be made" in failed.stderr
    assert failed.returncode != 0
    assert contents(killed / "results") == kept
    # the part after it, in the same kernel, is made all the same
    assert len(list(parts.glob("retina-walk_loops-*"))) == 2
    told = failed.stderr.split("Not made:\n")[1].splitlines()[0]
    assert re.match(r"retina-l2-\w+ failed, PapermillExecutionError: .*finite strengths", told)
    assert Path(told.split(", see ")[1]).read_text().count("finite strengths of at least 0") >= 1


@pytest.fixture(params=["smoke", "quick", "paper"])
def profile(request):
    return request.param, yaml.safe_load((ROOT / "workflow" / f"{request.param}.yaml").read_text())


def test_a_profile_writes_to_a_place_of_its_own(profile):
    name, config = profile
    assert config["build"] == f"build/{name}"
    assert config["results"] == ("results" if name == "paper" else f"build/{name}/results")
    assert set(config) == {*CONFIG, "build", "results"}


def test_a_profile_names_what_there_is_and_no_part_twice(profile):
    _, config = profile
    parts = []
    for group in config["groups"]:
        assert set(group) == set(RETINA)
        parts += product(group["tasks"], group["strengths"])
        strengths = [value for grid in group["strengths"].values() for value in grid]
        # YAML reads 1e-5 as text; networks of strength 0 are those of the penalty "none"
        assert all(isinstance(value, float) and value > 0 for value in strengths)
        seeds = [set(range(s, s + n)) for s, n in (group[f"{r}_seeds"] for r in ROLES)]
        assert not set.intersection(*seeds)
    tasks, penalties = ({part[i] for part in parts} for i in (0, 1))
    assert len(set(parts)) == len(parts)
    assert tasks <= set(TASKS)
    assert penalties <= {*PENALTIES, *FORMS}
    assert set(config["networks_of"]) <= tasks
    assert set(config["also_judged"]) <= penalties
    # the comparisons' reference
    assert {(task, "none") for task in tasks} <= set(parts)
    for name in config["tables"]:
        assert (ROOT / "notebooks" / f"{name}.ipynb").exists()


def test_a_profile_judges_what_it_compares_on_the_same_seeds(profile):
    _, config = profile
    for task in {task for group in config["groups"] for task in group["tasks"]}:
        groups = [group for group in config["groups"] if task in group["tasks"]]
        (reference,) = (group for group in groups if "none" in group["strengths"])
        for role, group in product(ROLES, groups):
            (first, count), (own_first, own_count) = (
                reference[f"{role}_seeds"],
                group[f"{role}_seeds"],
            )
            assert first <= own_first
            assert own_first + own_count <= first + count


def test_each_published_task_is_whole():
    table = tables.published(ROOT / "results")
    config = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())
    published = set(table.task)
    groups = [
        group | {"tasks": [task for task in group["tasks"] if task in published]}
        for group in config["groups"]
    ]
    there, asked = set(identities(table)), set(planned(config | {"groups": groups}, table))
    missing, left_over = sorted(asked - there), sorted(there - asked)
    # told in short: the difference between two long lists takes pytest an hour to print
    assert not missing, f"{len(missing)} networks are missing, the first {missing[0]}"
    assert not left_over, f"{len(left_over)} networks are not asked for, the first {left_over[0]}"
    for group in groups:
        for task in set(group["tasks"]) & set(config["networks_of"]):
            for penalty in group["strengths"]:
                stored = tables.published_network(task, penalty, ROOT / "results")
                (seed,) = stored.network.seeds
                network = (task, penalty, "evaluation", stored.strength, seed)
                assert network in identities(table)


def test_other_tables_use_the_strengths_that_were_chosen():
    config = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())
    table = tables.published(ROOT / "results")
    chosen = chosen_strengths(table[table.role == "selection"])
    defaults = {own: PENALTIES[own].strength for own in ("walk_loops", "walk_loop_steps")}
    used = [
        (task, penalty, strength)
        for name in ("retraining", "damage", "circuits", "reuse", "whole_graph", "deep")
        for task, of_penalty in config["tables"][name]["strengths"].items()
        for penalty, strength in of_penalty.items()
    ]
    # the retina's goals take turns at the strengths of the two outputs
    used += [("retina", *one) for one in config["tables"]["goals"]["strengths"].items()]
    for task, penalty, strength in used:
        expected = defaults[penalty] if penalty in defaults else chosen[task, penalty]
        assert strength == pytest.approx(expected), (task, penalty)
