"""The plan of a batch: what is stale, which parts share a kernel, what is refused and repaired."""

from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from rows import table

from modlib import PENALTIES
from modlib.batch import files, jobs, keys, schemas, tables
from modlib.batch.plan import Plan, planned
from modlib.batch.publishing import publish
from modlib.penalties.forms import FORMS

COMMON = {"seeds": [0, 1, 2], "training_steps": 20}
CONFIG = {
    "build": "build",
    "results": "results",
    "groups": [
        {
            "tasks": ["retina", "retina_and"],
            "selection_seeds": [100, 2],
            "evaluation_seeds": [0, 3],
            "strengths": {"none": [], "l2": [0.001], "l1": [0.01]},
        }
    ],
    "also_judged": {"l1": [0.1]},
    "networks_of": ["retina"],
    "tables": {
        "settings": {"seeds": [4], "steps": 1, "epochs": 0},
        "damage": {"strengths": {"retina": {"none": 0.0, "l2": 0.003}}, "draws": 1} | COMMON,
    },
    "steps": 20,
    "nulls": 2,
    "selection_nulls": 2,
    "restarts": 1,
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _of_any_columns(monkeypatch):
    """Have stand-ins for tables, of few columns, pass for them."""
    monkeypatch.setattr(schemas, "check", lambda name, table: table)


def pairs(parts):
    return sorted(tuple(part.split("-")[:2]) for part in parts)


def make(folder, **contents):
    """Make a folder as a job leaves it."""
    with files.renamed_to(folder) as temporary:
        temporary.mkdir()
        for name, content in contents.items():
            (temporary / name).write_text(content)
        files.write_checksums(temporary, {n: files.sha256(temporary / n) for n in contents})


def publish_all(plan: Plan):
    """Publish a row for each part, a network for each part of the retina, and all tables."""
    rows = [
        {"task": of["task"], "penalty": of["penalty"], "key": part.rsplit("-", 1)[1]}
        for part, of in plan.parts.items()
    ]
    new = {"networks": table(*rows)}
    for name in plan.tables:
        new[plan.tables[name]] = pd.DataFrame({"key": [name.rsplit("-", 1)[1]], "value": [1.0]})
    Path("network").write_text("weights")
    retina = [part for part in plan.parts if part.startswith("retina-")]
    networks = {f"{part.rsplit('-', 1)[0]}.safetensors": Path("network") for part in retina}
    publish(new, "results", networks)


def test_all_is_to_be_made_first_and_nothing_once_it_is_published():
    first = planned(CONFIG)
    assert pairs(first.stale) == sorted(
        (task, penalty) for task in ("retina", "retina_and") for penalty in ("none", "l2", "l1")
    )
    assert sorted(first.tables.values()) == ["damage", "settings"]
    publish_all(first)
    again = planned(CONFIG)
    assert (again.stale, again.tables, again.trained) == ([], {}, {})


@pytest.mark.parametrize(
    ("only", "parts", "others"),
    [
        ("retina", 3, 0),
        ("l2", 2, 0),
        ("retina-l2", 1, 0),
        ("settings", 0, 1),
        ("damage", 0, 1),
    ],
)
def test_a_selection_is_of_a_task_a_penalty_both_or_a_table(only, parts, others):
    plan = planned(CONFIG | {"only": only})
    assert (len(plan.asked), len(plan.stale), len(plan.tables)) == (parts, parts, others)


def test_a_parameter_makes_stale_what_depends_on_it():
    publish_all(planned(CONFIG))
    assert len(planned(CONFIG | {"nulls": 3}).stale) == 6
    other = deepcopy(CONFIG)
    other["also_judged"]["l1"] = [0.2]
    other["tables"]["settings"]["steps"] = 2
    plan = planned(other)
    assert pairs(plan.stale) == [("retina", "l1"), ("retina_and", "l1")]
    assert list(plan.tables) == [
        f"settings-{keys.table_key('settings', **other['tables']['settings'])}"
    ]


@pytest.mark.parametrize("fault", [Path.unlink, lambda path: path.write_text("damaged")])
def test_a_part_whose_published_network_is_missing_or_damaged_is_made_again(fault):
    publish_all(planned(CONFIG))
    fault(Path("results/networks/retina-l2.safetensors"))
    assert pairs(planned(CONFIG).stale) == [("retina", "l2")]


def test_a_published_table_that_was_changed_by_hand_is_refused_with_what_helps():
    publish_all(planned(CONFIG))
    path = Path("results/settings.csv")
    path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(ValueError, match=r"settings.csv .* delete it, and `make reproduce`"):
        planned(CONFIG)
    path.unlink()
    assert list(planned(CONFIG).tables.values()) == ["settings"]


def test_leftovers_that_are_not_whole_and_those_of_dead_processes_are_cleared_away():
    plan = planned(CONFIG)
    parts = [jobs.folder(plan, "parts", part) for part in plan.stale[:3]]
    for part in parts:
        make(part, **{"table.csv": "a,b\n1,2\n", "network.safetensors": "weights"})
    (parts[1] / "table.csv").write_text("")
    (parts[2] / "network.safetensors").unlink()
    other = jobs.folder(plan, "tables", next(iter(plan.tables)))
    make(other, **{"table.csv": "a,b\n1,2\n3,4\n"})
    (other / "table.csv").write_text("a,b\n1,2\n")
    with files.renamed_to(Path("build/parts/some")) as of_now:
        # of no process: larger than any number of one
        of_dead = of_now.with_name(".".join([*of_now.name.split(".")[:-2], str(2**22 + 1), "tmp"]))
        of_dead.mkdir()
        of_now.mkdir()
        planned(CONFIG)
        assert not of_dead.exists()
        assert of_now.exists()
    assert [part.exists() for part in parts] == [True, False, False]
    assert not other.exists()


def parts_of(job):
    return [Path(run["folder"]).name for run in job.runs]


def test_each_part_of_a_task_is_made_once_in_few_kernels_and_the_baseline_alone():
    others = [penalty for penalty in PENALTIES | FORMS if penalty != "none"][:15]
    group = CONFIG["groups"][0] | {"tasks": ["retina"]}
    group["strengths"] = {"none": []} | {penalty: [1.0] for penalty in others}
    plan = planned(CONFIG | {"groups": [group], "tables": {}})
    of_batch = jobs.jobs_of(plan)
    assert sorted(len(job.runs) for job in of_batch) == [1, 1, 14]
    assert sorted(part for job in of_batch for part in parts_of(job)) == sorted(plan.stale)
    baseline = plan.baselines["retina"]
    (first,) = (job for job in of_batch if parts_of(job) == [baseline])
    assert first.priority > max(job.priority for job in of_batch if job != first)
    made = Path("build", "parts", baseline)
    for job in of_batch:
        reference = None if job == first else str(made / "table.csv")
        assert job.needs == ([] if job == first else [made])
        assert all(run["parameters"]["reference"] == reference for run in job.runs)


def job_that_makes(plan, notebook):
    (job,) = (job for job in jobs.jobs_of(plan) if job.runs[0]["notebook"] == notebook)
    return job


def test_networks_of_tables_are_taken_from_the_sweep_where_it_trains_them():
    plan = planned(CONFIG)
    ((name, asked),) = plan.trained.items()
    assert asked == {"task": "retina", "strengths": {"none": 0.0, "l2": 0.003}, **COMMON}
    swept = jobs.swept(plan, name)
    assert pairs(swept) == [("retina", "l2"), ("retina", "none")]
    job = job_that_makes(plan, "trained")
    parts = [Path("build", "parts", part) for part in swept]
    assert job.needs == parts
    sweeps = job.runs[0]["parameters"]["sweeps"]
    assert sweeps == [str(part / "networks.safetensors") for part in parts]
    job = job_that_makes(plan, "damage")
    made = Path("build", "trained", name)
    assert job.needs == [made]
    assert job.runs[0]["parameters"]["files"] == {"retina": str(made / "networks.safetensors")}
    assert job_that_makes(plan, "settings").needs == []
    # what they wait for comes first
    sweeps = [job for job in jobs.jobs_of(plan) if job.runs[0]["notebook"] == "sweep"]
    early = {part for job in sweeps if job.priority == jobs.FIRST for part in parts_of(job)}
    assert early == {*swept, *plan.baselines.values()}
    # later, when the parts are published, from what is still there
    publish_all(plan._replace(tables={}))
    for part in swept[:1]:
        make(jobs.folder(plan, "parts", part), **{"networks.safetensors": "weights"})
    later = planned(CONFIG)
    assert not later.stale
    assert jobs.swept(later, name) == swept[:1]
    # other seeds or steps are other networks
    for change in ({"seeds": [7]}, {"training_steps": 30}):
        other = deepcopy(CONFIG)
        other["tables"]["damage"] |= change
        plan = planned(other)
        assert jobs.swept(plan, next(iter(plan.trained))) == []


def test_what_follows_each_other_is_made_alone_and_only_what_changed_is_made_again():
    curves = {"examples": [50, 100], "strengths": {"none": [0.0]}}

    def planned_with(parameters):
        plan = planned(CONFIG | {"tables": {"curves": parameters}, "only": "curves"})
        return plan, jobs.jobs_of(plan)

    plan, of_batch = planned_with(curves)
    assert [job.runs[0]["parameters"] for job in of_batch] == [
        curves | {"examples": [50]},
        curves | {"examples": [100]},
    ]
    folders = [job.runs[0]["folder"] for job in of_batch]
    (table,) = plan.tables
    assert table == f"curves-{keys.table_key('curves', **curves)}"
    assert jobs.publication(plan)["others"] == {table: folders}
    other, of_other = planned_with(curves | {"examples": [100, 200]})
    assert list(other.tables) != [table]
    assert of_other[0].runs[0]["folder"] == folders[1]


def test_a_plan_of_nothing_is_refused_with_what_there_is():
    message = (
        r"ONLY=retina-l3 leaves nothing to do; name a task \(retina, retina_and\), a penalty \(l1,"
        r" l2, none\), both, as in retina-l1, or a table \(settings, damage\)"
    )
    with pytest.raises(ValueError, match=message):
        planned(CONFIG | {"only": "retina-l3"})


@pytest.mark.parametrize(
    "other", [{"strengths": {"retina": {"l2": 0.01}}}, {"seeds": [4]}, {"training_steps": 30}]
)
def test_tables_about_networks_that_cannot_be_the_same_are_refused(other):
    one = {"strengths": {"retina": {"l2": 0.003}}, **COMMON}
    both = {"circuits": one | {"tested": 30}, "damage": one | {"draws": 1} | other}
    with pytest.raises(ValueError, match="damage asks for networks of retina with other"):
        planned(CONFIG | {"tables": both})


def test_what_a_batch_did_not_make_is_told_with_why_and_where():
    plan = planned(CONFIG)
    of_batch = jobs.jobs_of(plan)
    logs = {part: job.log for job in of_batch for part in parts_of(job)}
    first, second, *_ = (part for part in logs if part.startswith("retina-") and part in plan.parts)
    Path("build/runs").mkdir(parents=True)
    make(jobs.folder(plan, "parts", first), **{"table.csv": "a\n"})
    logs[second].write_text(f"...\n{second} failed, DeadKernelError: died\n")
    (settings,) = (table for table, of in plan.tables.items() if of == "settings")
    logs[settings].write_text("killed before it said anything")
    # nothing waits for those of another task
    only = jobs.jobs_of(planned(CONFIG | {"only": "settings"}))
    assert len(jobs.failures(only, since=0.0)) == 1
    lines = jobs.failures(of_batch, since=0.0)
    assert f"{second} failed, DeadKernelError: died, see {logs[second]}" in lines
    assert f"{settings} did not come to its end, see build/runs/{settings}.log" in lines
    assert not any(first in line for line in lines)
    begun = [line for line in lines if "see build/runs" in line]
    # besides: three parts of the other task, networks for a table and that table
    assert lines[-1] == f"{6 + 1 + 2 - 1 - len(begun)} more were not begun"


def test_diverged_networks_are_counted_and_named():
    publish_all(planned(CONFIG))
    path = Path("results/networks.csv")
    rows = tables.read(path)
    rows.loc[rows.penalty == "l2", "status"] = "diverged"
    publish({"networks": rows}, "results")
    told = jobs.diverged(planned(CONFIG | {"only": "retina"}))
    assert told == "1 of 3 networks diverged; retina l2 at 0, seed 1"
