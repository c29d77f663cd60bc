"""What code does, as a stream of tokens: the same however it is laid out, annotated or moved.

The tokens follow a statement's syntax tree. Left out are docstrings, annotations, imports, layout
and what `raise` and `assert` say. A name that stands for a definition of this package is that
`Definition`, so that it can be followed; one from another package is its full name there, however
it was imported.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from modlib.batch.definitions import (
    COMPREHENSIONS,
    SCOPES,
    Definition,
    DottedPath,
    at,
    bound_by,
    definitions,
    imported,
    resolved,
)


class Text(str):
    """A token that is a text in the code."""


Token = Definition | Text | str

LEFT_OUT = {"ctx", "kind", "annotation", "returns", "type_comment", "type_params", "msg"}
"""Fields of syntax that do nothing, or only say something."""

OUTSIDE = {"args", "decorator_list", "bases", "keywords"}
"""Fields of functions and classes that are evaluated outside of them."""


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
