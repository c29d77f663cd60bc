"""Twenty-five kills of a batch, by hand: `pytest -m kills -n 0 -s tests/batch/test_kills.py`.

After five each the plain command ends with the same tables but for the seconds that it took.
"""

import random
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from modlib.batch import files

ROOT = Path(__file__).parents[2]
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
WHO = ("batch", "run", "kernel", "publishing")
SENT = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def begin(folder):
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
    command += ["--configfile", "config.yaml", "--directory", ".", "--cores", "2"]
    with (folder / "said.txt").open("w") as said:
        # a shell in the background has its children ignore SIGINT
        heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, preexec_fn=heed)


def processes(batch):
    """The processes of a batch, by what they are."""
    found = {"batch": [psutil.Process(batch.pid)]}
    for process in found["batch"][0].children(recursive=True):
        words = " ".join(process.cmdline())
        for who, word in {
            "kernel": "ipykernel",
            "run": "run.py",
            "publishing": "publishing",
        }.items():
            if word in words:
                found.setdefault(who, []).append(process)
                break
    return found


def kill_once(batch, who, sent, delay):
    """Kill one of a batch's processes, a while after there is one; tell whether there was."""
    for _ in range(3_000):
        if batch.poll() is not None:
            return False
        try:
            there = processes(batch).get(who)
            if there:
                time.sleep(delay)
                there[0].send_signal(sent)
                return True
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.02)
    return False


def tables_of(folder):
    """What is published, but for the seconds that it took."""
    assert files.complete(folder)
    found = {path.name: path.read_bytes() for path in folder.rglob("*.safetensors")}
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, dtype=str)
        found[path.name] = table.drop(columns=["seconds", "commit"], errors="ignore")
        found[path.name] = found[path.name].to_csv()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert begin(folder).wait(timeout=300) == 0
    return tables_of(folder / "results")


@pytest.mark.kills
@pytest.mark.parametrize("n", range(5))
def test_after_five_kills_the_plain_command_ends_with_the_same_tables(tmp_path, undisturbed, n):
    draw, results = random.Random(n), tmp_path / "results"
    # another pair each time, over all five
    pairs = list(islice(cycle(product(WHO, SENT)), 5 * n, 5 * n + 5))
    # what comes to be only at the end is killed last
    for who, sent in sorted(pairs, key=lambda pair: WHO.index(pair[0])):
        delay = draw.uniform(0, 4)
        batch, since = begin(tmp_path), time.monotonic()
        was_sent = kill_once(batch, who, sent, delay)
        code = batch.wait(timeout=300)
        told = f"{sent.name} of the {who} after {delay:.1f} s" if was_sent else f"no {who} there"
        print(f"\n{n}: {told}: exit {code} after {time.monotonic() - since:.0f} s", end="")
        assert not results.exists() or files.complete(results) or (results / ".publishing").exists()
    assert begin(tmp_path).wait(timeout=300) == 0, (tmp_path / "said.txt").read_text()
    assert tables_of(results) == undisturbed
    assert not [path for path in tmp_path.rglob("*.tmp") if ".snakemake" not in str(path)]
    print(f"\n{n}: the plain command then ends with 0 and the same tables")
