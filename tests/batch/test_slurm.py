"""The batch on a cluster: a Slurm of one node, started on this machine by root, `make test-slurm`.

Debian's slurm-wlm and munge are needed, and snakemake-executor-plugin-slurm beside Snakemake.
Slurm's own jobs look for its configuration in one place alone, so that it is written there.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import yaml

from modlib.batch import files

ROOT = Path(__file__).parents[2]
CONF = Path("/etc/slurm/slurm.conf")
DAEMONS = ("slurmctld", "slurmd")

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        not shutil.which("slurmd") or not find_spec("snakemake_executor_plugin_slurm"),
        reason="Slurm and its plugin for Snakemake are not installed",
    ),
]

BATCH = {
    "build": "build/slurm",
    "results": "build/slurm/results",
    "groups": [
        {
            "tasks": ["retina"],
            "selection_seeds": [100, 2],
            "evaluation_seeds": [0, 2],
            "strengths": {"none": []},
        }
    ],
    "also_judged": {},
    "networks_of": ["retina"],
    "tables": {"settings": {"seeds": [4], "steps": 1, "epochs": 0}},
    "steps": 20,
    "nulls": 2,
    "selection_nulls": 2,
    "restarts": 1,
}


def running(name):
    """The processes of a daemon."""
    return [each for each in psutil.process_iter(["name"]) if each.info["name"] == name]


def start(name):
    subprocess.run([name], check=True, timeout=60)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Slurm on one node."""
    folder, host = tmp_path_factory.mktemp("slurm"), socket.gethostname().split(".")[0]
    for part in ("state", "spool"):
        (folder / part).mkdir()
    lines = {
        "ClusterName": "one", "SlurmctldHost": host, "SlurmUser": "root",
        "StateSaveLocation": folder / "state", "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid", "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log", "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none",
        "AccountingStorageType": "accounting_storage/none", "ReturnToService": "2",
        "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_CPU",
        "SlurmdTimeout": "10", "OverTimeLimit": "0",
        "NodeName": f"{host} CPUs=2 RealMemory=8000 State=UNKNOWN",
        "PartitionName": "all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
    }  # fmt: skip
    CONF.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    if not running("munged"):
        Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge")
        subprocess.run(["su", "-s", "/bin/sh", "munge", "-c", "munged"], check=True)
    for name in DAEMONS:
        start(name)
    yield folder
    for process in [each for name in DAEMONS for each in running(name)]:
        process.kill()
    CONF.unlink()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout that the batch runs in: its jobs do so in the folder of the Snakefile."""
    folder = tmp_path_factory.mktemp("checkout") / "modlib"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(BATCH))
    return folder


def begin(checkout, minutes=10, **tables):
    """Start the batch on the cluster, each of its jobs for so many minutes at most."""
    profile = checkout / "profile"
    profile.mkdir(exist_ok=True)
    own = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
    # a cluster without accounting knows neither accounts nor what became of a job
    own |= {"slurm-status-command": "squeue", "slurm-no-account": True, "jobs": 2}
    own |= {"default-resources": ["mem_mb=2000", f"runtime={minutes}"], "latency-wait": 5}
    (profile / "config.yaml").write_text(yaml.safe_dump(own))
    config = BATCH | {"tables": {"settings": BATCH["tables"]["settings"] | tables}}
    (checkout / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile"]
    command += ["--configfile", "config.yaml", "--profile", str(profile)]
    paths = [str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    with (checkout / "said.txt").open("w") as said:
        return subprocess.Popen(command, cwd=checkout, stdout=said, stderr=said, env=environment)


def said(checkout):
    return (checkout / "said.txt").read_text()


def test_a_batch_runs_on_a_cluster(cluster, checkout):
    assert begin(checkout).wait(timeout=500) == 0, said(checkout)
    results = checkout / BATCH["results"]
    assert files.complete(results)
    assert {path.name for path in results.glob("*.csv")} == {"networks.csv", "settings.csv"}
    assert "submitted with SLURM jobid" in said(checkout)


def test_after_a_kill_of_the_nodes_daemon_the_same_command_goes_on(cluster, checkout):
    batch = begin(checkout, epochs=1)
    while "submitted with SLURM jobid" not in said(checkout):
        assert batch.poll() is None, said(checkout)
        time.sleep(0.5)
    time.sleep(5)
    for process in running("slurmd"):
        process.send_signal(signal.SIGKILL)
    time.sleep(2)
    start("slurmd")
    if batch.wait(timeout=500):
        assert begin(checkout, epochs=1).wait(timeout=500) == 0, said(checkout)
    assert files.complete(checkout / BATCH["results"])


def test_a_job_over_its_limit_is_told_and_made_by_the_same_command_with_more(cluster, checkout):
    long = {"steps": 20_000_000}
    assert begin(checkout, minutes=1, **long).wait(timeout=500) != 0
    assert "settings" in said(checkout).split("Not made:")[1]
    assert files.complete(checkout / BATCH["results"])
    assert begin(checkout, epochs=2).wait(timeout=500) == 0, said(checkout)
