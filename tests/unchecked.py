"""What is spared jaxtyping's checks: a measure calls it so often that they take longer than it."""

from inspect import isclass, isfunction

from modlib.modularity import annealing, communities, nulls


def functions(owner, module):
    """All functions and methods that a module defines."""
    for value in vars(owner).values():
        if getattr(value, "__module__", None) == module.__name__:
            if isfunction(value):
                yield value
            elif isclass(value):
                yield from functions(value, module)


def spare_the_search(spared):
    """Leave the types of the search for communities, and of nulls, unchecked; or check them."""
    for module in (annealing, communities, nulls):
        for function in functions(module, module):
            # what jaxtyping wraps
            getattr(function, "__wrapped__", function).__no_type_check__ = spared
