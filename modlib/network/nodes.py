"""What a node of a graph says: where it runs, its operation, its arguments and its values."""

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.fx import Node, map_arg


def outputs(node: Node) -> list[Tensor]:
    """Return what stands for the tensors that a node gives, with their shapes and types."""
    value = node.meta.get("val")
    several = value if isinstance(value, list | tuple) else [value]
    return [each for each in several if isinstance(each, Tensor)]


def shape(node: Node) -> torch.Size:
    """Return the shape of a node's value."""
    return outputs(node)[0].shape


def place(node: Node) -> str:
    """Return the name of the module in which a node runs, '' for the model itself."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return stack[-1][0].split("@")[0] if stack else ""


def operation(node: Node) -> str:
    """Return the name of a node's operation, such as 'add'."""
    schema = getattr(node.target, "_schema", None)
    return schema.name.split("::")[-1] if schema else getattr(node.target, "__name__", "")


def arguments(node: Node) -> tuple[Any, ...]:
    """Return a node's arguments in order, of whatever types its operation declares."""
    return node.args


def applied(node: Node, value: Callable[[Node], Any]) -> Any:
    """Return what a node's operation makes of these values for its operands."""
    run, args, kwargs = target(node), arguments(node), dict(node.kwargs)
    return run(*map_arg(args, value), **{key: map_arg(kwargs[key], value) for key in kwargs})


def target(node: Node) -> Any:
    """Return the function that a node calls."""
    return node.target


def argument(node: Node, name: str) -> Any:
    """Return an argument of a node's operation by its name; None if it has no such."""
    if name in node.kwargs:
        return node.kwargs[name]
    for position, declared in enumerate(target(node)._schema.arguments):
        if declared.name == name:
            return node.args[position] if position < len(node.args) else declared.default_value
    return None


def refuse(node: Node, why: str) -> NoReturn:
    """Raise ValueError that names the module and the operation that cannot be read."""
    where = f"module '{place(node)}'" if place(node) else "the model itself"
    raise ValueError(
        f"cannot read '{operation(node)}' in {where}: {why}; read a part of the"
        " model, or give its layers and connections by hand:"
        " modlib.Network({'layer': n_neurons, ...}, [modlib.Connection(name, source, target,"
        " weight), ...], [])"
    )
