"""Searches for communities, as most tests have them: with unchecked types, some with few sweeps."""

from contextlib import contextmanager
from inspect import isclass, isfunction

import pytest

from modlib.modularity import annealing, communities, nulls

FEW = {"SWEEPS": 4, "REHEATS": 1, "SWEEPS_REHEATED": 2, "DIVISIONS": 1, "LAST_ASCENTS": 3}


def functions(owner, module):
    """All functions and methods that a module defines."""
    for value in vars(owner).values():
        if getattr(value, "__module__", None) == module.__name__:
            if isfunction(value):
                yield value
            elif isclass(value):
                yield from functions(value, module)


def check_types(checked):
    """Have jaxtyping check what the search calls thousands of times, which takes longer than it."""
    for module in (annealing, communities, nulls):
        for function in functions(module, module):
            # what jaxtyping wraps
            getattr(function, "__wrapped__", function).__no_type_check__ = not checked


@contextmanager
def brief():
    """Search for a tenth of the time, for tests that any communities will do for."""
    with pytest.MonkeyPatch.context() as patch:
        for name, number in FEW.items():
            patch.setattr(annealing, name, number)
        yield
