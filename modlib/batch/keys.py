"""What a table follows from: its parameters, and what the code that makes it does.

A key is a hash of both. Of the code every definition of this package counts that the notebook
reaches, in its `canonical` form, in which a reference to another definition is the number under
which that was met first: so that neither modules and their places nor the names of definitions
count. Of the `REGISTRIES` those entries count whose names occur as text in the parameters or in
the code that is reached, so that a new one leaves the tables of others alone.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from modlib.batch.canonical import Text, Token, entries, tokens_of, tokens_of_script
from modlib.batch.checkout import NOTEBOOKS, PACKAGE, require
from modlib.batch.definitions import Definition, at

REGISTRIES = (("TASKS",), ("PENALTIES",), ("penalties", "forms", "FORMS"))
"""Paths in the package of dictionaries whose entries count one by one."""

NO_NUMBERS = {
    ("batch", name)
    for name in ("checkout", "files", "keys", "provenance", "schemas", "storage", "tables")
}
"""Modules on which no number depends: they name, check, read and write what others compute."""


def table_key(notebook: str, **parameters: object) -> str:
    """Return what a table that a notebook writes follows from, as 16 hexadecimal digits.

    Args:
        notebook: its name, without folder and ending.
        parameters: those that it is run with; its defaults hold for the others.

    Raises:
        ValueError: if the notebook has no such parameter.
    """
    code, values = _read(notebook, parameters)
    text = values + "".join(f"{token}\0" for token in _numbered(code, values, {}))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reached(notebook: str, **parameters: object) -> set[str]:
    """Return the definitions that a table follows from, as 'module.name'."""
    numbers: dict[Definition, int] = {}
    list(_numbered(*_read(notebook, parameters), numbers))
    return {".".join((*module, name)) for module, name in numbers}


def _read(notebook: str, parameters: Mapping[str, object]) -> tuple[list[Token], str]:
    """Return a notebook's code but for its parameters, and these with their values as JSON."""
    code, defaults = _notebook(notebook)
    unknown = parameters.keys() - defaults.keys()
    if unknown:
        raise ValueError(
            f"the notebook {notebook} takes {', '.join(defaults)}; got {', '.join(sorted(unknown))}"
        )
    return code, json.dumps(defaults | parameters, sort_keys=True)


@cache
def _notebook(name: str) -> tuple[list[Token], dict]:
    """Return a notebook's code but for its parameters, and these with their defaults."""
    text = require(NOTEBOOKS / f"{name}.ipynb").read_text("utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    of_parameters, code = (
        ast.parse("\n".join("".join(cell["source"]) for cell in cells if _sets(cell) == sets))
        for sets in (True, False)
    )
    defaults = {line.targets[0].id: ast.literal_eval(line.value) for line in of_parameters.body}
    return tokens_of_script(code), defaults


def _sets(cell: dict) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def _numbered(
    tokens: Iterable[Token], values: str, numbers: dict[Definition, int]
) -> Iterator[str]:
    """Yield the tokens, and then those of all that they reach; `numbers` fills on the way."""
    registries = [at((PACKAGE.name, *path)) for path in REGISTRIES]
    texts = set(re.findall('"([^"]*)"', values))
    counted: set[tuple[Definition, str]] = set()
    waiting = [list(tokens)]
    while waiting:
        for token in waiting.pop(0):
            if isinstance(token, Text):
                texts.add(token)
            if not isinstance(token, Definition):
                yield token
            elif token.module in NO_NUMBERS:
                yield "beside"
            else:
                if token not in numbers:
                    numbers[token] = len(numbers)
                    waiting += [] if token in registries else [tokens_of(token)]
                yield f"#{numbers[token]}"
        if not waiting:
            for registry in (r for r in registries if r in numbers):
                of = entries(registry)
                new = {(registry, name) for name in texts & of.keys()} - counted
                waiting += [[name, *of[name]] for _, name in sorted(new)]
                counted |= new
