"""What a part of the batch follows from: parameters and the code it reaches, but no words."""

import json
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from modlib import PENALTIES, TASKS, provenance, train

L1 = {"task": "retina", "penalty": "l1", "strengths": [1e-3, 1e-2]}


def forget():
    for cached in (provenance._definitions, provenance._imports, provenance._bare):
        cached.cache_clear()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the package and the notebook, which takes the place of this one."""
    package, notebook = tmp_path / "modlib", tmp_path / "sweep.ipynb"
    shutil.copytree(Path(provenance.PACKAGE), package, ignore=shutil.ignore_patterns("__pycache__"))
    cells = [
        {"cell_type": "markdown", "source": ["# A sweep\n"]},
        {"cell_type": "code", "source": ["task = 'retina'  # a task\n", "run = 1"]},
    ]
    notebook.write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(provenance, "SWEEP", notebook)
    forget()
    yield tmp_path
    forget()


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    forget()


def test_a_key_is_the_same_for_the_same_content_and_differs_with_a_parameter(checkout):
    key = provenance.part_key(**L1)
    assert len(key) == 16
    assert int(key, 16) >= 0
    assert provenance.part_key(**dict(reversed(L1.items()))) == key
    assert provenance.part_key(**L1 | {"task": "two_digits"}) != key
    assert provenance.part_key(**L1 | {"penalty": "l2"}) != key
    assert provenance.part_key(**L1 | {"strengths": [1e-2, 1e-3]}) != key
    assert provenance.part_key(**L1 | {"steps": None}) != key


def test_every_task_and_every_penalty_has_a_key_of_its_own(checkout):
    keys = {provenance.part_key(task, "l1") for task in TASKS}
    keys |= {provenance.part_key("retina", penalty) for penalty in PENALTIES}
    assert len(keys) == len(TASKS) + len(PENALTIES) - 1


PENALTY, TASK = "modlib/penalties.py", "modlib/tasks.py"
CHANGES = {
    "its penalty": (PENALTY, "W.abs().sum((-2, -1))", "W.abs().mean((-2, -1))"),
    "its default strength": (PENALTY, '"l1", l1_penalty, 1e-3', '"l1", l1_penalty, 2e-3'),
    "the networks without a penalty that it is held against": (PENALTY, "new_zeros", "new_ones"),
    "what makes every penalty": (PENALTY, "return self.function(", "return 2 * self.function("),
    "its task": (TASK, 'return Task(\n        name="retina"', 'return Task(\n        name="re"'),
    "its task's entry": (TASK, '"retina": retina', '"retina": partial(retina, "both")'),
    "what its task is made of": (TASK, "(outer + inner >= 3)", "(outer + inner >= 4)"),
    "training": ("modlib/training.py", "loss.sum().backward()", "loss.mean().backward()"),
    "a number that training uses": ("modlib/training.py", "lr=5e-3", "lr=1e-3"),
    "measuring": ("modlib/measures.py", "DENSITY = 0.25", "DENSITY = 0.5"),
    "code two modules away": ("modlib/graphs.py", "/ np.maximum(r", "/ np.minimum(r"),
    "a number two modules away": ("modlib/graphs.py", "SUM = 1e-300", "SUM = 1e-200"),
    "code three modules away": ("modlib/networks.py", "-(n_in**-0.5)", "-(n_in**-1)"),
    "how a strength is chosen": ("modlib/comparisons.py", "MARGIN = 0.005", "MARGIN = 0.05"),
    "the notebook's code": ("sweep.ipynb", "run = 1", "run = 2"),
}
NO_CHANGES = {
    "another penalty": (PENALTY, "W.square().sum((-2, -1))", "W.square().mean((-2, -1))"),
    "another penalty's class": ("modlib/placed.py", "class BIMT(nn.Module):", "class BIMT(list):"),
    "another penalty's module": ("modlib/loops.py", "square()", "abs()"),
    "another prior": ("modlib/priors.py", "0 <= rate < 1", "0 <= rate <= 1"),
    "another penalty's strength": (PENALTY, '"l2", l2_penalty, 3e-3', '"l2", l2_penalty, 1e-3'),
    "a new penalty": (
        PENALTY,
        '        of_weights("l2"',
        '        of_weights("new", lambda chain: chain[0].sum(), 1.0),\n        of_weights("l2"',
    ),
    "a new penalty's code": (
        PENALTY,
        "class Penalty(",
        "class New(list):\n    x = 1\n\n\nclass Penalty(",
    ),
    "a new task": (TASK, '    "retina": retina', '    "new": formulas,\n    "retina": retina'),
    "another task": (TASK, "np.median(outputs, axis=0)", "np.mean(outputs, axis=0)"),
    "another task's entry": (TASK, "overlap=0.25", "overlap=0.2"),
    "another task's formulas": (TASK, "(x1 + x3) ** 3", "(x1 + x3) ** 2"),
    "another task's module": ("modlib/images.py", "/ 255", "/ 256"),
    "a module that it does not need": ("modlib/plots.py", "GREY = ", "GRAY = GREY = "),
    "what reads the table": ("modlib/comparisons.py", "Series) -> pd.Series:\n", "Series):\n"),
    "a docstring": (PENALTY, "Return sum |W|.", "Return the sum of |W|."),
    "a module's docstring": ("modlib/training.py", '"""Train a stack', '"""Train stacks'),
    "a number's docstring": ("modlib/graphs.py", "A row or column whose", "Rows whose"),
    "a comment": ("modlib/training.py", "    # a stream of its own", "    # one more stream"),
    "a blank line": (PENALTY, "\n\n\ndef l1_penalty", "\n\n\n\ndef l1_penalty"),
    "the layout": (PENALTY, "return sum(W.abs()", "return sum(  W.abs()"),
    "the notebook's prose": ("sweep.ipynb", "# A sweep", "# One sweep"),
    "a comment in the notebook": ("sweep.ipynb", "# a task", "# the task"),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_key_changes_with(checkout, file, old, new):
    key = provenance.part_key(**L1)
    replace(checkout / file, old, new)
    assert provenance.part_key(**L1) != key


@pytest.mark.parametrize(("file", "old", "new"), NO_CHANGES.values(), ids=NO_CHANGES)
def test_a_key_does_not_change_with(checkout, file, old, new):
    key = provenance.part_key(**L1)
    replace(checkout / file, old, new)
    assert provenance.part_key(**L1) == key


OF_ANOTHER = {
    "l2": NO_CHANGES["another penalty"],
    "bimt": NO_CHANGES["another penalty's class"],
    "loops": NO_CHANGES["another penalty's module"],
    "dropout": NO_CHANGES["another prior"],
}


@pytest.mark.parametrize("penalty", OF_ANOTHER)
def test_what_leaves_the_keys_of_others_changes_that_of_the_penalty_itself(checkout, penalty):
    keys = {name: provenance.part_key("retina", name) for name in OF_ANOTHER}
    file, old, new = OF_ANOTHER[penalty]
    replace(checkout / file, old, new)
    changed = {name for name, key in keys.items() if provenance.part_key("retina", name) != key}
    assert changed == {penalty}


WAYS = {
    "by its name": ("from modlib.far import far", "far()"),
    "by another name": ("from modlib.far import far as near", "near()"),
    "in its module": ("from modlib import far", "far.far()"),
    "through a module between": ("from modlib.between import far", "far()"),
    "within a function": ("", "lazy()"),
}


@pytest.mark.parametrize(("imported", "call"), WAYS.values(), ids=WAYS)
def test_code_counts_that_is_reached(checkout, imported, call):
    package = checkout / "modlib"
    (package / "far.py").write_text(
        "def far():\n    return number()\n\ndef number():\n    return 1\n"
    )
    (package / "between.py").write_text("from modlib.far import far\n")
    lazy = "def lazy():\n    from modlib.far import far\n\n    return far()\n"
    replace(package / "training.py", "ADAM = ", f"{imported}\n\n{lazy}\nADAM = ")
    unused = provenance.part_key(**L1)
    replace(package / "training.py", "lr=5e-3", f"lr={call}")
    used = provenance.part_key(**L1)
    assert used != unused
    replace(package / "far.py", "return 1", "return 2")
    assert provenance.part_key(**L1) != used


def called(task, penalty):
    """The functions and classes of this package that training calls, as 'module.name'."""
    found = set()

    def note(frame, event, argument):
        code = frame.f_code
        name = code.co_qualname.split(".")[0]
        if Path(code.co_filename).parent == provenance.PACKAGE and not name.startswith("<"):
            found.add(f"{Path(code.co_filename).stem}.{name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        train(task, penalty, seeds=[0], hidden=(6, 6), steps=2, nulls=2, restarts=1)
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize(
    ("task", "penalty"),
    [
        *(("retina", "none"), ("retina_and", "walk_loops"), ("planted_25", "cut")),
        *(("formulas_sharing", "dropout"), ("two_digits", "l1"), ("retina", "hard_wired")),
        *(("retina", name) for name in ("bimt", "soft_modularity", "communicability", "retraced")),
        *(("retina", name) for name in ("learned_places", "block_fraction", "clusterable_init")),
    ],
)
def test_a_part_reaches_all_that_training_calls(task, penalty):
    used = called(task, penalty)
    assert {"training.train", "measures.measure", "graphs.balanced"} <= used
    assert used <= set(provenance.reached(task, penalty))


def test_a_part_does_not_reach_what_other_parts_are_made_of():
    found = provenance.reached("retina", "l1")
    assert {"tasks.retina", "penalties.l1_penalty", "penalties.no_penalty"} <= set(found)
    modules = {name.split(".")[0] for name in found}
    others = {"ablations", "images", "loops", "partitions", "placed", "priors", "walks"}
    assert not modules & {*others, "plots", "results", "provenance"}
    assert not {"penalties.l2_penalty", "tasks.planted", "tasks.formulas"} & set(found)
    assert "l2" not in found["penalties.PENALTIES"]
    assert "planted" not in found["tasks.TASKS"]


@pytest.mark.parametrize(("task", "penalty"), [("retina", "l3"), ("retinas", "l1")])
def test_a_name_in_no_registry_is_refused(task, penalty):
    unknown = penalty if penalty not in PENALTIES else task
    with pytest.raises(ValueError, match=f"needs an entry '{unknown}', got none; add it or name"):
        provenance.part_key(task, penalty)


def test_the_versions_that_numbers_depend_on_are_named():
    versions = provenance.provenance()["versions"].split("; ")
    assert f"python {platform.python_version()}" in versions
    for package in ("modlib", "torch", "numpy", "networkit", "scikit-learn"):
        assert f"{package} {version(package)}" in versions


def test_outside_a_checkout_the_commit_is_unknown(checkout):
    assert provenance.provenance()["commit"] == "unknown"
