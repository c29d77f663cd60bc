"""The recipes of CONTRIBUTING, followed to the letter in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
STEP = re.compile(
    r"(?:New file `(?P<new>[^`]+)`|^In `(?P<file>[^`]+)` after the line `(?P<line>[^`]+)`):"
    r"\n\n(?P<fence>```+)\w+\n(?P<text>.*?)^(?P=fence)$",
    re.M | re.S,
)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the checkout in which all recipes were followed."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("modlib", "notebooks", "tests", "workflow", "book"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "_toc.yml", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    steps = list(STEP.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert len(steps) == 12
    for step in steps:
        if step["new"]:
            assert not (copy / step["new"]).exists()
            (copy / step["new"]).write_text(step["text"], "utf-8")
        else:
            lines = (copy / step["file"]).read_text("utf-8").splitlines()
            assert lines.count(step["line"]) == 1
            at = lines.index(step["line"]) + 1
            lines[at:at] = step["text"].splitlines()
            (copy / step["file"]).write_text("\n".join(lines) + "\n", "utf-8")
    return copy


def run(copy, *command):
    """What Python prints there."""
    env = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, *command], cwd=copy, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_new_penalty_task_and_measure_are_in_the_table_of_a_run(followed):
    script = (
        "import modlib; from modlib.training.measures import MEASURES;"
        "assert 'small_weights' in [m.name for m in MEASURES];"
        "from modlib.batch.schemas import MEASURED; assert 'small_weights' in MEASURED;"
        "t = modlib.train('signs', 'quartic', seeds=[0], steps=3).table;"
        "print(modlib.__file__, t.status[0], 0 <= t.small_weights[0] <= 1)"
    )
    assert run(followed, "-c", script).split() == [
        str(followed / "modlib" / "__init__.py"), "ok", "True"
    ]  # fmt: skip


def test_a_new_page_keeps_the_rules_and_runs(followed):
    rules = "tests/test_project.py", "tests/test_notebooks.py"
    # files alone are read: types have nothing to check
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    told = run(followed, "-m", "pytest", *options, "-rp", *rules, "-k", "decay")
    assert all(f"PASSED {each}" in told for each in rules)
    script = (
        "import sys; sys.path.append('tests'); import matplotlib; matplotlib.use('Agg');"
        "from notebooks import execute;"
        "own, changed = execute('decay', {}), execute('decay', {'steps': 5});"
        "print(own['page'].own, list(own['held'].data.holds), changed['page'].own)"
    )
    assert run(followed, "-c", script).split("\n")[-2] == "True ['yes'] False"
