"""All that is registered has its place in the figures, the book and the batch.

A test that fails says what to add, and where.
"""

import re
from pathlib import Path

import pytest
import yaml

from modlib import PENALTIES, TASKS
from modlib.batch.names import PENALTY_NAMES, SEPARATE, TASK_NAMES
from modlib.figures.comparisons import MEASURE_NAMES
from modlib.figures.style import LOOKS, PENALTY_STYLE
from modlib.modularity.agreement import NO_MODULE
from modlib.penalties.forms import FORMS
from modlib.penalties.rivals import RIVALS
from modlib.study import forms
from modlib.training.measures import MEASURES

ROOT = Path(__file__).parents[1]
LABELS = {name: label.removesuffix(" (given)") for name, (label, *_) in PENALTY_STYLE.items()}


def chapter(name):
    return (ROOT / "book" / f"{name}.md").read_text("utf-8")


def of_table():
    """The penalties that the table of the page on penalties has, two in one row or not."""
    cells = re.findall(r"^\| (.*?) \|", chapter("penalties"), re.M)
    written = {*cells, *(label for cell in cells for label in cell.split(", "))}
    return {name for name in PENALTIES if LABELS.get(name, name) in written}


def in_batch(kind):
    """The tasks, or the penalties (of which strengths are tried), of the published batch."""
    groups = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text("utf-8"))["groups"]
    return {name for group in groups for name in group[kind]}


def separate():
    """The tasks all of whose live inputs and outputs have known modules."""
    for name, make in TASKS.items():
        task = make()
        modules = {*task.input_modules[task.live], *task.output_modules}
        if NO_MODULE not in modules:
            yield name


def told(what, registered, names, entry, place):
    """Return what to add where, for each name that is registered and not there."""
    return [f"{what} {name!r}: add {entry} to {place}" for name in registered if name not in names]


@pytest.mark.parametrize(
    ("what", "registered", "names", "entry", "place"),
    [
        ("penalty", PENALTIES, PENALTY_NAMES.keys() - {"pruned", "more_decay", *RIVALS},
         "its label", "PENALTY_NAMES in modlib/batch/names.py"),
        ("penalty", PENALTIES, LOOKS, "its (colour, marker)", "LOOKS in modlib/figures/style.py"),
        ("penalty", PENALTIES.keys() - {"none"}, of_table(), "a row that begins with its label",
         "the table of book/penalties.md"),
        ("penalty", PENALTIES | FORMS, in_batch("strengths"), "the strengths to be tried",
         "a group in workflow/paper.yaml"),
        ("form", FORMS, forms.FORMS.keys() & FORMS.keys(), "its label",
         "FORMS in modlib/study/forms.py"),
        ("task", TASKS, TASK_NAMES, "its label", "TASK_NAMES in modlib/batch/names.py"),
        ("task", list(separate()), SEPARATE, "its name",
         "SEPARATE in modlib/batch/names.py"),
        ("task", TASKS, set(re.findall(r"`(\w+)`(?=.*\n: )", chapter("tasks"))),
         "a description that begins with its name", "book/tasks.md"),
        ("task", TASKS, in_batch("tasks"), "its name",
         "the tasks of a group in workflow/paper.yaml"),
        ("measure", [measure.name for measure in MEASURES if measure.label], MEASURE_NAMES,
         "a Measure", "modlib/training/measures.py"),
    ],
)  # fmt: skip
def test_all_that_is_registered_has_its_place(what, registered, names, entry, place):
    missing = told(what, registered, names, entry, place)
    assert not missing, "\n".join(missing)
    unknown = set(names) - set(registered)
    assert not unknown, f"{place} has what is no {what}: {', '.join(sorted(unknown))}"


def test_what_has_no_place_is_told_with_what_to_add_and_where():
    (line,) = told("penalty", ["none", "new"], PENALTY_STYLE, "its label", "PENALTY_STYLE in x.py")
    assert line == "penalty 'new': add its label to PENALTY_STYLE in x.py"


def test_no_two_labels_are_the_same():
    assert len(set(PENALTY_STYLE.values())) == len(PENALTY_STYLE)
    for labels in (LABELS, TASK_NAMES, {measure.name: measure.label for measure in MEASURES}):
        assert len(set(labels.values())) == len(labels)
