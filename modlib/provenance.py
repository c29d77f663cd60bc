"""Where a number comes from: versions, commit, and the content that a run follows from."""

import ast
import hashlib
import json
import platform
import subprocess
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
    changed = _git("status", "--porcelain", "--", str(PACKAGE), str(SWEEP))
    return {
        "versions": "; ".join([*versions, machine]),
        "commit": f"{commit}-dirty" if changed else commit,
    }


ROOTS = [("training", "train"), ("comparisons", "chosen_strengths")]
"""The definitions that the sweep calls, as (module, name)."""


def part_key(task: str, penalty: str, **parameters: object) -> str:
    """Return what a part of the batch follows from, as 16 hexadecimal digits.

    A hash of its parameters, of the notebook that makes it, and of every definition in this
    package that its code reaches, less comments and docstrings. Of the registries `TASKS` and
    `PENALTIES` only the part's own entries count, so that a new penalty leaves the parts of
    the others as they are.
    """
    cells = json.loads(SWEEP.read_text())["cells"]
    notebook = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    content = [task, penalty, parameters, _bare(ast.parse(notebook)), reached(task, penalty)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def reached(task: str, penalty: str) -> dict[str, str]:
    """Return the code of every definition that a part reaches, as 'module.name': code."""
    # strengths are chosen against networks without a penalty
    entries = {"tasks.TASKS": [task], "penalties.PENALTIES": [penalty, "none"]}
    found: dict[str, str] = {}
    waiting = list(ROOTS)
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
        for used in ast.walk(node):
            if isinstance(used, ast.Name):
                waiting.append((module, used.id))
            elif isinstance(used, ast.Attribute) and isinstance(used.value, ast.Name):
                # priors.dropout, where `priors` is a module of this package
                package, other = _imports(module).get(used.value.id, (None, None))
                if package == "":
                    waiting.append((other, used.attr))
    return found


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
    """Return the (module, name) that a module's names stand for; ('', name) for a module."""
    return {
        alias.asname or alias.name: (node.module.removeprefix("modlib").lstrip("."), alias.name)
        for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "modlib"
        for alias in node.names
    }


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
