"""Run notebooks/sweep.ipynb by papermill for several parts of the batch, in one kernel.

A kernel takes about as long to start and to import the packages as a small stack takes to
train. The notebook sets every name before it reads it, so that a run finds nothing that the one
before it left. Parts that are there already are left out; one that fails is told, and does not
keep the others from being made.

    python workflow/sweeps.py '[{notebook: run.ipynb, parameters: {task: retina, ...}}, ...]'
"""

import sys
from pathlib import Path

import papermill
import yaml
from jupyter_client import KernelManager
from papermill.exceptions import PapermillExecutionError

SWEEP = Path(__file__).parents[1] / "notebooks" / "sweep.ipynb"


def main(runs: list[dict]) -> int:
    """Make the parts that are missing, one after the other; return 1 if any failed."""
    failed = 0
    kernel = KernelManager(kernel_name="python3")
    kernel.start_kernel()
    for run in runs:
        notebook, told = run["notebook"], run["parameters"]
        if all(Path(told[file]).exists() for file in ("output", "network", "networks")):
            continue
        try:
            papermill.execute_notebook(SWEEP, notebook, told, progress_bar=False, km=kernel)
        except PapermillExecutionError as error:
            print(f"{notebook} shows where this happened:\n{error}", flush=True)
            failed = 1
    kernel.shutdown_kernel()
    return failed


if __name__ == "__main__":
    sys.exit(main(yaml.safe_load(sys.argv[1])))
