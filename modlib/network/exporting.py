"""A model's graph of operations, as `torch.export` finds it, without a trace in the model."""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import TypeVar

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

T = TypeVar("T")


def exported(
    model: nn.Module, inputs: Sequence[object], keywords: Mapping[str, object]
) -> ExportedProgram:
    """Return what a model computes in evaluation, operation by operation.

    Raises:
        ValueError: if the model, its parameters or what it computes cannot be exported.
    """
    refuse_unreadable(model)
    try:
        with evaluated_untouched(model), in_silence(), torch.enable_grad():
            args, kwargs = apart((tuple(inputs), dict(keywords)))
            program = torch.export.export(model, args, kwargs, strict=False)
            return program.run_decompositions({})
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
        given = ", ".join(
            [*map(described, inputs), *(f"{k}={described(keywords[k])}" for k in keywords)]
        )
        raise ValueError(
            f"{type(model).__name__} cannot be traced with {given}: {said}; pass inputs as the"
            " model takes them, one after the other, and a model, or a part of one, whose"
            " operations do not depend on their values"
        ) from error


def apart(inputs: T) -> T:
    """Return inputs in which no tensor stands twice, which `torch.export` would take for one."""
    met = set()

    def once(tensor: torch.Tensor) -> torch.Tensor:
        is_new = id(tensor) not in met
        met.add(id(tensor))
        return tensor if is_new else tensor.clone()

    return pytree.tree_map_only(torch.Tensor, once, inputs)


def described(value: object) -> str:
    """Return what a value is, for messages: a tensor's type and shape, another's class."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


@contextmanager
def in_silence() -> Iterator[None]:
    """Let torch say nothing: why a model cannot be traced is in the error."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def refuse_unreadable(model: object) -> None:
    """Raise ValueError unless it is a model, all of whose parameters hold plain real numbers."""
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}" if isinstance(model, type) else described(model)
        raise ValueError(
            f"a model is needed, an instance of torch.nn.Module, got {got}; pass"
            " modlib.network(model, x), with the model first"
        )
    for name, parameter in model.named_parameters():
        kind = (
            "not initialised: call the model once"
            if is_lazy(parameter)
            else "complex: read a model of real numbers"
            if parameter.is_complex()
            else "sparse: read it with to_dense()"
            if parameter.layout != torch.strided
            else None
        )
        if kind:
            raise ValueError(f"parameter '{name}' of the network is {kind}")


@contextmanager
def evaluated_untouched(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation, and afterwards all of its modules' attributes as they were."""
    kept = [(holder, holder.copy()) for holder in attributes(model)]
    try:
        for module in model.modules():
            vars(module)["training"] = False
        yield
    finally:
        for holder, before in kept:
            holder.clear()
            holder.extend(before) if isinstance(holder, list) else holder.update(before)


def attributes(model: nn.Module) -> list[dict | list]:
    """Return the dictionaries and lists that hold the attributes of a model's modules."""
    own = [vars(module) for module in model.modules()]
    return [*own, *(v for each in own for v in each.values() if type(v) in (dict, list))]
