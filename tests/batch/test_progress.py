"""How far a batch is: what is told of runs that are made, running, failed or waiting."""

import os
import runpy
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
import torch

from modlib.batch import files, progress, steps
from modlib.batch.checkout import ROOT

TELL = runpy.run_path(str(ROOT / "workflow" / "run.py"))["TELL"]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def run(folder, name, notebook="sweep"):
    """Return a run as jobs have it."""
    return {
        "notebook": notebook,
        "executed": str(folder / f"{name}.ipynb"),
        "folder": str(folder / name),
    }


def executed(path, statuses, minutes=None, begun=NOW, exception=None):
    """Write a notebook as papermill leaves it, or has left it so far."""
    cells = [
        nbformat.v4.new_code_cell(metadata={"papermill": {"status": status}}) for status in statuses
    ]
    told = {
        "start_time": begun.isoformat(),
        "duration": minutes and 60 * minutes,
        "exception": exception,
    }
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"papermill": told}), path)


def make(run):
    """Make a run's folder, as the batch does."""
    with files.renamed_to(Path(run["folder"])) as temporary:
        temporary.mkdir()
        (temporary / "table.csv").write_text("rows")
        files.write_checksums(temporary, {"table.csv": files.sha256(temporary / "table.csv")})


@pytest.fixture
def runs(tmp_path):
    """One run of each state, and one that was killed."""
    of = {name: run(tmp_path, name) for name in ("a-1", "b-2", "c-3", "d-4", "e-5")}
    executed(tmp_path / "a-1.ipynb", ["completed", "completed"], minutes=3.0)
    make(of["a-1"])
    begun = NOW - timedelta(minutes=2)
    executed(tmp_path / "b-2.ipynb", ["completed", "running", "pending"], begun=begun)
    (tmp_path / f".b-2.{socket.gethostname()}.{os.getpid()}.tmp").mkdir()
    executed(tmp_path / "c-3.ipynb", ["failed", "pending"], exception=True)
    executed(tmp_path / "d-4.ipynb", ["completed", "running"])  # was killed
    return progress.states(of.values(), NOW).set_index("run")


def test_each_run_has_its_state_minutes_and_cells(runs):
    assert runs.state.to_dict() == {
        "a-1": "made", "b-2": "running", "c-3": "failed", "d-4": "stopped", "e-5": "waiting",
    }  # fmt: skip
    assert runs.minutes[["a-1", "b-2"]].tolist() == [3.0, 2.0]
    assert runs.minutes.isna().sum() == 3
    assert runs.cells[:3].tolist() == ["2 of 2", "1 of 3", "0 of 2"]


def test_the_rest_takes_what_runs_made_of_the_same_notebook_took():
    rows = pd.DataFrame(
        [
            ("sweep", "made", 3.0), ("sweep", "made", 5.0), ("curves", "made", 40.0),
            ("sweep", "running", 1.0), ("curves", "running", 50.0),  # over its time already
            ("sweep", "waiting", None), ("rivals", "waiting", None), ("curves", "failed", None),
        ],
        columns=["notebook", "state", "minutes"],
    )  # fmt: skip
    # 3 of the sweep that runs, 4 of that which waits, and 16, the mean of all, of the rivals
    assert progress.hours_left(rows) == pytest.approx((3 + 0 + 4 + 16) / 2 / 60)
    assert progress.hours_left(rows[rows.state != "running"]) is None
    assert progress.hours_left(rows[rows.state != "made"]) is None


def test_a_reader_is_told_the_counts_what_runs_and_what_failed(runs):
    text = progress.told(runs.reset_index())
    assert text.splitlines() == [
        "1 made, 1 running, 1 failed, 1 stopped, 1 waiting; about 0.1 hours left",
        "running: b-2, 2 minutes, 1 of 3 cells",
        "failed: c-3",
        "stopped: d-4",
    ]
    assert progress.told(runs.iloc[:0].reset_index()) == "nothing has to be made"


@pytest.mark.parametrize(
    "text",
    [b"", b'{"cells": [', b'{"cells": ["\xc3', b'{"cells": [], "metadata": {}, "nbformat": 4}'],
)
def test_a_notebook_that_is_half_written_hides_no_run(tmp_path, text):
    own = run(tmp_path, "a-1")
    (tmp_path / "a-1.ipynb").write_bytes(text)
    assert progress.states([own], NOW).state.tolist() == ["stopped"]
    temporary = tmp_path / f".a-1.{socket.gethostname()}.{os.getpid()}.tmp"
    temporary.mkdir()
    assert progress.states([own], NOW).state.tolist() == ["running"]
    temporary.rmdir()
    make(own)
    rows = progress.states([own], NOW)
    assert rows.state.tolist() == ["made"]
    assert progress.hours_left(rows) is None


def test_a_run_that_trains_says_at_which_stack_and_step(tmp_path):
    own = run(tmp_path, "a-1")
    executed(tmp_path / "a-1.ipynb", ["completed", "running", "pending"])
    (tmp_path / f".a-1.{socket.gethostname()}.{os.getpid()}.tmp").mkdir()
    notebook = nbformat.read(own["executed"], as_version=4)
    for cell, stack in zip(notebook.cells, (3, 12), strict=False):
        numbers = {"stack": stack, "step": 840, "before": 2000}
        cell.outputs = [
            nbformat.v4.new_output("stream", text="0"),
            nbformat.v4.new_output("display_data", metadata={steps.KIND: numbers}),
        ]
    nbformat.write(notebook, own["executed"])
    told = progress.told(progress.states([own], NOW)).splitlines()
    at = "1 of 3 cells, stack 12, step 840, after one of 2000"
    assert told[1:] == [f"running: a-1, 0 minutes, {at}"]


def test_steps_are_counted_by_optimiser_and_afresh_for_each_cell(monkeypatch):
    told, clock = [], 0.0
    monkeypatch.setattr(steps, "display", lambda of, **_: told.append(of))
    monkeypatch.setattr(steps.time, "monotonic", lambda: clock)
    counted = steps.Steps()
    optimisers = [torch.optim.SGD([torch.zeros(1)]) for _ in range(2)]
    for number in (0, 0, 0, 1, 1):
        counted(optimisers[number], (), {})
    assert counted.numbers == {"stack": 2, "step": 2, "before": 3}
    assert told == []
    clock = steps.EVERY
    counted(optimisers[1], (), {})
    counted(optimisers[0], (), {})
    assert told == [{"text/plain": "stack 2, step 3, after one of 3"}]
    # taking turns they are two all the same
    assert counted.numbers == {"stack": 2, "step": 4, "before": 3}
    counted.begin()
    counted(optimisers[1], (), {})
    assert counted.numbers == {"stack": 1, "step": 1, "before": 0}


@pytest.mark.slow
def test_a_kernel_of_the_batch_tells_of_its_steps_in_one_output(tmp_path):
    own = run(tmp_path, "a-1")
    training = """
from torch import ones
from torch.optim import SGD
from modlib.batch import steps
steps.EVERY = 0.0
for length in (3, 2):
    optimiser = SGD([ones(1, requires_grad=True)])
    for _ in range(length):
        optimiser.step()
1 / 0
"""
    cells = [nbformat.v4.new_code_cell(training), nbformat.v4.new_code_cell("0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "source.ipynb")
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            tmp_path / "source.ipynb",
            own["executed"],
            kernel_name="python3",
            progress_bar=False,
            extra_arguments=[f"--IPKernelApp.exec_lines={TELL}"],
        )
    row = progress.states([own], NOW).iloc[0]
    assert row[["state", "stack"]].tolist() == ["failed", "stack 2, step 2, after one of 3"]


@pytest.mark.slow
@pytest.mark.parametrize(("code", "state"), [("1", "made"), ("1 / 0", "failed")])
def test_papermill_leaves_what_is_read(tmp_path, code, state):
    own = run(tmp_path, "a-1")
    cells = [nbformat.v4.new_code_cell(source) for source in ("0", code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "source.ipynb")
    try:
        papermill.execute_notebook(
            tmp_path / "source.ipynb", own["executed"], kernel_name="python3", progress_bar=False
        )
        make(own)
    except papermill.PapermillExecutionError:
        pass
    row = progress.states([own], datetime.now(UTC)).iloc[0]
    assert row.state == state
    assert state == "failed" or (0 < row.minutes < 5 and row.cells == "2 of 2")
