"""What code does, as a stream of tokens: the same however it is laid out, annotated or moved.

The tokens follow a statement's syntax tree. Left out are docstrings, annotations, imports, layout
and what `raise` and `assert` say. A name that stands for a definition of this package is that
`Definition`, so that it can be followed; one from another package is its full name there, however
it was imported.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
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


class Text(str):
    """A token that is a text in the code."""


Token = Definition | Text | str

LEFT_OUT = {"ctx", "kind", "annotation", "returns", "type_comment", "type_params", "msg"}
"""Fields of syntax that do nothing, or only say something."""

OUTSIDE = {"args", "decorator_list", "bases", "keywords"}
"""Fields of functions and classes that are evaluated outside of them."""

COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | COMPREHENSIONS


@cache
def tokens_of(definition: Definition) -> list[Token]:
    """Return the tokens of all statements that define a name, or change it, in its module."""
    statements = definitions(definition.module)[definition.name]
    return list(_tokens(statements, Scope(definition.module)))


def tokens_of_script(code: ast.Module) -> list[Token]:
    """Return the tokens of code that stands alone, a notebook's."""
    return list(_tokens(code.body, Scope(None).inside(code)))


@cache
def entries(registry: Definition) -> dict[str, list[Token]]:
    """Return the tokens of each value of a dictionary, by its key.

    Raises:
        ValueError: if the definition is not one dictionary that is written out.
    """
    statements = definitions(registry.module)[registry.name]
    values = [getattr(statement, "value", None) for statement in statements]
    if not (len(values) == 1 and isinstance(values[0], ast.Dict)):
        raise ValueError(
            f"{registry.name} should be one dictionary with its entries written out, got other code"
        )
    scope = Scope(registry.module)
    pairs = zip(values[0].keys, values[0].values, strict=True)
    return {ast.literal_eval(key): list(_tokens(value, scope)) for key, value in pairs}


class Scope(NamedTuple):
    """Where code stands: its module, None for a script, and in what of it."""

    module: DottedPath | None
    node: ast.AST | None = None
    """The innermost class, function or comprehension, or a script; None at a module's top level."""
    names: Mapping[str, DottedPath | None] = {}
    """The names that are bound here and around, with the full paths of those that are imported."""

    def inside(self, node: ast.AST) -> "Scope":
        """Return the scope of the body of a class, function, comprehension or script."""
        names = dict(self.names)
        if not isinstance(node, ast.ClassDef):
            code = list(ast.iter_child_nodes(node))
            names |= dict.fromkeys(bound_by(code)) | imported(code, self.module or ())
        return Scope(self.module, node, names)

    def meaning(self, node: ast.AST) -> Definition | DottedPath | None:
        """Return what a name, or a dotted one, stands for; None for what is bound here."""
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                return None if self.module is None else resolved(self.module, node.id)
            path = self.names[node.id]
            return path and at(path)
        if isinstance(node, ast.Attribute):
            path = self.meaning(node.value)
            if path is not None and not isinstance(path, Definition):
                return at((*path, node.attr))
        return None


def _tokens(node: object, scope: Scope) -> Iterator[Token]:
    if isinstance(node, list):
        yield "["
        for part in node:
            if not _does_nothing(part, scope):
                yield from _tokens(part, scope)
        yield "]"
        return
    if not isinstance(node, ast.AST):
        yield repr(node)
        return
    stored = isinstance(getattr(node, "ctx", None), ast.Store) and scope.node
    meaning = None if stored else scope.meaning(node)
    if meaning is not None:
        yield meaning if isinstance(meaning, Definition) else ".".join(meaning)
    elif isinstance(node, ast.Constant):
        yield type(node.value).__name__
        yield Text(node.value) if isinstance(node.value, str) else repr(node.value)
    elif isinstance(node, ast.Raise):
        yield "Raise"
    elif isinstance(node, ast.JoinedStr):
        # some versions of Python end a format with an empty text
        yield "JoinedStr"
        yield from _tokens([v for v in node.values if getattr(v, "value", None) != ""], scope)
    elif isinstance(node, ast.AnnAssign) and not isinstance(scope.node, ast.ClassDef):
        yield from _tokens(ast.Assign([node.target], node.value), scope)
    else:
        yield type(node).__name__
        if isinstance(node, COMPREHENSIONS):
            # the first of what is gone through stands outside
            yield from _tokens(node.generators[0].iter, scope)
        inner = scope.inside(node) if isinstance(node, SCOPES) else scope
        for field, value in ast.iter_fields(node):
            # at the top level of a module a definition's own name is of no account
            own_name = field == "name" and scope.node is None
            if field not in LEFT_OUT and not own_name and value not in (None, []):
                yield field
                yield from _tokens(value, scope if field in OUTSIDE else inner)


def _does_nothing(part: object, scope: Scope) -> bool:
    """Return whether a statement is an import, a docstring, `pass`, or declares a type alone."""
    if isinstance(part, ast.AnnAssign):
        return part.value is None and not isinstance(scope.node, ast.ClassDef)
    is_constant = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    return is_constant or isinstance(part, ast.Import | ast.ImportFrom | ast.Pass)


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
