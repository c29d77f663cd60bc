"""The papermill batch: planned by content, resumed after a kill, by hand from any folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import chain, product
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from modlib import PENALTIES, TASKS
from modlib.batch import keys, tables
from modlib.batch.parts import Part, made_again
from modlib.batch.statistics import chosen_strengths
from modlib.batch.verification import verified_networks
from modlib.study.forms import FORMS

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
    "tables": {},
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


def by_hand(folder):
    """The table of the sweep's own task and penalty, made without Snakemake in a folder."""
    sweep = str(ROOT / "notebooks" / "sweep.ipynb")
    parameters = [word for name, value in BRIEF.items() for word in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", sweep, "out.ipynb", *parameters]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return tables.read(folder / "sweep.csv")


def test_a_killed_batch_resumes_and_ends_with_what_the_sweep_makes_by_hand(tmp_path):
    killed = tmp_path / "killed"
    killed.mkdir()
    batch = subprocess.Popen(
        snakemake(killed),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parts = killed / "build" / "parts"
    for _ in range(1_200):
        # the last thing that a part writes, of the first of two that share a kernel
        if list(parts.glob("retina-l2-*-all.safetensors")):
            break
        time.sleep(0.1)
    os.killpg(batch.pid, signal.SIGKILL)
    batch.wait()
    done = [path.name.removesuffix("-all.safetensors") for path in parts.glob("*-all.safetensors")]
    assert 2 <= len(done) < 4
    assert not (killed / "results").exists()
    endings = (".csv", ".safetensors", "-all.safetensors")
    kept = [parts / f"{part}{ending}" for part, ending in product(done, endings)]
    # the seconds that it took are in a table too: one that is made again is another
    before = {path: path.read_bytes() for path in kept}

    done = run(snakemake(killed))
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in kept} == before
    table = tables.published(killed / "results")
    assert sorted(identities(table)) == sorted(planned(CONFIG, table))
    assert table.groupby(["task", "penalty"]).key.nunique().eq(1).all()
    same = table[table.penalty == "walk_loops"].drop(columns=["seconds", "commit"])
    swept = by_hand(tmp_path)
    judged = swept[swept.role == "evaluation"]
    told, exact, lines = verified_networks(judged, BRIEF["nulls"], BRIEF["restarts"])
    assert (told, exact, lines) == ("networks, retina walk_loops: 6 rows", True, [])
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
        network, told = tables.published_network("retina", penalty, killed / "results")
        assert (told["task"], told["penalty"], told["seed"]) == ("retina", penalty, "0")
        with torch.no_grad():
            right = task.accuracy(network(test.x[None]), test.targets[None], task.heads).mean()
        row = accuracy["retina", penalty, float(told["strength"]), 0]
        assert right.item() == pytest.approx(row, abs=1e-6)

    kept = contents(killed / "results")
    stale = run(snakemake(killed, "--dry-run", nulls=3, only="retina"))
    assert "3 of 3 parts and 0 other tables have to be made" in stale.stderr
    negative = RETINA | {"strengths": {"none": [], "l2": [-1.0], "walk_loops": [0.05]}}
    failed = run(snakemake(killed, groups=[negative]))
    assert "2 of 3 parts and 0 other tables have to be made" in failed.stderr
    assert failed.returncode != 0
    assert contents(killed / "results") == kept
    logs = [path.read_text() for path in (killed / "build" / "runs").glob("retina_*.log")]
    assert any("finite strengths of at least 0" in log for log in logs)
    # the part after it, in the same kernel, is made all the same
    assert len(list(parts.glob("retina-walk_loops-*.csv"))) == 2


def test_another_table_is_made_once_and_again_when_its_parameters_change(tmp_path):
    told = {"seeds": [4], "steps": 1, "epochs": 0}
    done = run(snakemake(tmp_path, only="settings", tables={"settings": told}))
    assert done.returncode == 0, done.stderr
    table = tables.published_table("settings", tmp_path / "results")
    assert set(table.seed) == {4}
    assert table.key.unique() == keys.table_key("settings", **told)
    assert table.value.notna().all()
    for steps, stale in ((1, 0), (2, 1)):
        other = {"settings": told | {"steps": steps}}
        again = run(snakemake(tmp_path, "--dry-run", only="settings", tables=other))
        assert f"0 of 0 parts and {stale} other tables have to be made" in again.stderr


def test_networks_of_tables_are_trained_once_or_in_the_sweep_and_are_those_made_by_hand(tmp_path):
    common = {"seeds": [0, 1, 2], "training_steps": 20}
    other = {
        "damage": {"strengths": {"retina": {"none": 0.0, "l2": 0.003}}, "draws": 1},
        "circuits": {
            "strengths": {"retina": {"l2": 0.003, "hard_wired": 1.0}},
            "restarts": 1,
            "tested": 30,
        },
    }
    other = {name: told | common for name, told in other.items()}
    # without a penalty and with L2 the sweep trains them, hard wired ones it does not
    strengths = {"none": [], "l2": [0.003]}
    done = run(snakemake(tmp_path, groups=[RETINA | {"strengths": strengths}], tables=other))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "build" / "trained").iterdir())) == 1
    (made,) = (tmp_path / "build" / "runs").glob("trained-*.ipynb")
    told = json.loads(made.read_text())["metadata"]["papermill"]["parameters"]
    taken = sorted(Path(file).name.split("-")[1] for file in told["sweeps"])
    assert taken == ["l2", "none"]
    for name, told in other.items():
        by_hand = made_again(Part(name, "whole", told))
        table = tables.published_table(name, tmp_path / "results")
        assert set(table.penalty) >= set(told["strengths"]["retina"])
        pd.testing.assert_frame_equal(table, by_hand)
    # a table that is made again later takes them too
    shutil.rmtree(tmp_path / "build" / "trained")
    other["damage"]["draws"] = 2
    groups = [RETINA | {"strengths": strengths}]
    plan = run(snakemake(tmp_path, "--dry-run", groups=groups, tables=other)).stdout
    (taken,) = re.findall(r"rule trained:\n    input: (.+)", plan)
    assert sorted(re.findall(r"retina-(\w+)-\w+-all", taken)) == ["l2", "none"]


def test_each_part_of_a_task_is_made_once_in_few_kernels_and_the_reference_alone(tmp_path):
    others = [penalty for penalty in PENALTIES | FORMS if penalty != "none"][:15]
    many = RETINA | {"strengths": {"none": []} | {penalty: [1.0] for penalty in others}}
    plan = run(snakemake(tmp_path, "--dry-run", groups=[many])).stdout
    outputs = [line for line in plan.splitlines() if "output:" in line and "/parts/" in line]
    made = [re.findall(r"/retina-(\w+)-\w+\.csv", line) for line in outputs]
    assert sorted(map(len, made)) == [1, 1, 14]
    assert ["none"] in made
    assert sorted(chain.from_iterable(made)) == sorted(["none", *others])


def test_a_plan_of_nothing_is_refused_with_what_there_is(tmp_path):
    other = {"settings": {}}
    nothing = run(snakemake(tmp_path, "--dry-run", only="retina-l3", tables=other))
    assert nothing.returncode != 0
    said = nothing.stdout + nothing.stderr
    assert "ONLY=retina-l3 leaves nothing to do; name a task (retina, retina_and)" in said
    assert "a penalty (l2, none, walk_loops), both, as in retina-l1, or a table (settings)" in said


def test_tables_about_networks_that_cannot_be_the_same_are_refused(tmp_path):
    one = {"seeds": [0, 1, 2], "training_steps": 20, "strengths": {"retina": {"l2": 0.003}}}
    others = {"strengths": {"retina": {"l2": 0.01}}}, {"seeds": [4]}, {"training_steps": 30}
    for other in others:
        other = {"circuits": one | {"tested": 30}, "damage": one | {"draws": 1} | other}
        refused = run(snakemake(tmp_path, "--dry-run", tables=other))
        assert refused.returncode != 0
        assert "damage asks for networks of retina with other" in refused.stdout + refused.stderr


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
                _, told = tables.published_network(task, penalty, ROOT / "results")
                network = (task, penalty, "evaluation", float(told["strength"]), int(told["seed"]))
                assert network in identities(table)


def test_other_tables_use_the_strengths_that_were_chosen():
    config = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())
    table = tables.published(ROOT / "results")
    chosen = chosen_strengths(table[table.role == "selection"])
    default = PENALTIES["walk_loops"].strength
    used = [
        (task, penalty, strength)
        for name in ("retraining", "damage", "circuits", "reuse")
        for task, of_penalty in config["tables"][name]["strengths"].items()
        for penalty, strength in of_penalty.items()
    ]
    # the retina's goals take turns at the strengths of the two outputs
    used += [("retina", *one) for one in config["tables"]["goals"]["strengths"].items()]
    for task, penalty, strength in used:
        expected = default if penalty == "walk_loops" else chosen[task, penalty]
        assert strength == pytest.approx(expected), (task, penalty)
