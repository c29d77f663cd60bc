"""A model's graph of operations, as `torch.export` finds it, without a trace in the model."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn.parameter import is_lazy


def exported(
    model: nn.Module, inputs: Sequence[object], keywords: Mapping[str, object]
) -> ExportedProgram:
    """Return what a model computes in evaluation, operation by operation.

    Raises:
        ValueError: if the model, its parameters or what it computes cannot be exported.
    """
    refuse_unreadable(model)
    try:
        with evaluated_untouched(model), warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(model, tuple(inputs), dict(keywords), strict=False)
            return program.run_decompositions({})
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            f"{type(model).__name__} cannot be traced: {said}; pass inputs as the model takes them,"
            " and a model, or a part of one, whose operations do not depend on their values"
        ) from error


def refuse_unreadable(model: nn.Module) -> None:
    """Raise ValueError unless all parameters hold plain real numbers."""
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
