"""Where a number comes from: versions and commit."""

import platform
import subprocess
from importlib.metadata import version

import torch

from modlib.batch.checkout import NOTEBOOKS, PACKAGE, ROOT


def provenance() -> dict[str, str]:
    """Return the versions that numbers depend on, and the commit of this checkout."""
    packages = ("modlib", "torch", "numpy", "networkit", "scikit-learn")
    machine = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    versions = [f"python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    commit = _git("rev-parse", "HEAD") or "unknown"
    # of the code alone: a batch that publishes changes the results
    changed = _git("status", "--porcelain", "--", str(PACKAGE), str(NOTEBOOKS))
    return {
        "versions": "; ".join([*versions, machine]),
        "commit": f"{commit}-dirty" if changed else commit,
    }


def _git(*command: str) -> str:
    git = ["git", "-C", str(ROOT), *command]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip()
