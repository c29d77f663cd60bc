"""Run notebooks by papermill for a job of the batch, one after the other, in one kernel.

A kernel takes about as long to start and to import the packages as a small stack takes to
train. A notebook sets every name before it reads it, so that a run finds nothing that the one
before it left. What a run writes comes to its folder, with checksums, once all of it is there;
what is there already is left out. A run that fails, or whose kernel dies, is reported, and does not
keep the others from being made.

    python workflow/run.py '[{notebook: sweep, folder: build/..., parameters: {...}, ...}, ...]'
"""

import os
import runpy
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import papermill
import yaml
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

ROOT = Path(__file__).parents[1]
# by its path: importing the package takes seconds, and it is the kernel that needs it
files = SimpleNamespace(**runpy.run_path(str(ROOT / "modlib" / "batch" / "files.py")))

MEMORY = {"hugetlb": 1, "mmap_threshold": 2**25, "trim_threshold": 2**33}
"""Has glibc use huge pages, and keep up to 8 GiB of what a step of training freed for the next."""

TELL = "from modlib.batch import steps; steps.tell(); del steps"
"""What a kernel begins with, so that notebooks say how far their training is."""


def literal(path: Path | str) -> str:
    """Return a path as papermill takes it, which formats it."""
    return str(path).replace("{", "{{").replace("}", "}}")


def execute(run: dict, kernel: AsyncKernelManager) -> None:
    """Make what a run writes, and put it in its place once all of it is there."""
    folder = Path(run["folder"])
    notebook = literal(ROOT / "notebooks" / f"{run['notebook']}.ipynb")
    with files.renamed_to(folder) as temporary:
        temporary.mkdir()
        written = {name: str(temporary / file) for name, file in run["files"].items()}
        papermill.execute_notebook(
            notebook,
            literal(run["executed"]),
            run["parameters"] | written,
            progress_bar=False,
            km=kernel,
            extra_arguments=[f"--IPKernelApp.exec_lines={TELL}"],
        )
        checksums = {file: files.sha256(temporary / file) for file in run["files"].values()}
        files.write_checksums(temporary, checksums)


def main(runs: list[dict]) -> int:
    """Make what is missing, one after the other; return 1 if any failed."""
    failed, kernel = 0, AsyncKernelManager(kernel_name="python3")
    try:
        for run in runs:
            if files.complete(Path(run["folder"])):
                continue
            try:
                execute(run, kernel)
            except Exception as error:  # whatever it is, the others are to be made
                reason = str(error).strip().splitlines() or [""]
                print(error, f"{run['executed']} shows where this happened", sep="\n")
                name = Path(run["folder"]).name
                print(f"{name} failed, {type(error).__name__}: {reason[-1]}", flush=True)
                failed = 1
                stop(kernel)
                kernel = AsyncKernelManager(kernel_name="python3")
    finally:
        stop(kernel)
    return failed


def stop(kernel: AsyncKernelManager) -> None:
    """End a kernel, if it has begun."""
    if kernel.has_kernel:
        run_sync(kernel.shutdown_kernel)(now=True)


def end_with(parent: int) -> None:
    """End this process once its parent has: a killed batch trains no further."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    os.environ["GLIBC_TUNABLES"] = ":".join(f"glibc.malloc.{n}={v}" for n, v in MEMORY.items())
    sys.exit(main(yaml.safe_load(sys.argv[1])))
