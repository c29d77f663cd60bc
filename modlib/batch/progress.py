"""How far a batch is: which runs are made, running, failed or waiting, and what is left in hours.

`make progress` prints it. Runs are those that the code and the parameters of now ask for.
"""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import pandas as pd
import yaml

from modlib.batch import files, jobs, profiles
from modlib.batch.plan import planned

MADE, RUNNING, FAILED, STOPPED, WAITING = STATES = [
    "made", "running", "failed", "stopped", "waiting",
]  # fmt: skip
"""What becomes of a run, in the order in which it is told; stopped is what died, or was killed."""


def states(runs: Iterable[dict], now: datetime) -> pd.DataFrame:
    """Return one row per run of a batch: `run`, `notebook`, `state`, `minutes` and `cells`.

    Minutes are those that it took, or has taken by now; cells are how many of a notebook are
    executed, as '3 of 7'. A run that failed or was stopped has no minutes, one that waits neither.
    """
    rows = []
    for run in runs:
        state, minutes, cells = _state(run, now)
        told = {"run": Path(run["folder"]).name, "notebook": run["notebook"]}
        rows.append(told | {"state": state, "minutes": minutes, "cells": cells})
    return pd.DataFrame(rows, columns=["run", "notebook", "state", "minutes", "cells"])


def _state(run: dict, now: datetime) -> tuple[str, float | None, str | None]:
    """Return a run's state, minutes and cells, by its folder and its notebook as executed."""
    folder, executed = Path(run["folder"]), Path(run["executed"])
    told, cells = _executed(executed)
    if files.complete(folder):
        return MADE, told.get("duration") and told["duration"] / 60, cells
    if any(folder.parent.glob(f".{folder.name}.*.tmp")):
        begun = datetime.fromisoformat(told["start_time"]) if told.get("start_time") else now
        return RUNNING, (now - begun).total_seconds() / 60, cells
    if not executed.exists():
        return WAITING, None, None
    return (FAILED if told.get("exception") else STOPPED), None, cells


def _executed(path: Path) -> tuple[dict, str | None]:
    """Return what papermill tells of a notebook, and its cells; nothing while it is written."""
    try:
        notebook = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}, None
    told = [cell["metadata"].get("papermill") for cell in notebook["cells"]]
    # but for what papermill writes above a cell that fails
    statuses = [of["status"] for of in told if of]
    cells = f"{statuses.count('completed')} of {len(statuses)}"
    return notebook["metadata"].get("papermill", {}), cells


def hours_left(rows: pd.DataFrame) -> float | None:
    """Return about how many hours the rest takes, with as many runs at once as there are now.

    A run takes as long as those made of its notebook did on average, or else as all did. None if
    nothing is made or nothing runs.
    """
    made = rows[(rows.state == MADE) & rows.minutes.notna()]
    at_once = (rows.state == RUNNING).sum()
    if made.empty or at_once == 0:
        return None
    typical = made.groupby("notebook").minutes.mean()
    left = rows[rows.state.isin([RUNNING, STOPPED, WAITING])]
    takes = left.notebook.map(typical).fillna(mean(made.minutes))
    taken = left.minutes.where(left.state == RUNNING, 0).astype(float)
    return (takes - taken).clip(lower=0).sum() / at_once / 60


def told(rows: pd.DataFrame) -> str:
    """Return how far a batch is, in lines: how many runs are in each state, and which."""
    if rows.empty:
        return "nothing has to be made"
    counts = rows.state.value_counts()
    first = ", ".join(f"{counts.get(state, 0)} {state}" for state in STATES)
    left = hours_left(rows)
    lines = [f"{first}; about {left:.1f} hours left" if left is not None else first]
    for run in rows[rows.state == RUNNING].itertuples():
        lines.append(f"running: {run.run}, {run.minutes:.0f} minutes, {run.cells} cells")
    for run in rows[rows.state.isin([FAILED, STOPPED])].itertuples():
        lines.append(f"{run.state}: {run.run}")
    return "\n".join(lines)


if __name__ == "__main__":
    path, only = sys.argv[1], (*sys.argv[2:], None)[0]
    config = profiles.whole(yaml.safe_load(Path(path).read_text("utf-8"))) | {"only": only}
    runs = [run for job in jobs.jobs_of(planned(config)) for run in job.runs]
    print(told(states(runs, datetime.now(UTC))))
