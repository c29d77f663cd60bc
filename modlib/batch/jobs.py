"""The jobs of a batch: which notebook runs in which kernel, what it is told and what it leaves.

A run is what `workflow/run.py` needs to know of one notebook: its name, all that it is told, and
the folder that what it writes comes to, under which names. All are told as texts and numbers.
"""

import hashlib
from pathlib import Path

from modlib.batch import files, tables
from modlib.batch.plan import FILES_OF_PART, PER_KERNEL, Plan, asks_about_networks


def folder(plan: Plan, kind: str, name: str) -> Path:
    """Return where what was made waits: a part, networks (`trained`) or another table."""
    return Path(plan.config["build"], kind, name)


def receipt(plan: Plan, kind: str, name: str) -> str:
    """Return the file that is there once a part, networks or a table are made."""
    return str(folder(plan, kind, name) / files.SUMS)


def _run(plan: Plan, kind: str, name: str, notebook: str, outputs: dict, told: dict) -> dict:
    return {
        "notebook": notebook,
        "executed": str(Path(plan.config["build"], "runs", f"{name}.ipynb")),
        "folder": str(folder(plan, kind, name)),
        "files": outputs,
        "parameters": told,
    }


def reference(plan: Plan, part: str) -> str | None:
    """Return the part that a part chooses its strength against."""
    free = plan.free[plan.parts[part]["task"]]
    return None if part == free else free


def run_of_part(plan: Plan, part: str) -> dict:
    """Return the run of the sweep that makes a part."""
    of = reference(plan, part)
    table = of and str(folder(plan, "parts", of) / FILES_OF_PART["output"])
    told = plan.parts[part] | {"reference": table}
    return _run(plan, "parts", part, "sweep", FILES_OF_PART, told)


def swept(plan: Plan, networks: str) -> list[str]:
    """Return the parts with networks that others ask for, made by now or in this batch."""
    of = plan.trained[networks]
    return [
        part
        for part, told in plan.parts.items()
        if (part in plan.stale or Path(receipt(plan, "parts", part)).exists())
        and told["task"] == of["task"]
        and told["penalty"] in of["strengths"]
        and told["evaluation_seeds"] == of["seeds"]
        and told["steps"] == of["training_steps"]
    ]


def awaited(plan: Plan) -> set[str]:
    """Return the parts that networks for other tables are taken from."""
    return {part for networks in plan.trained for part in swept(plan, networks)}


def run_of_networks(plan: Plan, networks: str) -> dict:
    """Return the run that trains the networks of a task that several tables are about."""
    name = FILES_OF_PART["networks"]
    sweeps = [str(folder(plan, "parts", part) / name) for part in swept(plan, networks)]
    told = plan.trained[networks] | {"sweeps": sweeps}
    return _run(plan, "trained", networks, "trained", {"output": name}, told)


def networks_of(plan: Plan, table: str) -> dict[str, str]:
    """Return the networks that a table is about, by task."""
    name = plan.tables[table]
    if not asks_about_networks(plan.config, name):
        return {}
    tasks = plan.config["tables"][name]["strengths"]
    return {of["task"]: one for one, of in plan.trained.items() if of["task"] in tasks}


def run_of_table(plan: Plan, table: str) -> dict:
    """Return the run that makes another table."""
    name = plan.tables[table]
    told = dict(plan.config["tables"][name])
    if asks_about_networks(plan.config, name):
        told["files"] = {
            task: str(folder(plan, "trained", one) / FILES_OF_PART["networks"])
            for task, one in networks_of(plan, table).items()
        }
    return _run(plan, "tables", table, name, {"output": "table.csv"}, told)


def kernels(plan: Plan) -> dict[str, list[str]]:
    """Return the parts that share a kernel, by a name for it: stale ones of one task.

    Networks without a penalty, which the other parts of their task wait for, are by themselves;
    parts that other tables wait for are with their like.
    """
    shared, of_tables = [[free] for free in plan.free.values()], awaited(plan)
    for task, free in plan.free.items():
        of_task = [p for p in plan.stale if plan.parts[p]["task"] == task and p != free]
        first = [part for part in of_task if part in of_tables]
        for parts in (first, [part for part in of_task if part not in first]):
            shared += [parts[i : i + PER_KERNEL] for i in range(0, len(parts), PER_KERNEL)]
    digests = (hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16] for parts in shared)
    return {
        f"{plan.parts[parts[0]]['task']}_{digest}": parts
        for digest, parts in zip(digests, shared, strict=True)
    }


def log(plan: Plan, job: str) -> str:
    """Return the file of what a job says: that of a kernel, networks or another table."""
    return str(Path(plan.config["build"], "runs", f"{job}.log"))


def publication(plan: Plan) -> dict:
    """Return what is published once all is made, as `publishing.publish_batch` is told."""
    return {
        "parts": [str(folder(plan, "parts", part)) for part in plan.stale],
        "others": [str(folder(plan, "tables", table)) for table in plan.tables],
        "networks_of": plan.config["networks_of"],
        "folder": plan.config["results"],
    }


def unmade(plan: Plan, since: float) -> list[str]:
    """Return a line for each part, networks and table that a batch begun at a time did not make.

    It says why where that is known, and the log that tells more.
    """
    lines, waiting = [], 0
    wanted = {*plan.stale, *(reference(plan, part) for part in plan.stale)}
    shared = kernels(plan).items()
    jobs = [("parts", part, kernel) for kernel, of in shared for part in of if part in wanted]
    jobs += [("trained", networks, f"trained-{networks}") for networks in plan.trained]
    jobs += [("tables", table, table) for table in plan.tables]
    for kind, name, job in jobs:
        said, path = log(plan, job), Path(log(plan, job))
        if files.whole(folder(plan, kind, name)):
            continue
        if path.exists() and path.stat().st_mtime >= since:
            told = [line for line in path.read_text("utf-8").splitlines() if line.startswith(name)]
            lines.append(f"{told[-1] if told else f'{name} did not come to its end'}, see {said}")
        else:
            waiting += 1
    return [*lines, *([f"{waiting} more were not begun"] if waiting else [])]


def diverged(plan: Plan) -> str:
    """Return how many networks of the parts that were asked for diverged, and which, in words."""
    path = Path(plan.config["results"])
    if not plan.asked or not (path / "networks.csv").exists():
        return ""
    table = tables.published(path)
    table = table[table.key.isin([part.rsplit("-", 1)[1] for part in plan.asked])]
    rows = table[table.status == "diverged"].itertuples()
    named = [f"{r.task} {r.penalty} at {r.strength:g}, seed {r.seed}" for r in rows]
    return "; ".join([f"{len(named)} of {len(table)} networks diverged", *named])
