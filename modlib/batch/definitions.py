"""Where the names in the modules of this package are defined, and what they stand for."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from modlib.batch.checkout import PACKAGE

DottedPath = tuple[str, ...]
"""A dotted path; that of a module of this package begins below the package."""


class Definition(NamedTuple):
    """A name at the top level of a module of this package."""

    module: DottedPath
    name: str


COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | COMPREHENSIONS


@cache
def source(module: DottedPath) -> Path | None:
    """Return the file of a module or package of this package, or None if there is none."""
    folder = PACKAGE.joinpath(*module)
    places = [folder / "__init__.py", *([folder.with_suffix(".py")] if module else [])]
    return next((place for place in places if place.exists()), None)


@cache
def _text(module: DottedPath) -> str:
    return source(module).read_text("utf-8")


@cache
def parsed(text: str) -> list[ast.stmt]:
    """Return the statements at the top level of a module's text."""
    return ast.parse(text).body


@cache
def by_name(text: str) -> dict[str, list[ast.stmt]]:
    """Return those of `parsed` that define or change each name."""
    statements_of: dict[str, list[ast.stmt]] = {}
    for statement in parsed(text):
        # TASKS["new"] = ... and TASKS.update(...) change TASKS
        changed = getattr(statement, "targets", [])
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            changed = [statement.value.func]
        names = bound_by([statement])
        for node in changed:
            while isinstance(node, ast.Subscript | ast.Attribute):
                node = node.value
            names |= {node.id} if isinstance(node, ast.Name) else set()
        for name in names:
            statements_of.setdefault(name, []).append(statement)
    return statements_of


def definitions(module: DottedPath) -> dict[str, list[ast.stmt]]:
    """Return the statements at a module's top level that define or change each name."""
    return by_name(_text(module))


@cache
def _imports(module: DottedPath) -> dict[str, DottedPath]:
    return imported(parsed(_text(module)), module)


@cache
def resolved(module: DottedPath, name: str) -> Definition | DottedPath | None:
    """Return what a name in a module of this package stands for; None if that binds no such name.

    That is a definition, or the full path of a module or of a name from another package.
    """
    if name in definitions(module):
        return Definition(module, name)
    path = _imports(module).get(name)
    return path and at(path)


@cache
def at(path: DottedPath) -> Definition | DottedPath | None:
    """Return what a full dotted path stands for, as `resolved` does."""
    if path[0] != PACKAGE.name or source(path[1:]) is not None:
        return path
    return resolved(path[1:-1], path[-1])


def imported(code: Iterable[ast.AST], module: DottedPath) -> dict[str, DottedPath]:
    """Return the full path that each name stands for that code imports where it stands."""
    paths: dict[str, DottedPath] = {}
    is_package = source(module) is not None and source(module).name == "__init__.py"
    package = (PACKAGE.name, *(module if is_package else module[:-1]))
    for node in _in_scope(code):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = tuple(alias.name.split("."))
                paths[alias.asname or path[0]] = path if alias.asname else path[:1]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            path = (*above, *(node.module.split(".") if node.module else ()))
            paths |= {alias.asname or alias.name: (*path, alias.name) for alias in node.names}
    return paths


def bound_by(code: Iterable[ast.AST]) -> set[str]:
    """Return the names that code binds where it stands, but for those that it imports."""
    names: set[str | None] = set()
    for node in _in_scope(code):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.alias):
            names.add(getattr(node, "name", None))
    return names - {None}


def _in_scope(code: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of code, parents first, but for what is inside of other scopes."""
    waiting = list(code)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting += ast.iter_child_nodes(node)
