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

from modlib.batch import files, jobs, profiles, steps
from modlib.batch.plan import planned

MADE, RUNNING, FAILED, STOPPED, WAITING = STATES = [
    "made", "running", "failed", "stopped", "waiting",
]  # fmt: skip
"""What becomes of a run, in the order in which it is told; stopped is what died, or was killed."""


def states(runs: Iterable[dict], now: datetime) -> pd.DataFrame:
    """Return one row per run of a batch: `run`, `notebook`, `state`, `minutes`, `cells`, `stack`.

    Minutes are those that it took, or has taken by now; cells are how many of a notebook are
    executed, as '3 of 7', and stack is where its training was half a minute ago, if it trains. A
    run that failed or was stopped has no minutes, one that waits no cells.
    """
    columns = ["run", "notebook", "state", "minutes", "cells", "stack"]
    rows = [(Path(run["folder"]).name, run["notebook"], *_state(run, now)) for run in runs]
    return pd.DataFrame(rows, columns=columns)


def _state(run: dict, now: datetime) -> tuple[str, float | None, str | None, str | None]:
    """Return a run's state, minutes, cells and stack, by its folder and its notebook."""
    folder, executed = Path(run["folder"]), Path(run["executed"])
    told, cells, stack = _executed(executed)
    if files.complete(folder):
        return MADE, told.get("duration") and told["duration"] / 60, cells, None
    if any(folder.parent.glob(f".{folder.name}.*.tmp")):
        begun = datetime.fromisoformat(told["start_time"]) if told.get("start_time") else now
        return RUNNING, (now - begun).total_seconds() / 60, cells, stack
    if not executed.exists():
        return WAITING, None, None, None
    return (FAILED if told.get("exception") else STOPPED), None, cells, stack


def _executed(path: Path) -> tuple[dict, str | None, str | None]:
    """Return what papermill tells of a notebook, its cells, and where the cell that runs trains.

    Nothing while it is written.
    """
    try:
        notebook = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):  # cut off, within a letter too
        return {}, None, None
    # but for what papermill writes above a cell that fails
    cells = [cell for cell in notebook["cells"] if "papermill" in cell["metadata"]]
    statuses = [cell["metadata"]["papermill"]["status"] for cell in cells]
    trains = [
        steps.text(output["metadata"][steps.KIND])
        for cell, status in zip(cells, statuses, strict=True)
        if status != "completed"
        for output in cell.get("outputs", [])
        if steps.KIND in output.get("metadata", {})
    ]
    executed = f"{statuses.count('completed')} of {len(statuses)}"
    return notebook["metadata"].get("papermill", {}), executed, (*trains, None)[0]


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
        at = f"{run.cells} cells" + (f", {run.stack}" if run.stack else "")
        lines.append(f"running: {run.run}, {run.minutes:.0f} minutes, {at}")
    for run in rows[rows.state.isin([FAILED, STOPPED])].itertuples():
        lines.append(f"{run.state}: {run.run}" + (f", at {run.stack}" if run.stack else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    path, only = sys.argv[1], (*sys.argv[2:], None)[0]
    config = profiles.whole(yaml.safe_load(Path(path).read_text("utf-8"))) | {"only": only}
    runs = [run for job in jobs.jobs_of(planned(config)) for run in job.runs]
    print(told(states(runs, datetime.now(UTC))))
