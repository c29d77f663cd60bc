"""Imports point down: root <- tasks, penalties <- training <- batch <- study ..."""

import ast
from pathlib import Path

import pytest

import modlib

PACKAGE = Path(modlib.__file__).parent
ROOMS = ["root", "tasks", "penalties", "training", "batch", "study", "figures"]
OF_ROOT = {"modularity", "network"}  # rooms of what a stranger wants, like the files beside them
FACADE = "modlib"  # its __init__, which brings the rooms up to training together


def room_of(module):
    """The room of a module, given by its dotted name."""
    if module == FACADE:
        return "training"
    below = module.split(".")[1]
    return "root" if below in OF_ROOT or not (PACKAGE / below).is_dir() else below


def imports(file, module):
    """The modules of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                if (source, alias.name) == (FACADE, "require_extra"):
                    continue  # the one function that is the facade's own
                path = PACKAGE.parent.joinpath(*source.split("."), alias.name)
                is_module = path.is_dir() or path.with_suffix(".py").exists()
                found.add(f"{source}.{alias.name}" if is_module else source)
    return {name for name in found if name.split(".")[0] == FACADE}


def upward(package=PACKAGE):
    """Each import of a module in a room above the importer's own."""
    return [
        f"{module} imports {other}"
        for file in sorted(package.rglob("*.py"))
        for module in [".".join(file.relative_to(package.parent).with_suffix("").parts)]
        if module != f"{FACADE}.__init__"
        for other in sorted(imports(file, module))
        if ROOMS.index(room_of(other)) > ROOMS.index(room_of(module.removesuffix(".__init__")))
    ]


def test_every_import_points_downwards():
    assert upward() == []


def test_every_room_has_its_place():
    rooms = {file.parent.name for file in PACKAGE.glob("*/*.py")}
    assert rooms == {*ROOMS} - {"root"} | OF_ROOT


def test_the_house_has_at_most_fourteen_entries():
    entries = {file.name for file in PACKAGE.iterdir() if file.name != "__pycache__"}
    assert len(entries - {"__init__.py", "py.typed"}) <= 14


@pytest.mark.parametrize(
    ("module", "line", "other"),
    [
        ("modlib.loops", "from modlib.tasks.task import Task", "modlib.tasks.task"),
        ("modlib.loops", "from modlib import tasks", "modlib.tasks"),
        ("modlib.loops", "from modlib import PENALTIES", "modlib"),
        ("modlib.loops", "import modlib.tasks", "modlib.tasks"),
        ("modlib.tasks.task", "from ..training import fit", "modlib.training.fit"),
        ("modlib.tasks.task", "from .scores import accuracy", "modlib.tasks.scores"),
        ("modlib.tasks.task", "def f():\n    from modlib import study", "modlib.study"),
    ],
)
def test_imports_are_read_however_they_are_written(tmp_path, module, line, other):
    file = tmp_path / "module.py"
    file.write_text(line)
    assert imports(file, module) == {other}
