"""What a page is run with: its parameters, whether they are allowed, and whether they are its own.

A page's module in `study/` declares its `Parameters`, one field for each parameter of its notebook
with the values that are allowed.
"""

import ast
from collections.abc import Mapping
from typing import NamedTuple

import papermill
from pydantic import BaseModel, ConfigDict, ValidationError

from modlib.batch import sources, tables
from modlib.batch.checkout import NOTEBOOKS, ROOT


class Parameters(BaseModel):
    """The parameters of a page: exactly these, and none of another type."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def distinct(values: list) -> list:
    """Return values none of which is there twice; others raise ValueError."""
    if len(set(values)) < len(values):
        raise ValueError("none may be there twice")
    return values


class Page(NamedTuple):
    """A page: its name, and whether it is run as published: with its own parameters and tables."""

    name: str
    own: bool


def opened(allowed: type[Parameters], namespace: Mapping[str, object]) -> Page:
    """Return the page that a notebook is, after a look at its parameters; note them.

    Args:
        allowed: the page's own `Parameters`, from the module in `study/` that is named as it.
        namespace: the notebook's `globals()`.

    Raises:
        ValueError: for a value that is not allowed, or a name that is no parameter.
    """
    name = allowed.__module__.rsplit(".", 1)[-1]
    values = {
        key: value
        for key, value in namespace.items()
        if not key.startswith("_")
        and key not in {"In", "Out"}
        and not key.isupper()  # a constant, imported
        and isinstance(value, bool | int | float | str | list | dict | tuple | None)
    }
    defaults = own_parameters(name)
    try:
        allowed(**values)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}"
            if fault["loc"]  # others are of several parameters, which the message names
            else fault["msg"]
            for fault in error.errors()
        ]
        raise ValueError(
            f"the page {name} takes {', '.join(defaults)}; got {'; '.join(faults)}"
        ) from None
    sources.note(sources.RUN, **values)
    return Page(name, values == defaults and published())


def published() -> bool:
    """Return whether pages read the published tables, and not those of another batch."""
    return tables.FOLDER.resolve() == (ROOT / "results").resolve()


def own_parameters(name: str) -> dict:
    """Return the parameters that a notebook has of its own."""
    found = papermill.inspect_notebook(NOTEBOOKS / f"{name}.ipynb")
    return {key: ast.literal_eval(of["default"]) for key, of in found.items()}
