"""A built wheel, installed where there is nothing else, does what the README promises."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]

REFUSED = [
    "IPython", "beartype", "ipykernel", "jupyter_book", "lightning", "matplotlib", "nbformat",
    "pandera", "papermill", "powerlaw", "pytest", "safetensors", "seaborn", "snakemake",
    "transformers", "yaml",
]  # fmt: skip
"""What belongs to extras, and to no dependency of the library alone."""

GUARD = f"import sys; sys.modules |= dict.fromkeys({REFUSED})"

TRAINING = """
import modlib

for task, penalty in [("two_mnist", "none"), *(("retina", name) for name in modlib.PENALTIES)]:
    run = modlib.train(task, penalty, seeds=[0], steps=2, hidden=(6,), nulls=2, restarts=1)
    assert run.table.accuracy.between(0, 1).all(), (task, penalty)
"""

PENALISING = """
import torch
import modlib
from modlib.graphs import layer_sizes

for name, record in modlib.PENALTIES.items():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(9, 6), torch.nn.Tanh(), torch.nn.Linear(6, 4))
    sizes = layer_sizes(modlib.weights(net))
    penalty = record.make(None, sizes, [0], [record.strength])
    assert penalty(modlib.weights(net)).isfinite(), name
"""

TRIADS = """
import modlib, networkx
closed = modlib.close_triads(networkx.DiGraph([(0, 1), (1, 2)]), steps=50, seed=0)
assert closed.has_edge(0, 2)
"""

MODULES = """
import importlib, pathlib, pkgutil
import modlib

rooms = ("penalties", "tasks", "training")
names = [m.name for m in pkgutil.iter_modules(modlib.__path__, "modlib.") if not m.ispkg]
for room in rooms:
    place = importlib.import_module(f"modlib.{room}").__path__
    names += [m.name for m in pkgutil.iter_modules(place, f"modlib.{room}.")]
assert "modlib.tasks.images" in names
of_extras = {"modlib.plots", "modlib.training.lightning", "modlib.training.transformers"}
# the batch, the studies and their figures need extras, and say that tables come with a checkout
for module in map(importlib.import_module, set(names) - of_extras):
    for name, value in vars(module).items():
        if isinstance(value, pathlib.Path):
            assert value.exists(), (module.__name__, name, value)
assert pathlib.Path(modlib.__file__).with_name("py.typed").exists()
"""

EXTRAS = """
import pkgutil
import modlib

needed = {}
for module in pkgutil.walk_packages(modlib.__path__, "modlib.", onerror=str):
    try:
        __import__(module.name)
    except ImportError as error:
        needed[module.name] = str(error).split(": ")[-1]
try:
    modlib.plots
except ImportError as error:
    print(str(error) == "no module named matplotlib: pip install 'modlib[plots]'")
print(needed)
"""


def run_in(folder, *command):
    return subprocess.run(
        [str(folder / "bin" / "python"), "-I", *command],
        # paths of the environment may be beyond ASCII, whatever the locale
        cwd=folder, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the wheel, where the dependencies of the library alone are found."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "modlib", source / "modlib", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    shutil.rmtree(source)
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("modlib-*.whl")
    install = ["install", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    # a .pth adds a folder without obeying the .pth files that lie in it, an editable modlib's too
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "refusal.py").write_text(GUARD)
    (site / "refusal.pth").write_text("import refusal\n")
    return folder / "venv"


def test_the_wheel_is_what_is_imported(environment):
    found = run_in(environment, "-c", "import modlib; print(modlib.__file__)")
    assert Path(found.stdout.strip()).is_relative_to(environment), found.stderr


def test_nothing_of_the_extras_is_there(environment):
    for name in ("matplotlib", "pandera", "yaml"):
        assert f"import of {name} halted" in run_in(environment, "-c", f"import {name}").stderr


def test_the_readmes_lines_run(environment):
    code, _ = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found = run_in(environment, "-c", code)
    assert found.returncode == 0, found.stderr
    assert float(found.stdout) > 0.5


@pytest.mark.parametrize("code", [TRAINING, PENALISING, TRIADS, MODULES])
def test_it_runs(environment, code):
    found = run_in(environment, "-c", code)
    assert found.returncode == 0, found.stderr


def test_what_needs_an_extra_says_which_and_nothing_else_does(environment):
    found = run_in(environment, "-c", EXTRAS)
    drawing, needed = found.stdout.splitlines()
    assert drawing == "True"
    assert ast.literal_eval(needed) == {
        "modlib.batch": "pip install 'modlib[batch]'",
        "modlib.figures": "pip install 'modlib[plots]'",
        "modlib.plots": "pip install 'modlib[plots]'",
        "modlib.study": "pip install 'modlib[batch]'",
        "modlib.training.lightning": "pip install 'modlib[lightning]'",
        "modlib.training.transformers": "pip install 'modlib[transformers]'",
    }
