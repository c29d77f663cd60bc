"""What a table follows from: parameters and what the code that it reaches does, but no words."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modlib import PENALTIES, TASKS, train
from modlib.batch import canonical, definitions, keys
from modlib.batch.checkout import NOTEBOOKS, PACKAGE
from modlib.penalties.forms import FORMS
from modlib.training.fit import trial

L1 = {"task": "retina", "penalty": "l1", "strengths": [1e-3, 1e-2]}
BRIEF = {"seeds": [0], "hidden": (6, 6), "steps": 2, "nulls": 2, "restarts": 1}
# a text says the same wherever it stands
OF_TEXT = (definitions.parsed, definitions.by_name)
CACHES = [
    value
    for module in (canonical, definitions, keys)
    for value in vars(module).values()
    if hasattr(value, "cache_clear") and value not in OF_TEXT
]


def forget():
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the package and its notebooks, which takes the place of this one."""
    for folder in (PACKAGE, NOTEBOOKS):
        shutil.copytree(
            folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__", "*.npz")
        )
    for module in (definitions, keys):
        monkeypatch.setattr(module, "PACKAGE", tmp_path / "modlib")
    monkeypatch.setattr(keys, "NOTEBOOKS", tmp_path / "notebooks")
    forget()
    yield tmp_path
    forget()


@pytest.fixture(scope="module")
def unchanged():
    """The key of this code, which a copy of it has too."""
    return key()


def replace(path, old, new):
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))
    forget()


def key(**changes):
    return keys.table_key("sweep", **L1 | changes)


def test_a_key_is_the_same_for_the_same_content_and_differs_with_a_parameter():
    assert len(key()) == 16
    assert int(key(), 16) >= 0
    assert keys.table_key("sweep", **dict(reversed(L1.items()))) == key()
    for change in ({"task": "two_digits"}, {"penalty": "l2"}, {"strengths": [1e-2, 1e-3]}):
        assert key(**change) != key()
    # a default that is given is no other parameter
    assert key(steps=None) == key() != key(steps=3)


def test_a_parameter_that_the_notebook_does_not_take_is_refused():
    with pytest.raises(ValueError, match=r"sweep takes task, penalty, .*; got strenghts"):
        key(strenghts=[1.0])


def test_every_task_and_every_penalty_has_a_key_of_its_own():
    penalties = [*PENALTIES, *FORMS]
    found = {key(task=task) for task in TASKS} | {key(penalty=penalty) for penalty in penalties}
    assert len(found) == len(TASKS) + len(penalties) - 1


def test_a_form_of_the_loop_term_counts_where_it_is_named_alone():
    found = keys.reached("sweep", **L1 | {"penalty": "root"})
    assert "penalties.forms.root" in found
    assert "penalties.forms.logarithm" not in found
    assert not {"penalties.forms.root", "loops.total_loop_sum"} & keys.reached("sweep", **L1)


PENALTY, TASK, RETINA = (
    "modlib/penalties/__init__.py",
    "modlib/tasks/__init__.py",
    "modlib/tasks/retina.py",
)
KINDS, FIT = "modlib/penalties/penalty.py", "modlib/training/fit.py"
LOOP, OPTIMISERS = "modlib/training/loop.py", "modlib/training/optimisers.py"
CHANGES = {
    "its penalty": (KINDS, "W.abs().sum((-2, -1))", "W.abs().mean((-2, -1))"),
    "its default strength": (PENALTY, "l1_penalty, 1e-3", "l1_penalty, 2e-3"),
    "the networks without a penalty that it is held against": (KINDS, "new_zeros", "new_ones"),
    "what makes every penalty": (
        KINDS,
        "return in_full_precision(",
        "return 2 * in_full_precision(",
    ),
    "its task": (RETINA, 'name="retina" if', 'name="re" if'),
    "its task's entry": (TASK, '"retina": retina', '"retina": partial(retina, "both")'),
    "what its task is made of": (RETINA, "(outer + inner >= 3)", "(outer >= 3)"),
    "training": (LOOP, "losses(batch).sum()", "losses(batch).mean()"),
    "a learning rate": (OPTIMISERS, "lr=5e-3", "lr=1e-3"),
    "an optimiser of the same name from elsewhere": (
        OPTIMISERS,
        "torch.optim.Adam,",
        "torch.optim.NAdam,",
    ),
    "measuring": ("modlib/training/measures.py", "DENSITY = 0.25", "DENSITY = 0.5"),
    "code two modules away": (
        "modlib/modularity/gauge.py",
        "leaving / entering",
        "entering / leaving",
    ),
    "a number two modules away": ("modlib/modularity/gauge.py", "1e-10, 16", "1e-8, 16"),
    "code three modules away": ("modlib/training/stacks.py", "-(n_in**-0.5)", "-(n_in**-1)"),
    "where an imported name comes from": (
        "modlib/modularity/agreement.py",
        "from sklearn.metrics import adjusted_rand_score",
        "from sklearn.metrics import rand_score as adjusted_rand_score",
    ),
    "how a strength is chosen": ("modlib/batch/selection.py", "MARGIN = 0.005", "MARGIN = 0.05"),
    "a guard": (FIT, "min(strengths) < 0", "min(strengths) < 1"),
    "the notebook's code": ("notebooks/sweep.ipynb", "or judged[0]", "or judged[-1]"),
}
NO_CHANGES = {
    "another penalty": ("modlib/network/matrices.py", "W.square().sum((-2", "W.square().mean((-2"),
    "another penalty's class": (
        "modlib/penalties/connection_costs.py",
        "class BIMT(OfChain):",
        "class BIMT(list):",
    ),
    "another prior": ("modlib/penalties/priors.py", "0 <= rate < 1", "0 <= rate <= 1"),
    "another penalty's strength": (PENALTY, "squares, 3e-3", "squares, 1e-3"),
    "a new penalty": (PENALTY, '    "l2":', '    "new": list,\n    "l2":'),
    "a new task": (TASK, '    "retina": retina', '    "new": formulas,\n    "retina": retina'),
    "another task": ("modlib/tasks/planted.py", "np.median(outputs, axis=0)", "np.mean(outputs)"),
    "another task's entry": (TASK, "overlap=0.25", "overlap=0.2"),
    "a module that it does not need": ("modlib/plots.py", "GREY = ", "GRAY = GREY = "),
    "an annotation": ("modlib/batch/selection.py", "DataFrame) -> pd.Series:\n", "DataFrame):\n"),
    "an annotated number": (LOOP, "\nFALL = 0.2", "\nFALL: float = 0.2"),
    "an annotated local variable": (FIT, "    kept: dict[int, Stack] = {}", "    kept: dict = {}"),
    "a docstring": (KINDS, "Return sum |W|.", "Return the sum of |W|."),
    "a module's docstring": (FIT, '"""Train a stack', '"""Train stacks'),
    "a number's docstring": (
        "modlib/modularity/gauge.py",
        "Layers are set in turn",
        "They are set",
    ),
    "a comment": (LOOP, "    # a stream of its own", "    # one more stream"),
    "a blank line": (KINDS, "\n\n\ndef l1_penalty", "\n\n\n\ndef l1_penalty"),
    "the layout": (KINDS, "return sum((W.abs()", "return sum(( W.abs()"),
    "an error's words": (FIT, "seeds must be whole numbers", "seeds have to be whole numbers"),
    "what an error shows": (FIT, "at least 0, got {seeds}", "at least 0, got {sorted(seeds)}"),
    "how a module is imported": (
        "modlib/modularity/agreement.py",
        "from sklearn.metrics import adjusted_rand_score",
        "from sklearn.metrics import adjusted_rand_score as adjusted_rand_score",
    ),
    "the notebook's prose": ("notebooks/sweep.ipynb", "# ", "## "),
}


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_key_changes_with(unchanged, checkout, file, old, new):
    replace(checkout / file, old, new)
    assert key() != unchanged


@pytest.mark.slow
def test_a_key_does_not_change_with_words_nor_with_what_other_parts_are_made_of(
    unchanged, checkout
):
    # without which any change would look like one of the key
    assert key() == unchanged
    for name, (file, old, new) in NO_CHANGES.items():
        replace(checkout / file, old, new)
        assert key() == unchanged, name


def renamed_module(checkout):
    (checkout / "modlib" / "graphs.py").rename(checkout / "modlib" / "wires.py")
    for path in checkout.rglob("*.py"):
        path.write_text(path.read_text().replace("modlib.graphs import", "modlib.wires import"))


def module_moved_into_a_sub_package(checkout):
    folder = checkout / "modlib" / "measuring"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (checkout / "modlib" / "graphs.py").rename(folder / "graphs.py")
    for path in checkout.rglob("*.py"):
        text = path.read_text()
        path.write_text(text.replace("modlib.graphs import", "modlib.measuring.graphs import"))


def definition_moved_and_renamed(checkout):
    replace(checkout / KINDS, "def l1_penalty(", "def lasso(")
    text = (checkout / PENALTY).read_text()
    (checkout / PENALTY).write_text(text.replace("l1_penalty", "lasso"))


def imported_by_module(checkout):
    path = checkout / "modlib" / "training" / "measures.py"
    replace(path, "from modlib.chain import weights", "import modlib.chain as links")
    path.write_text(re.sub(r"\bweights\((network|stack)\)", r"links.\g<0>", path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        renamed_module,
        module_moved_into_a_sub_package,
        definition_moved_and_renamed,
        imported_by_module,
    ],
)
def test_a_key_does_not_change_with(unchanged, checkout, change):
    change(checkout)
    forget()
    assert key() == unchanged


def test_another_penaltys_code_changes_its_own_key_alone(checkout):
    edits = {
        "l2": "another penalty",
        "bimt": "another penalty's class",
        "dropout": "another prior",
    }
    before = {penalty: key(penalty=penalty) for penalty in edits}
    for penalty, name in edits.items():
        file, old, new = NO_CHANGES[name]
        replace(checkout / file, old, new)
        now = {other: key(penalty=other) for other in edits}
        assert {other for other in edits if now[other] != before[other]} == {penalty}
        before = now


IMPORT = "from modlib.far import far"
WAYS = {
    "by its name": (IMPORT, "far()"),
    "by another name": (f"{IMPORT} as near", "near()"),
    "in its module": ("from modlib import far", "far.far()"),
    "in the package": ("import modlib.far", "modlib.far.far()"),
    "relatively": ("from ..far import far", "far()"),
    "through a module between": ("from modlib.between import far", "far()"),
    "within a function": (f"def near():\n    {IMPORT}\n    return far()\n", "near()"),
    "where it gives a comprehension its name": (IMPORT, "[far for far in [far()]][0]"),
}


@pytest.mark.parametrize(("statement", "call"), WAYS.values(), ids=WAYS)
def test_code_counts_that_is_reached(checkout, statement, call):
    package = checkout / "modlib"
    far = package / "far.py"
    far.write_text("def far():\n    return number\n\nother, number = 0, 1\n")
    (package / "between.py").write_text(f"{IMPORT}\n")
    fit = package / "training" / "optimisers.py"
    replace(fit, "ADAM = ", f"{statement}\nADAM = ")
    assert "far.number" not in keys.reached("sweep", **L1)
    replace(fit, "lr=5e-3", f"lr={call}")
    assert "far.number" in keys.reached("sweep", **L1)
    before = key()
    replace(far, "0, 1", "0, 2")
    assert key() != before


@pytest.mark.parametrize("change", ["SIZES['b'] = 2", "SIZES.update(b=2)", "SIZES |= {'b': 2}"])
def test_what_changes_a_definition_later_counts(checkout, change):
    fit = checkout / OPTIMISERS
    replace(fit, "ADAM = ", "SIZES = {'a': 1}\n\nADAM = ")
    replace(fit, "lr=5e-3", "lr=SIZES['a']")
    before = key()
    replace(fit, "SIZES = {'a': 1}", f"SIZES = {{'a': 1}}\n{change}")
    assert key() != before


def test_a_local_name_is_not_the_definition_that_shares_it(unchanged, checkout):
    path = checkout / "modlib" / "modularity" / "gauge.py"
    replace(path, "import torch\n", "import torch\n\n\ndef wanted():\n    return 1\n\n")
    assert "modularity.gauge.wanted" not in keys.reached("sweep", **L1)
    assert key() == unchanged


@pytest.fixture(scope="module")
def imported():
    """Everything that training imports late, which would take long to trace."""
    train("retina", **BRIEF)


def called(task, penalty):
    """The functions and classes of this package that training calls, as 'module.name'."""
    found, seen = set(), set()

    def note(frame, event, argument):
        code = frame.f_code
        if code in seen:
            return
        seen.add(code)
        name = code.co_qualname.split(".")[0]
        if PACKAGE in Path(code.co_filename).parents and not name.startswith("<"):
            module = Path(code.co_filename).relative_to(PACKAGE).with_suffix("")
            found.add(".".join((*module.parts, name)))

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
    assert {"training.fit.train", "training.fit.trial", "modularity.gauge.balanced"} <= used
    assert used <= keys.reached("sweep", task=task, penalty=penalty)


def test_a_part_does_not_reach_what_other_parts_are_made_of():
    found = keys.reached("sweep", **L1)
    assert {"tasks.retina.retina", "penalties.penalty.l1_penalty"} <= found
    # of a registry the entries count that are named
    modules = {name.rpartition(".")[0] for name in found - {"penalties.forms.FORMS"}}
    others = {"penalties.forms", "loops", "walks", "penalties.connection_costs", "penalties.priors"}
    assert not modules & {*others, "plots", "tasks.images", "tasks.planted", "batch.tables"}
    assert "matrices.squares" not in found


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_keys_are_the_same_on(version):
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", "0"], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version} here")
    # without the package itself, whose dependencies this Python need not have
    code = (
        "import sys, types\n"
        "for name in ('modlib', 'modlib.batch'):\n"
        "    package = types.ModuleType(name)\n"
        f"    package.__path__ = [{str(PACKAGE.parent)!r} + '/' + name.replace('.', '/')]\n"
        "    sys.modules[name] = package\n"
        "from modlib.batch import keys\n"
        f"for name in {sorted(path.stem for path in NOTEBOOKS.glob('*.ipynb'))}:\n"
        "    print(name, keys.table_key(name))\n"
    )
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    expected = [
        f"{path.stem} {keys.table_key(path.stem)}" for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    ]
    assert found.splitlines() == expected


def test_the_notebooks_parameters_are_read_whatever_cell_they_stand_in(checkout):
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ["a = 1  # one\n"]},
        {"cell_type": "code", "metadata": {}, "source": ["print(a)"]},
        {"cell_type": "markdown", "metadata": {}, "source": ["b"]},
    ]
    (checkout / "notebooks" / "new.ipynb").write_text(json.dumps({"cells": cells}))
    assert keys.table_key("new") == keys.table_key("new", a=1) != keys.table_key("new", a=2)
