"""Pages are executed in kernels that are forks of a process which has imported the packages.

Importing them takes longer than most pages take for all else. Beside each process that executes
pages there is one such process, which `multiprocessing` calls a fork server.
"""

import multiprocessing
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import ForkServerProcess
from typing import Any

from ipykernel.kernelapp import launch_new_instance
from jupyter_cache.executors.base import ExecutorRunResult
from jupyter_cache.executors.basic import (
    REPORT_LEVEL,
    ExecutionWorkerLocalMProc,
    JupyterExecutorLocalMproc,
    ProcessData,
)
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

IMPORTED = ["modlib.batch.claims", "modlib.study.results", "myst_nb"]
"""What kernels need not import; not matplotlib, which asks the kernel where figures are shown."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, *IMPORTED])


class Executor(JupyterExecutorLocalMproc):
    """Executes pages on all cores, each in a kernel of its own, and caches them."""

    def run_and_cache(
        self,
        *,
        filter_uris: list[str] | None = None,
        filter_pks: list[int] | None = None,
        timeout: int | None = 30,
        allow_errors: bool = False,
        force: bool = False,
    ) -> ExecutorRunResult:
        """Return which pages succeeded, which raised, and which could not be executed."""
        records = self.get_records(filter_uris, filter_pks, clear_tracebacks=True, force=force)
        multiprocessing.log_to_stderr(REPORT_LEVEL)
        data = [ProcessData(one.pk, one.uri, self.cache, timeout, allow_errors) for one in records]
        # processes of multiprocessing.Pool may not start others
        with ProcessPoolExecutor(
            mp_context=multiprocessing.get_context("fork"), initializer=end_with_parent
        ) as pool:
            ended = list(pool.map(ExecutionWorkerLocalMProc(), data))
        return ExecutorRunResult(*([uri for how, uri in ended if how == n] for n in range(3)))


class Provisioner(LocalProvisioner):
    """Starts kernels of Python as forks."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel by the command's arguments, and return how to reach it."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.cwd = str(kwargs.get("cwd") or os.getcwd())
        process = FORKS.Process(target=become_kernel, args=(arguments, self.cwd, kwargs["env"]))
        process.start()
        self.process = Forked(process)
        self.pid = self.pgid = process.pid
        return self.connection_info


class Forked:
    """A forked process, with the methods of `subprocess.Popen` that are asked of a kernel's."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self.process = process

    def poll(self) -> int | None:
        """Return its exit status, None as long as it runs."""
        return self.process.exitcode

    def wait(self) -> int | None:
        """Return its exit status once it has ended."""
        self.process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)


def become_kernel(arguments: list[str], folder: str, environment: Mapping[str, str]) -> None:
    """Make this process a kernel."""
    end_with_parent()
    os.setsid()
    os.chdir(folder)
    os.environ.update(environment)
    launch_new_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


def end_with_parent() -> None:
    """Have this process end with the one that asked for it, however that ends, from now on.

    The parent by number of a fork is the fork server, which waits for it in turn.
    """

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
