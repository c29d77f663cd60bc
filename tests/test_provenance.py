"""What a part of the batch follows from: parameters and the code it reaches, but no words."""

import json
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from modlib import PENALTIES, TASKS, provenance, train
from modlib.training import trial

L1 = {"task": "retina", "penalty": "l1", "strengths": [1e-3, 1e-2]}
CELLS = [
    {"cell_type": "markdown", "source": ["# A sweep\n"]},
    {"cell_type": "code", "source": ["task = 'retina'  # a task\n", "run = 1"]},
]
NOTEBOOK = json.dumps({"cells": CELLS})
BRIEF = {"seeds": [0], "hidden": (6, 6), "steps": 2, "nulls": 2, "restarts": 1}


def forget():
    for cached in (provenance._definitions, provenance._imports, provenance._bare):
        cached.cache_clear()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the package and the notebook, which takes the place of this one."""
    package, notebook = tmp_path / "modlib", tmp_path / "notebooks" / "sweep.ipynb"
    shutil.copytree(Path(provenance.PACKAGE), package, ignore=shutil.ignore_patterns("__pycache__"))
    notebook.parent.mkdir()
    notebook.write_text(NOTEBOOK)
    monkeypatch.setattr(provenance, "PACKAGE", package)
    monkeypatch.setattr(provenance, "SWEEP", notebook)
    forget()
    yield tmp_path
    forget()


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The key of a part before anything is changed."""
    notebook = tmp_path_factory.mktemp("before") / "sweep.ipynb"
    notebook.write_text(NOTEBOOK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "SWEEP", notebook)
        return provenance.part_key(**L1)


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    forget()


def test_a_key_is_the_same_for_the_same_content_and_differs_with_a_parameter(checkout, key):
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
    "a trial": (
        "modlib/training.py",
        "found = stack_modularity(run.network",
        "found = stack_modularity(network",
    ),
    "measuring": ("modlib/measures.py", "DENSITY = 0.25", "DENSITY = 0.5"),
    "code two modules away": ("modlib/graphs.py", "/ np.maximum(r", "/ np.minimum(r"),
    "a number two modules away": ("modlib/graphs.py", "SUM = 1e-300", "SUM = 1e-200"),
    "code three modules away": ("modlib/networks.py", "-(n_in**-0.5)", "-(n_in**-1)"),
    "how a strength is chosen": ("modlib/comparisons.py", "MARGIN = 0.005", "MARGIN = 0.05"),
    "the notebook's code": ("notebooks/sweep.ipynb", "run = 1", "run = 2"),
}
NO_CHANGES = {
    "another penalty": ("modlib/chain.py", "W.square().sum((-2, -1))", "W.square().mean((-2, -1))"),
    "another penalty's class": ("modlib/placed.py", "class BIMT(nn.Module):", "class BIMT(list):"),
    "another penalty's module": ("modlib/loops.py", "W.square().square()", "W.square()"),
    "another prior": ("modlib/priors.py", "0 <= rate < 1", "0 <= rate <= 1"),
    "another penalty's strength": (PENALTY, '"l2", squares, 3e-3', '"l2", squares, 1e-3'),
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
    "another task's formulas": ("modlib/formulas.py", "(x1 + x3) ** 3", "(x1 + x3) ** 2"),
    "another task's module": ("modlib/images.py", "/ 255", "/ 256"),
    "a module that it does not need": ("modlib/plots.py", "GREY = ", "GRAY = GREY = "),
    "what reads the table": ("modlib/comparisons.py", "Series) -> pd.Series:\n", "Series):\n"),
    "a docstring": (PENALTY, "Return sum |W|.", "Return the sum of |W|."),
    "a module's docstring": ("modlib/training.py", '"""Train a stack', '"""Train stacks'),
    "a number's docstring": ("modlib/graphs.py", "A row or column whose", "Rows whose"),
    "a comment": ("modlib/training.py", "    # a stream of its own", "    # one more stream"),
    "a blank line": (PENALTY, "\n\n\ndef l1_penalty", "\n\n\n\ndef l1_penalty"),
    "the layout": (PENALTY, "return sum(W.abs()", "return sum(  W.abs()"),
    "the notebook's prose": ("notebooks/sweep.ipynb", "# A sweep", "# One sweep"),
    "a comment in the notebook": ("notebooks/sweep.ipynb", "# a task", "# the task"),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_key_changes_with(checkout, key, file, old, new):
    replace(checkout / file, old, new)
    assert provenance.part_key(**L1) != key


def test_a_key_does_not_change_with_words_nor_with_what_other_parts_are_made_of(checkout, key):
    before = provenance.reached("retina", "l1")
    for file, old, new in NO_CHANGES.values():
        replace(checkout / file, old, new)
    assert provenance.reached("retina", "l1") == before
    assert provenance.part_key(**L1) == key


def test_another_penaltys_code_changes_its_own_key_alone(checkout):
    edits = {
        "l2": "another penalty",
        "bimt": "another penalty's class",
        "loops": "another penalty's module",
        "dropout": "another prior",
    }
    keys = {penalty: provenance.part_key("retina", penalty) for penalty in edits}
    for penalty, name in edits.items():
        file, old, new = NO_CHANGES[name]
        replace(checkout / file, old, new)
        now = {other: provenance.part_key("retina", other) for other in edits}
        assert {other for other in edits if now[other] != keys[other]} == {penalty}
        keys = now


IMPORT = "from modlib.far import far"
WAYS = {
    "by its name": (IMPORT, "far()"),
    "by another name": (f"{IMPORT} as near", "near()"),
    "in its module": ("from modlib import far", "far.far()"),
    "through a module between": ("from modlib.between import far", "far()"),
    "within a function": (f"def near():\n    {IMPORT}\n    return far()\n", "near()"),
}


@pytest.mark.parametrize(("statement", "call"), WAYS.values(), ids=WAYS)
def test_code_counts_that_is_reached(checkout, statement, call):
    package = checkout / "modlib"
    (package / "far.py").write_text(
        "def far():\n    return number()\n\ndef number():\n    return 1\n"
    )
    (package / "between.py").write_text(f"{IMPORT}\n")
    replace(package / "training.py", "ADAM = ", f"{statement}\nADAM = ")
    assert "far.number" not in provenance.reached("retina", "l1")
    replace(package / "training.py", "lr=5e-3", f"lr={call}")
    assert "return 1" in provenance.reached("retina", "l1")["far.number"]


@pytest.fixture(scope="module")
def imported():
    """Everything that training imports late, which would take long to trace."""
    train("retina", **BRIEF)


def called(task, penalty):
    """The functions and classes of this package that training calls, as 'module.name'."""
    found = set()

    def note(frame, event, argument):
        code = frame.f_code
        name = code.co_qualname.split(".")[0]
        if Path(code.co_filename).parent == provenance.PACKAGE and not name.startswith("<"):
            found.add(f"{Path(code.co_filename).stem}.{name}")

    before = sys.gettrace()
    sys.settrace(note)
    try:
        train(task, penalty, **BRIEF)
        trial(task, penalty, None, **BRIEF)
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize(
    ("task", "penalty"),
    [
        ("retina", "none"),
        ("retina_and", "walk_loops"),
        ("planted_25", "cut"),
        ("formulas_sharing", "dropout"),
        ("two_digits", "bimt"),
        *(("retina", name) for name in ("hard_wired", "soft_modularity", "learned_places")),
    ],
)
def test_a_part_reaches_all_that_training_calls(imported, task, penalty):
    used = called(task, penalty)
    assert {"training.train", "training.trial", "measures.measure", "graphs.balanced"} <= used
    assert used <= set(provenance.reached(task, penalty))


def test_a_part_does_not_reach_what_other_parts_are_made_of():
    found = provenance.reached("retina", "l1")
    assert {"tasks.retina", "penalties.l1_penalty", "penalties.no_penalty"} <= set(found)
    modules = {name.split(".")[0] for name in found}
    others = {"ablations", "images", "loops", "partitions", "placed", "priors", "walks"}
    assert not modules & {*others, "plots", "results", "provenance"}
    assert not {"chain.squares", "tasks.planted", "formulas.formulas"} & set(found)
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


OTHER = """import modlib
from modlib import close_triads, formulas as of, placed
from modlib.walks import walk_loop_sum

size = 3  # a parameter
modlib.train("retina"), placed.BIMT, of.FORMULAS, walk_loop_sum, close_triads
"""


@pytest.mark.parametrize(
    ("module", "old", "new", "reaches"),
    [
        ("chain", "SMALLEST_DEGREE = 1e-12", "SMALLEST_DEGREE = 1e-11", True),
        ("placed", "swapped: int = 5", "swapped: int = 4", True),
        ("formulas", "x2**2 + np.sin", "x2**3 + np.sin", True),
        ("training", "lr=5e-3", "lr=4e-3", True),  # by way of the package's own names
        ("triads", "increment: float = 1.0", "increment: float = 2.0", True),
        ("graphs", "def pruned(", "def pruned(*, ", True),
        ("loops", "the", "a", False),  # words of a docstring
        ("wiring", "import numpy as np", "import numpy as np\n\nunused = 1", False),
    ],
)
def test_a_notebooks_key_follows_what_its_code_reaches(checkout, module, old, new, reaches):
    cells = [{"cell_type": "code", "source": [OTHER]}, {"cell_type": "markdown", "source": ["a"]}]
    (checkout / "notebooks" / "other.ipynb").write_text(json.dumps({"cells": cells}))
    key = provenance.notebook_key("other", size=4)
    assert provenance.notebook_key("other", size=5) != key
    path = checkout / "modlib" / f"{module}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    forget()
    assert (provenance.notebook_key("other", size=4) != key) == reaches
    cells[1]["source"] = ["b"]
    (checkout / "notebooks" / "other.ipynb").write_text(json.dumps({"cells": cells}))
    assert (provenance.notebook_key("other", size=4) != key) == reaches
    cells[0]["source"] = [OTHER.replace("retina", "digits")]
    (checkout / "notebooks" / "other.ipynb").write_text(json.dumps({"cells": cells}))
    assert provenance.notebook_key("other", size=4) != key


def test_the_commit_is_dirty_where_the_code_was_changed_but_not_the_results(checkout):
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    commit = head.stdout.strip()
    assert provenance.provenance()["commit"] == commit
    (checkout / "networks.csv").write_text("task")
    assert provenance.provenance()["commit"] == commit
    replace(checkout / "modlib" / "chain.py", "1e-12", "1e-11")
    assert provenance.provenance()["commit"] == f"{commit}-dirty"
