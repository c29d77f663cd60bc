"""The package as it was at another commit: its functions, called in processes of their own."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modlib.batch.provenance import git

CALL = """
import pickle, sys
answers, sys.stdout = sys.stdout.buffer, sys.stderr
function, arguments = pickle.load(sys.stdin.buffer)
pickle.dump(function(*arguments), answers)
"""


def last_to_change(path: str) -> str:
    """Return the last commit of this checkout's history that changed a file; '' if none did.

    Raises:
        ValueError: if this is no checkout.
    """
    return _asked("log", "-1", "--format=%H", "--", path)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Give a temporary folder, named by the commit, of this repository as it was then.

    Raises:
        ValueError: if there is no such commit, or this is no checkout.
    """
    name = _asked("rev-parse", "--verify", "--short", f"{commit}^{{commit}}")
    with TemporaryDirectory() as place:
        folder = Path(place, name)
        git("worktree", "add", "--detach", str(folder), name)
        try:
            yield folder
        finally:
            git("worktree", "remove", "--force", str(folder))


def called(checkout: Path, function: Callable, *arguments: object) -> Any:
    """Return what the function of the same module and name returns in another checkout.

    Raises:
        ValueError: if it fails there, or there is none.
    """
    ran = subprocess.run(
        [sys.executable, "-c", CALL],
        input=pickle.dumps((function, arguments)),
        capture_output=True,
        cwd=checkout,
        # what is started in turn, as kernels are, finds the same package
        env=os.environ | {"PYTHONPATH": str(checkout)},
    )
    if ran.returncode:
        reason = ran.stderr.decode(errors="replace").strip().splitlines()[-1]
        raise ValueError(
            f"{function.__name__} should return at {checkout.name}, got {reason}; name another"
            " commit"
        )
    return pickle.loads(ran.stdout)


def _asked(*command: str) -> str:
    try:
        return git(*command)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f"the code of another commit needs a git checkout that has it, got: {error}; name one"
            " of its commits, or clone the repository"
        ) from error
