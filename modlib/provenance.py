"""Where a number comes from: versions, commit, and the content that a run follows from."""

import ast
import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGE = Path(__file__).parent
SWEEP = PACKAGE.parent / "notebooks" / "sweep.ipynb"


def provenance() -> dict[str, str]:
    """Return the versions that numbers depend on, and the commit of this checkout."""
    packages = ("modlib", "torch", "numpy", "networkit", "scikit-learn")
    machine = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    versions = [f"python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    commit = _git("rev-parse", "HEAD") or "unknown"
    # of the code alone: a batch that publishes changes the results
    changed = _git("status", "--porcelain", "--", str(PACKAGE), str(SWEEP.parent))
    return {
        "versions": "; ".join([*versions, machine]),
        "commit": f"{commit}-dirty" if changed else commit,
    }


ROOTS = [("training", "trial"), ("training", "train"), ("comparisons", "chosen_strengths")]
"""The definitions that the sweep calls and numbers follow from, as (module, name)."""


def part_key(task: str, penalty: str, **parameters: object) -> str:
    """Return what a part of the batch follows from, as 16 hexadecimal digits.

    A hash of its parameters, of the notebook that makes it, and of every definition in this
    package that its code reaches, less comments and docstrings. Of the registries `TASKS` and
    `PENALTIES` only the part's own entries count, so that a new penalty leaves the parts of
    the others as they are.
    """
    content = [task, penalty, parameters, _bare(_code(SWEEP)), reached(task, penalty)]
    return _hash(content)


def notebook_key(name: str, **parameters: object) -> str:
    """Return what a table that another notebook writes follows from, as `part_key` does.

    Everything counts that the names which the notebook uses of this package reach, but for
    this module, on which no number depends.
    """
    code = _code(SWEEP.with_name(f"{name}.ipynb"))
    used = [use for use in _used(code, "", _imports_in(code)) if use[0] != "provenance"]
    return _hash([parameters, _bare(code), _closure(used, {})])


def reached(task: str, penalty: str) -> dict[str, str]:
    """Return the code of every definition that a part reaches, as 'module.name': code."""
    # strengths are chosen against networks without a penalty
    entries = {"tasks.TASKS": [task], "penalties.PENALTIES": [penalty, "none"]}
    return _closure(ROOTS, entries)


def _closure(roots: Iterable[tuple[str, str]], entries: dict[str, list[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        module, name = waiting.pop()
        while module and name not in _definitions(module) and name in _imports(module):
            module, name = _imports(module)[name]
        full_name = f"{module}.{name}"
        if not module or full_name in found or name not in _definitions(module):
            continue
        node = _definitions(module)[name]
        if full_name in entries:
            node = ast.Tuple([_entry(node, entry) for entry in entries[full_name]], ast.Load())
        found[full_name] = _bare(node)
        waiting += _used(node, module, _imports(module))
    return found


def _used(
    node: ast.AST, module: str, imports: dict[str, tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield the names that code in a module uses, as (module, name)."""
    for used in ast.walk(node):
        if isinstance(used, ast.Name):
            yield imports.get(used.id, (module, used.id))
        elif isinstance(used, ast.Attribute) and isinstance(used.value, ast.Name):
            # priors.dropout, where `priors` is a module of this package
            package, other = imports.get(used.value.id, (None, None))
            if package == "":
                yield other, used.attr


def _code(notebook: Path) -> ast.AST:
    cells = json.loads(notebook.read_text())["cells"]
    return ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _git(*command: str) -> str:
    git = ["git", "-C", str(PACKAGE.parent), *command]
    return subprocess.run(git, capture_output=True, text=True).stdout.strip()


@cache
def _definitions(module: str) -> dict[str, ast.AST]:
    """Return what a module defines at its top level, by name."""
    found: dict[str, ast.AST] = {}
    for node in ast.parse((PACKAGE / f"{module}.py").read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({t.id: node for t in targets if isinstance(t, ast.Name)})
    return found


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    return _imports_in(ast.parse((PACKAGE / f"{module}.py").read_text()))


def _imports_in(code: ast.AST) -> dict[str, tuple[str, str]]:
    """Return the (module, name) that imported names stand for; ('', name) for a module."""
    found = {}
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "modlib":
            module = node.module.removeprefix("modlib").lstrip(".")
            for a in node.names:
                of_package = "" if (PACKAGE / f"{a.name}.py").exists() else "__init__"
                found[a.asname or a.name] = (module or of_package, a.name)
        elif isinstance(node, ast.Import):
            found.update({a.name: ("", "__init__") for a in node.names if a.name == "modlib"})
    return found


def _entry(registry: ast.AST, name: str) -> ast.AST:
    """Return a registry's entry: the value under its key, or the call that begins with it."""
    for node in ast.walk(registry):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    return value
        elif isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value == name:
                return node
    raise ValueError(f"the registry needs an entry {name!r}, got none; add it or name another")


@cache
def _bare(node: ast.AST) -> str:
    """Return code without comments, docstrings and layout."""
    node = deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(getattr(inner, "body", None), list):
            inner.body = [s for s in inner.body if not _is_docstring(s)]
    return ast.unparse(node)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
