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

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@cache
def tokens_of(definition: Definition) -> list[Token]:
    """Return the tokens of all statements that define a name, or change it, in its module."""
    statements = definitions(definition.module)[definition.name]
    return list(_tokens(statements, Scope(definition.module)))


def tokens_of_script(code: ast.Module) -> list[Token]:
    """Return the tokens of code that stands alone, a notebook's."""
    return list(_tokens(code.body, Scope(None, bound_by(code.body), imported(code.body, ()))))


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
    """Where code stands: its module, None for a script, and the names bound and imported there."""

    module: DottedPath | None
    bound: frozenset[str] = frozenset()
    imports: Mapping[str, DottedPath] = {}
    depth: int = 0
    in_class: bool = False

    def of_function(self, node: FUNCTIONS) -> "Scope":
        """Return the scope of a function's body."""
        body = node.body if isinstance(node.body, list) else [node.body]
        arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        imports = imported(body, self.module or ())
        bound = (self.bound | bound_by(body) | arguments) - imports.keys()
        return Scope(self.module, bound, {**self.imports, **imports}, self.depth + 1)

    def meaning(self, node: ast.AST) -> Definition | DottedPath | None:
        """Return what a name, or a dotted one, stands for; None for what is bound here."""
        if isinstance(node, ast.Name) and node.id not in self.bound:
            if node.id in self.imports:
                return at(self.imports[node.id])
            return None if self.module is None else resolved(self.module, node.id)
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
    stored = isinstance(getattr(node, "ctx", None), ast.Store) and scope.depth
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
    elif isinstance(node, ast.AnnAssign) and not scope.in_class:
        yield from _tokens(ast.Assign([node.target], node.value), scope)
    else:
        yield type(node).__name__
        inner = scope
        if isinstance(node, COMPREHENSIONS):
            # the first of what is gone through stands outside
            yield from _tokens(node.generators[0].iter, scope)
            targets = [generator.target for generator in node.generators]
            inner = scope._replace(bound=scope.bound | bound_by(targets))
        for field, value in ast.iter_fields(node):
            # at the top level of a module a definition's own name is of no account
            own_name = field == "name" and not scope.depth and scope.module is not None
            if field in LEFT_OUT or own_name or value is None or value == []:
                continue
            if field == "body" and isinstance(node, FUNCTIONS):
                inner = scope.of_function(node)
            elif field == "body" and isinstance(node, ast.ClassDef):
                inner = scope._replace(depth=scope.depth + 1, in_class=True)
            yield field
            yield from _tokens(value, inner if field != "decorator_list" else scope)


def _does_nothing(part: object, scope: Scope) -> bool:
    """Return whether a statement is an import, a docstring, `pass`, or declares a type alone."""
    return (
        isinstance(part, ast.Import | ast.ImportFrom | ast.Pass)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        or (isinstance(part, ast.AnnAssign) and part.value is None and not scope.in_class)
    )


@cache
def source(module: DottedPath) -> Path | None:
    """Return the file of a module or package of this package, or None if there is none."""
    folder = PACKAGE.joinpath(*module)
    places = [folder / "__init__.py", *([folder.with_suffix(".py")] if module else [])]
    return next((place for place in places if place.exists()), None)


@cache
def _statements(module: DottedPath) -> list[ast.stmt]:
    return ast.parse(source(module).read_text("utf-8")).body


@cache
def definitions(module: DottedPath) -> dict[str, list[ast.stmt]]:
    """Return the statements at a module's top level that define or change each name."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in _statements(module):
        # TASKS["new"] = ... and TASKS.update(...) change TASKS
        changed = getattr(statement, "targets", [])
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            changed = [statement.value.func]
        names = set(bound_by([statement]))
        for node in changed:
            while isinstance(node, ast.Subscript | ast.Attribute):
                node = node.value
            names |= {node.id} if isinstance(node, ast.Name) else set()
        for name in names:
            found.setdefault(name, []).append(statement)
    return found


def resolved(module: DottedPath, name: str) -> Definition | DottedPath | None:
    """Return what a name in a module of this package stands for; None if that binds no such name.

    That is a definition, or the full path of a module or of a name from another package.
    """
    if name in definitions(module):
        return Definition(module, name)
    path = imported(_statements(module), module).get(name)
    return None if path is None else at(path)


@cache
def at(path: DottedPath) -> Definition | DottedPath | None:
    """Return what a full dotted path stands for, as `resolved` does."""
    if path[0] != PACKAGE.name or source(path[1:]) is not None:
        return path
    return resolved(path[1:-1], path[-1])


def imported(statements: Iterable[ast.AST], module: DottedPath) -> dict[str, DottedPath]:
    """Return the full path that each imported name stands for, not looking into functions."""
    found: dict[str, DottedPath] = {}
    is_package = source(module) is not None and source(module).name == "__init__.py"
    package = (PACKAGE.name, *(module if is_package else module[:-1]))
    for node in _outside_functions(statements):
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = tuple(alias.name.split("."))
                found[alias.asname or path[0]] = path if alias.asname else path[:1]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            path = (*above, *(node.module.split(".") if node.module else ()))
            found |= {alias.asname or alias.name: (*path, alias.name) for alias in node.names}
    return found


def bound_by(code: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names that code binds where it stands, but for those that it imports."""
    found: set[str] = set()
    elsewhere: set[int] = set()  # the targets of comprehensions are bound in these
    for node in _outside_functions(code):
        if isinstance(node, COMPREHENSIONS):
            targets = (ast.walk(generator.target) for generator in node.generators)
            elsewhere |= {id(inner) for target in targets for inner in target}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found |= set() if id(node) in elsewhere else {node.id}
        elif not isinstance(node, ast.alias):
            found |= {getattr(node, "name", None)} - {None}
    return frozenset(found)


def _outside_functions(code: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of code, parents first, but for what is inside functions and classes."""
    waiting = list(code)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FUNCTIONS | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
