"""Where a number comes from: versions and commit."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from modlib.batch.checkout import ROOT

ARCHIVED = "$Format:%H$"
"""The commit, where `git archive` or a site that offers its archives has put it in."""


def provenance() -> dict[str, str]:
    """Return the versions that numbers depend on, and the commit of this checkout.

    The commit ends in `-dirty` where the package or a notebook was changed since, and in `-archive`
    where this came from an archive, in which changes cannot be told; it may be `unknown`.
    """
    packages = ("modlib", "torch", "numpy", "scikit-learn")
    machine = [platform.machine(), torch.backends.cpu.get_cpu_capability(), maker()]
    versions = [f"python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    return {"versions": "; ".join([*versions, " ".join(machine).strip()]), "commit": _commit()}


def maker() -> str:
    """Return who made the processor: on another's, torch's libraries round differently."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    told = [line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")]
    return told[0] if told else platform.processor()


def _commit() -> str:
    try:
        commit = git("rev-parse", "HEAD")
        # of the code alone: a batch that publishes changes the results
        changed = git("status", "--porcelain", "--", "modlib/*.py", "notebooks/*.ipynb")
    except (OSError, subprocess.CalledProcessError):
        return "unknown" if ARCHIVED.startswith("$") else f"{ARCHIVED}-archive"
    return f"{commit}-dirty" if changed else commit


def git(*command: str) -> str:
    """Return what git says of this checkout, whatever it lies in and git was told of others.

    Raises:
        OSError: if there is no git.
        subprocess.CalledProcessError: if this is not a checkout.
    """
    place = ["--git-dir", str(ROOT / ".git"), "--work-tree", str(ROOT)]
    called = ["git", *place, "--no-optional-locks", "-c", "core.fileMode=false", *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    output = subprocess.check_output(called, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    return output.decode(errors="replace").strip()
