"""Harm a small batch while it runs, and see what the plain command then ends with: `make faults`.

Rounds of five faults: kills of one of its processes, files that find no room on the disk, and two
selections at once. After each round the plain command should end with 0 and the tables and
networks of a batch that nothing disturbed, but for the seconds. What happened is printed as it
happens and written to `faults.csv`; the exit status is 1 if a round ends otherwise.
"""

import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import psutil
import yaml

from modlib.batch import files
from modlib.batch.checkout import WORKFLOW
from modlib.batch.survival import FILE, FOLDER, PLAIN

CONFIG = {
    "build": "build",
    "results": "results",
    "groups": [
        {
            "tasks": ["retina"],
            "selection_seeds": [100, 2],
            "evaluation_seeds": [0, 2],
            "strengths": {"none": [], "l2": [0.003]},
        }
    ],
    "also_judged": {},
    "networks_of": ["retina"],
    "tables": {
        "settings": {"seeds": [4], "steps": 1, "epochs": 0},
        "damage": {
            "strengths": {"retina": {"none": 0.0, "hard_wired": 1.0}},
            "draws": 1,
            "seeds": [0, 1],
            "training_steps": 20,
        },
    },
    "steps": 20,
    "nulls": 2,
    "selection_nulls": 2,
    "restarts": 1,
}
PROCESSES = {
    "batch": "snakemake",
    "run": "run.py",
    "kernel": "ipykernel",
    "publication": "publishing",
}
"""A batch's processes, and a word of the command of each."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
A_ROUND, N_KILLS = 5, 25
SECONDS = 600
"""As long as a batch may take before it counts as hanging."""

Fault = Callable[[Path, random.Random], tuple[str, str, int]]
"""Harms a batch in a folder; returns what it did, how, and the batch's exit status."""


def begin(folder: Path, *options: str, room: int | None = None) -> subprocess.Popen:
    """Start a batch in a folder, whose files may have no more than so many bytes each."""
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")]
    command += ["--configfile", "config.yaml", "--directory", ".", "--cores", "2", *options]

    def before() -> None:
        # a shell in the background has its children ignore SIGINT
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    with (folder / "said.txt").open("a") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, preexec_fn=before)


def process(batch: subprocess.Popen, name: str) -> psutil.Process | None:
    """Return the first of a batch's processes of a name, if there is one."""
    own = psutil.Process(batch.pid)
    for each in [own] if name == "batch" else own.children(recursive=True):
        if PROCESSES[name] in " ".join(each.cmdline()):
            return each
    return None


def killed(
    name: str, sent: signal.Signals, folder: Path, draw: random.Random
) -> tuple[str, str, int]:
    """Kill one of a batch's processes, a while after it has begun."""
    delay, batch = draw.uniform(0, 4), begin(folder)
    while batch.poll() is None:
        try:
            found = process(batch, name)
            if found is not None:
                time.sleep(delay)
                found.send_signal(sent)
                return (
                    f"kill of the {name}",
                    f"{sent.name} after {delay:.1f} s",
                    batch.wait(SECONDS),
                )
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.02)
    return f"kill of the {name}", f"{sent.name}, too late", batch.returncode


def out_of_room(folder: Path, draw: random.Random) -> tuple[str, str, int]:
    """Let files find no room above some size, another each time."""
    room = draw.choice([0, 500, 2_000, 8_000, 32_000])
    return "no room", f"for files above {room} bytes", begin(folder, room=room).wait(SECONDS)


def selected_twice(folder: Path, draw: random.Random) -> tuple[str, str, int]:
    """Start two selections at once."""
    both = [begin(folder, "--config", f"only={only}") for only in ("none", "settings")]
    return "two selections at once", "", max(batch.wait(SECONDS) for batch in both)


def rounds() -> Iterator[tuple[Fault, ...]]:
    """Give the faults of each round: kills of every process by every signal first."""
    pairs = list(product(PROCESSES, SIGNALS))
    # what comes to be only at the end is killed last in its round
    kills = [pairs[n % len(pairs)] for n in range(N_KILLS)]
    for start in range(0, N_KILLS, A_ROUND):
        part = kills[start : start + A_ROUND]
        yield tuple(
            partial(killed, *pair) for pair in sorted(part, key=lambda p: [*PROCESSES].index(p[0]))
        )
    yield (out_of_room,) * A_ROUND
    yield (selected_twice,)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Return what is published, but for the seconds that it took and the commit."""
    if not files.complete(folder):
        return {}
    found: dict[str, bytes | str] = {p.name: p.read_bytes() for p in folder.rglob("*.safetensors")}
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, dtype=str).drop(columns=["seconds", "commit"], errors="ignore")
        found[path.name] = table.to_csv()
    return found


def is_whole(folder: Path) -> bool:
    """Return whether what is published is whole, or waits to be put in place, if there is any."""
    is_staged = (folder / ".publishing").exists()
    return not [*folder.glob("[!.]*")] or files.complete(folder) or is_staged


def main() -> int:
    """Print and write what each fault did; return 1 if a round ends with other tables."""
    rows = []
    with TemporaryDirectory() as place:
        first = Path(place) / "undisturbed"
        first.mkdir()
        if begin(first).wait(SECONDS):
            sys.exit((first / "said.txt").read_text())
        wanted = contents(first / "results")
        for number, faults in enumerate(rounds(), 1):
            folder, draw = Path(place) / str(number), random.Random(number)
            folder.mkdir()
            for fault in faults:
                told, how, code = fault(folder, draw)
                rows.append((number, told, how, code, is_whole(folder / "results")))
                print(f"{number}: {told} {how}: exit {code}", flush=True)
            code = begin(folder).wait(SECONDS)
            same = contents(folder / "results") == wanted and not [*folder.glob("**/.*.tmp")]
            rows.append((number, PLAIN, "", code, same))
            print(f"{number}: {PLAIN}: exit {code}, the same: {same}", flush=True)
    table = pd.DataFrame(rows, columns=["round", "fault", "how", "exit", "whole"])
    table.to_csv(FOLDER / FILE, index=False)
    ends = table[table.fault == PLAIN]
    return 0 if (ends.exit == 0).all() and table.whole.all() else 1


if __name__ == "__main__":
    sys.exit(main())
