"""Kernels that are forks: they have the packages, end when they should, and their death is told."""

import os
import subprocess
import sys
import time

import nbformat
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

pytestmark = pytest.mark.slow


@pytest.fixture
def client(monkeypatch, tmp_path):
    factory = KernelProvisionerFactory.instance()
    monkeypatch.setattr(factory, "default_provisioner_name", "forked")

    def of_cells(*cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        there = {"metadata": {"path": str(tmp_path)}}
        return NotebookClient(notebook, timeout=120, kernel_name="python3", resources=there)

    return of_cells


def results(notebook):
    return [
        output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.outputs
        if "text/plain" in output.get("data", {})
    ]


def wait_until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_kernel_has_the_packages_and_the_folder_and_shows_figures_as_drawings(client, tmp_path):
    done = client(
        "import os, sys\n'modlib.batch.claims' in sys.modules, 'matplotlib' in sys.modules",
        "os.getcwd()",
        "from modlib.figures.style import use_style\nuse_style()",
        "import matplotlib.pyplot as plt\nplt.plot([0, 1]);",
    ).execute()
    assert results(done)[:2] == ["(True, False)", repr(str(tmp_path))]
    (figure,) = [o for o in done.cells[-1].outputs if "image/svg+xml" in o.get("data", {})]
    assert "image/png" not in figure["data"]


def test_what_one_kernel_sets_another_does_not_have(client):
    client("import modlib\nmodlib.graphs.left = 1").execute()
    assert results(client("import modlib\nhasattr(modlib.graphs, 'left')").execute()) == ["False"]


def test_a_kernel_ends_with_its_page(client):
    (pid,) = results(client("import os\nos.getpid()").execute())
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 20)


def test_a_kernel_that_dies_is_noticed(client):
    with pytest.raises(DeadKernelError):
        client("import os\nos._exit(1)").execute()


EXECUTING = """
import sys
import nbformat
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient import NotebookClient

KernelProvisionerFactory.instance().default_provisioner_name = "forked"
cell = nbformat.v4.new_code_cell(
    "import os, time\\nopen('pid', 'w').write(str(os.getpid()))\\ntime.sleep(600)"
)
notebook = nbformat.v4.new_notebook(cells=[cell])
NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
"""


def test_a_kernel_ends_with_the_process_that_executes_its_page(tmp_path):
    executing = subprocess.Popen([sys.executable, "-c", EXECUTING], cwd=tmp_path)
    try:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 120)
    finally:
        executing.kill()
        executing.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text()}"), 20)
