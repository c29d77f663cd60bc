"""Runs of notebooks: what fails, dies or is left by half harms no other, and nothing waits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat.v4 as nb
import pytest
import yaml

from modlib.batch import files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, str(ROOT / "workflow" / "run.py")]
WRITE = "open(output, 'w').write('a,b\\n1,2\\n')"
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
SLEEP = "import os, time; open(pid, 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture
def run_of(tmp_path):
    """Return a function that makes a notebook of some code, and the run of it."""

    def make(name, code):
        path = tmp_path / f"{name}.ipynb"
        told = nb.new_code_cell("output = pid = ''", metadata={"tags": ["parameters"]})
        kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
        text = nb.writes(nb.new_notebook(cells=[told, nb.new_code_cell(code)], metadata=kernel))
        path.write_text(text)
        return {
            "notebook": str(path.with_suffix("")),
            "executed": str(tmp_path / f"{name}-executed.ipynb"),
            "folder": str(tmp_path / "parts" / name),
            "files": {"output": "table.csv"},
            "parameters": {"pid": str(tmp_path / "pid")},
        }

    return make


def execute(*runs):
    command = [*RUN, yaml.safe_dump(list(runs))]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def begun(pid):
    for _ in range(600):
        if pid.exists() and pid.read_text():
            return int(pid.read_text())
        time.sleep(0.1)
    raise TimeoutError("no kernel has begun")


def gone(process):
    """Whether a process ends within seconds."""
    for _ in range(100):
        if (
            not Path(f"/proc/{process}").exists()
            or "Z" in Path(f"/proc/{process}/stat").read_text()
        ):
            return True
        time.sleep(0.1)
    return False


def there(tmp_path):
    return sorted(path.name for path in (tmp_path / "parts").iterdir())


def test_a_kernel_that_dies_is_told_within_seconds_and_the_others_are_made(run_of, tmp_path):
    half = f"{WRITE}; {DIE}"
    runs = [run_of("first", WRITE), run_of("second", half), run_of("third", WRITE)]
    since = time.monotonic()
    done = execute(*runs)
    assert time.monotonic() - since < 60
    assert done.returncode == 1
    assert "second failed, DeadKernelError: Kernel died" in done.stdout
    assert "first failed" not in done.stdout
    assert there(tmp_path) == ["first", "third"]
    assert all(files.complete(Path(runs[n]["folder"])) for n in (0, 2))
    # the plain command makes what is missing, and that alone
    before = Path(runs[0]["folder"], "table.csv").stat().st_mtime_ns
    assert execute(*runs[:1], run_of("second", WRITE)).returncode == 0
    assert files.complete(Path(runs[1]["folder"]))
    assert Path(runs[0]["folder"], "table.csv").stat().st_mtime_ns == before


def test_a_run_that_fails_is_told_and_leaves_nothing(run_of, tmp_path):
    full = "import errno; raise OSError(errno.ENOSPC, 'No space left')"
    faults = {
        "first": (f"{WRITE}; 1 / 0", "ZeroDivisionError: division by zero"),
        "second": ("pass", "FileNotFoundError"),
        "third": (f"{WRITE}; {full}", "No space left"),
    }
    runs = [run_of(name, code) for name, (code, _) in faults.items()]
    done = execute(*runs, run_of("fourth", WRITE))
    assert done.returncode == 1
    for name, (_, why) in faults.items():
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"{name} failed"))
        assert why in line
        assert f"{tmp_path}/{name}-executed.ipynb shows where" in done.stdout
    assert there(tmp_path) == ["fourth"]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_ends_its_kernel_and_leaves_no_part(run_of, tmp_path, sent):
    run = run_of("first", f"{WRITE}; {SLEEP}")
    # a shell's job in the background ignores interruptions, and so would the run
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen([*RUN, yaml.safe_dump([run])], stderr=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, previous)
    kernel = begun(tmp_path / "pid")
    running.send_signal(sent)
    assert running.wait(timeout=60) != 0
    assert gone(kernel)
    assert "first" not in there(tmp_path)
    files.clear(tmp_path / "parts")
    assert there(tmp_path) == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="a kernel's parent is read in /proc")
def test_a_run_ends_with_the_batch_that_began_it(run_of, tmp_path):
    told = yaml.safe_dump([run_of("first", SLEEP)])
    # a batch in between, that can be killed
    code = f"import subprocess; subprocess.run({[*RUN, told]!r})"
    batch = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    kernel = begun(tmp_path / "pid")
    run = int(Path(f"/proc/{kernel}/stat").read_text().split()[3])
    os.kill(batch.pid, signal.SIGKILL)
    batch.wait()
    assert gone(run)
    assert gone(kernel)


def test_paths_may_have_spaces_quotes_and_braces(run_of, tmp_path):
    odd = tmp_path / "a b'c\"d&e{f}ü$(g)"
    odd.mkdir()
    run = run_of(f"{odd.name}/first", WRITE)
    done = execute(run)
    assert done.returncode == 0, done.stderr
    assert files.complete(Path(run["folder"]))
    executed = json.loads(Path(run["executed"]).read_text("utf-8"))
    assert executed["metadata"]["papermill"]["exception"] is None
