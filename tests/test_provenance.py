"""What a part of the batch follows from: parameters and code, but not words about it."""

import importlib
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from modlib import provenance

SETTINGS = {"task": "retina", "strengths": [1e-3, 1e-2]}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the package and the notebook, which takes the place of this one."""
    package, notebook = tmp_path / "modlib", tmp_path / "sweep.ipynb"
    shutil.copytree(Path(provenance.PACKAGE), package, ignore=shutil.ignore_patterns("__pycache__"))
    cells = [
        {"cell_type": "markdown", "source": ["# A sweep\n"]},
        {"cell_type": "code", "source": ["task = 'retina'\n", "run = 1"]},
    ]
    notebook.write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(provenance, "SWEEP", notebook)
    return tmp_path


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_key_is_the_same_for_the_same_content_and_differs_with_a_parameter(checkout):
    key = provenance.part_key(**SETTINGS)
    assert len(key) == 16
    assert int(key, 16) >= 0
    assert provenance.part_key(**dict(reversed(SETTINGS.items()))) == key
    assert provenance.part_key(**SETTINGS | {"task": "two_digits"}) != key
    assert provenance.part_key(**SETTINGS | {"strengths": [1e-2, 1e-3]}) != key
    assert provenance.part_key(**SETTINGS | {"steps": None}) != key


CHANGES = {
    "code": ("modlib/loops.py", "square()", "abs()"),
    "code of training itself": ("modlib/training.py", "lr=3e-3", "lr=1e-3"),
    "a number": ("modlib/walks.py", "1e-12", "1e-10"),
    "the notebook's code": ("sweep.ipynb", "run = 1", "run = 2"),
}
WORDS = {
    "a docstring": ("modlib/loops.py", "Add up `loop_sum` over", "Sum `loop_sum` over"),
    "a module docstring": ("modlib/walks.py", "Degree-normalised loops", "Walk loops"),
    "a comment": ("modlib/training.py", "    # a stream of its own", "    # one more stream"),
    "a blank line": ("modlib/loops.py", "\n\n\ndef retraced_sum", "\n\n\n\ndef retraced_sum"),
    "the notebook's prose": ("sweep.ipynb", "# A sweep", "# One sweep"),
    "a module that training does not need": ("modlib/plots.py", "GREY = ", "GRAY = GREY = "),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_key_changes_with(checkout, file, old, new):
    key = provenance.part_key(**SETTINGS)
    replace(checkout / file, old, new)
    assert provenance.part_key(**SETTINGS) != key


@pytest.mark.parametrize(("file", "old", "new"), WORDS.values(), ids=WORDS)
def test_a_key_does_not_change_with(checkout, file, old, new):
    key = provenance.part_key(**SETTINGS)
    replace(checkout / file, old, new)
    assert provenance.part_key(**SETTINGS) == key


def test_the_modules_behind_training_are_all_that_it_reaches():
    modules = provenance._imported("training")
    assert {"training", "measures", "modularity", "graphs", "tasks", "loops", "walks"} <= modules
    assert not {"plots", "results", "triads", "provenance"} & modules
    for module in modules:
        objects = vars(importlib.import_module(f"modlib.{module}")).values()
        homes = {str(getattr(thing, "__module__", "")) for thing in objects}
        used = {home.removeprefix("modlib.") for home in homes if home.startswith("modlib.")}
        assert used <= modules


def test_the_versions_that_numbers_depend_on_are_named():
    versions = provenance.provenance()["versions"].split("; ")
    assert f"python {platform.python_version()}" in versions
    for package in ("modlib", "torch", "numpy", "networkit", "scikit-learn"):
        assert f"{package} {version(package)}" in versions


def test_outside_a_checkout_the_commit_is_unknown(checkout):
    assert provenance.provenance()["commit"] == "unknown"
