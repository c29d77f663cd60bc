"""The jobs of a batch: which notebooks run in which kernel, with which parameters and files.

A run is what `workflow/run.py` needs to know of one notebook: its name, its parameters, and the
folder that its files come to, under which names. All are texts and numbers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from modlib.batch import files, keys, tables
from modlib.batch.parts import following
from modlib.batch.plan import FILES_OF_PART, PER_KERNEL, Plan, asks_about_networks
from modlib.batch.publishing import name_and_key

FIRST = 1_000
"""The priority of what others wait for, and of the tables, which take longest."""

NETWORKS = FILES_OF_PART["networks"]


class Job(NamedTuple):
    """Notebooks that run one after the other in one kernel."""

    name: str
    runs: list[dict]
    needs: list[Path]
    """The folders of other jobs' runs that it waits for."""
    log: Path
    priority: int


def folder(plan: Plan, kind: str, name: str) -> Path:
    """Return where a result waits to be published: of `parts`, `trained` networks or `tables`."""
    return Path(plan.config["build"], kind, name)


def receipts(folders: Sequence[Path | str]) -> list[str]:
    """Return the files that are there once folders are complete."""
    return [str(Path(folder, files.CHECKSUMS)) for folder in folders]


def jobs_of(plan: Plan) -> list[Job]:
    """Return the jobs that make stale parts, the networks of several tables, and stale tables."""
    return [*_of_parts(plan), *_of_networks(plan), *_of_tables(plan)]


def _job(
    plan: Plan, name: str, runs: list[dict], needs: Iterable[Path], priority: int = FIRST
) -> Job:
    log = Path(plan.config["build"], "runs", f"{name}.log")
    return Job(name, runs, list(needs), log, priority)


def _run(
    plan: Plan, kind: str, name: str, notebook: str, outputs: dict, **parameters: object
) -> dict:
    return {
        "notebook": notebook,
        "executed": str(Path(plan.config["build"], "runs", f"{name}.ipynb")),
        "folder": str(folder(plan, kind, name)),
        "files": outputs,
        "parameters": parameters,
    }


def _of_parts(plan: Plan) -> Iterator[Job]:
    """Yield the jobs of parts; those of one task share kernels.

    Networks without a penalty, which the other parts of their task wait for, are by themselves;
    parts that other tables wait for are with their like.
    """
    awaited = {part for networks in plan.trained for part in swept(plan, networks)}
    tasks = {plan.parts[part]["task"] for part in plan.stale}
    needed = {*plan.stale, *(plan.baselines[task] for task in tasks)}
    groups: dict[tuple[str, bool, bool], list[str]] = {}
    for part, of in plan.parts.items():
        if part in needed:
            group = (of["task"], part == plan.baselines[of["task"]], part in awaited)
            groups.setdefault(group, []).append(part)
    # the tasks that the configuration names last take longest, and begin first
    for place, ((task, is_baseline, is_awaited), parts) in enumerate(groups.items()):
        needs = [] if is_baseline else [folder(plan, "parts", plan.baselines[task])]
        reference = None if is_baseline else str(needs[0] / FILES_OF_PART["output"])
        for start in range(0, len(parts), PER_KERNEL):
            kernel = parts[start : start + PER_KERNEL]
            name = f"{task}_{hashlib.sha256(' '.join(kernel).encode()).hexdigest()[:16]}"
            runs = [
                _run(plan, "parts", p, "sweep", FILES_OF_PART, **plan.parts[p], reference=reference)
                for p in kernel
            ]
            yield _job(plan, name, runs, needs, FIRST if is_baseline or is_awaited else place)


def swept(plan: Plan, networks: str) -> list[str]:
    """Return the parts with networks that others ask for, made by now or in this batch."""
    asked = plan.trained[networks]
    return [
        part
        for part, of in plan.parts.items()
        if (part in plan.stale or files.complete(folder(plan, "parts", part)))
        and of["task"] == asked["task"]
        and of["penalty"] in asked["strengths"]
        and of["evaluation_seeds"] == asked["seeds"]
        and of["steps"] == asked["training_steps"]
    ]


def _of_networks(plan: Plan) -> Iterator[Job]:
    """Yield the jobs of networks that several tables are about: one for each task."""
    for networks, parameters in plan.trained.items():
        needs = [folder(plan, "parts", part) for part in swept(plan, networks)]
        given = parameters | {"sweeps": [str(part / NETWORKS) for part in needs]}
        run = _run(plan, "trained", networks, "trained", {"output": NETWORKS}, **given)
        yield _job(plan, f"trained-{networks}", [run], needs)


def _of_tables(plan: Plan) -> Iterator[Job]:
    """Yield the jobs of other tables."""
    for table, name in plan.tables.items():
        given, networks = {}, {}
        if asks_about_networks(plan.config, name):
            networks = {
                of["task"]: folder(plan, "trained", trained)
                for trained, of in plan.trained.items()
                if of["task"] in plan.config["tables"][name]["strengths"]
            }
            of_tasks = {task: str(trained / NETWORKS) for task, trained in networks.items()}
            given = {"files": of_tasks}
        for run_name, parameters in runs_of(plan, table).items():
            outputs = {"output": "table.csv"}
            run = _run(plan, "tables", run_name, name, outputs, **parameters, **given)
            yield _job(plan, run_name, [run], networks.values())


def runs_of(plan: Plan, table: str) -> dict[str, dict]:
    """Return the parameters of the runs whose rows follow each other in a table, by their names.

    A name ends with the key of the run's own parameters, so that what is made stays of use where
    another run's change.
    """
    name = plan.tables[table]
    runs = following(name, plan.config["tables"][name])
    return {
        "-".join([name, *label.split(), keys.table_key(name, **of)]): of
        for label, of in runs.items()
    }


def publication(plan: Plan) -> dict:
    """Return what is published once all is made, as `publishing.publish_batch` takes it."""
    return {
        "parts": [str(folder(plan, "parts", part)) for part in plan.stale],
        "others": {
            table: [str(folder(plan, "tables", run)) for run in runs_of(plan, table)]
            for table in plan.tables
        },
        "networks_of": plan.config["networks_of"],
        "folder": plan.config["results"],
    }


def failures(jobs: Sequence[Job], since: float) -> list[str]:
    """Return a line for each run that a batch begun at a time did not bring to its end.

    It says why where that is known, and names the log.
    """
    lines, waiting = [], 0
    for job in jobs:
        begun = job.log.exists() and job.log.stat().st_mtime >= since
        log = job.log.read_text("utf-8").splitlines() if begun else []
        for made in (Path(run["folder"]) for run in job.runs):
            if files.complete(made):
                continue
            if begun:
                reasons = [line for line in log if line.startswith(made.name)]
                reasons = [f"{made.name} did not come to its end", *reasons]
                lines.append(f"{reasons[-1]}, see {job.log}")
            else:
                waiting += 1
    return [*lines, *([f"{waiting} more were not begun"] if waiting else [])]


def diverged(plan: Plan) -> str:
    """Return how many networks of the parts that were asked for diverged, and which, in words."""
    path = Path(plan.config["results"])
    if not plan.asked or not (path / "networks.csv").exists():
        return ""
    table = tables.published(path)
    table = table[table.key.isin([name_and_key(part)[1] for part in plan.asked])]
    rows = table[table.status == "diverged"].itertuples()
    named = [f"{r.task} {r.penalty} at {r.strength:g}, seed {r.seed}" for r in rows]
    return "; ".join([f"{len(named)} of {len(table)} networks diverged", *named])
