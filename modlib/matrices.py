"""The weight matrices of a chain or a network, as penalties take them.

Whoever computes on them does so `in_full_precision`: on matrices that have been checked, of single
precision or a better one, also where the model's are of half precision or run under autocast.
"""

from collections.abc import Callable, Iterable
from functools import reduce, wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain
from modlib.graphs import layer_sizes
from modlib.network import Network

Weighted = Chain | Network
"""What penalties and measures take."""


P, T = ParamSpec("P"), TypeVar("T")


def in_full_precision(
    function: Callable[Concatenate[Weighted, P], T],
) -> Callable[Concatenate[Weighted, P], T]:
    """Let a function of a chain or a network have it `checked`, and compute without autocast."""

    @wraps(function)
    def wrapped(chain: Weighted, *args: P.args, **options: P.kwargs) -> T:
        chain = checked(chain)
        with torch.autocast(matrices(chain)[0].device.type, enabled=False):
            return function(chain, *args, **options)

    return wrapped


def checked(chain: Weighted) -> Weighted:
    """Return a chain as a list, or a network, with weights of single precision or a better one.

    All are of the widest type that one of them has. Gradients come back in each one's own type,
    in which what is too large for it is its largest number.

    Raises:
        ValueError: if it is neither, has no weights or others than real, dense matrices, or if
            these do not fit together or stack different numbers of networks.
    """
    if isinstance(chain, Tensor | np.ndarray) or not isinstance(chain, Iterable):
        raise ValueError(
            "a list of weight matrices is needed, or a modlib.Network, got one"
            f" {type(chain).__name__}; pass modlib.weights(model) for a model, [W] for one matrix"
        )
    if not isinstance(chain, Network):
        chain = list(chain)
    if not matrices(chain):
        raise ValueError(
            "at least one weight matrix is needed, got none; pass modlib.weights(model)"
        )
    chain = mapped(_matrix, chain)
    weights = matrices(chain)
    _require_fit(chain)
    stacks = {tuple(W.shape[:-2]) for W in weights}
    if len(stacks) > 1:
        raise ValueError(
            f"as many networks are needed in each matrix, got leading dimensions {sorted(stacks)};"
            " stack them alike"
        )
    widest = reduce(torch.promote_types, {W.dtype for W in weights}, torch.float32)
    return mapped(lambda W: _raised(W, widest), chain)


def matrices(chain: Weighted) -> list[Float[Tensor, "*stack _ _"]]:
    """Return all weight matrices."""
    if isinstance(chain, Network):
        return [connection.weight for connection in chain.connections]
    return list(chain)


def mapped(function: Callable[[Tensor], Tensor], chain: Weighted) -> Weighted:
    """Return the chain, or the network, with this function of each matrix in its place."""
    if not isinstance(chain, Network):
        return [function(W) for W in chain]
    connections = [each._replace(weight=function(each.weight)) for each in chain.connections]
    return chain._replace(connections=connections)


@in_full_precision
def squares(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return sum W^2."""
    return sum((W.square().sum((-2, -1)) for W in matrices(chain)), torch.zeros(()))


def _matrix(W: object) -> Tensor:
    """Return a matrix, or a stack of them, as a tensor; raise ValueError if it is none."""
    if isinstance(W, np.ndarray) and W.dtype.kind in "biufc":
        W = torch.as_tensor(W)
    if not isinstance(W, Tensor):
        got, then = f"{type(W).__name__}", "pass modlib.weights(model) for a model's"
    elif W.is_quantized:
        got, then = "a quantised one", "pass W.dequantize()"
    elif W.layout != torch.strided:
        got, then = f"one of layout {W.layout}", "pass W.to_dense()"
    elif W.is_meta:
        got, then = "one without numbers, on the device meta", "make the model on another"
    elif W.is_complex():
        got, then = "a complex one", "pass W.abs()"
    elif W.ndim < 2:
        got, then = f"one of shape {tuple(W.shape)}", "leave biases out, pass one matrix W as [W]"
    else:
        return W
    raise ValueError(
        f"real, dense weight matrices of shape (*stack, n_in, n_out) are needed, got {got}; {then}"
    )


def _require_fit(chain: Weighted) -> None:
    """Raise ValueError unless the matrices have the shapes that their layers need."""
    if not isinstance(chain, Network):
        layer_sizes(chain)
        return
    for name, source, target, W in chain.connections:
        needed = chain.sizes.get(source), chain.sizes.get(target)
        if tuple(W.shape[-2:]) != needed:
            raise ValueError(
                f"connection '{name}' needs weights of shape {needed}, as its layers '{source}'"
                f" and '{target}' have so many neurons, got {tuple(W.shape[-2:])}; rows feed"
                " columns, and `sizes` holds every layer"
            )


def _raised(W: Tensor, dtype: torch.dtype) -> Tensor:
    raised = W.to(dtype)
    if raised is not W and raised.requires_grad:
        largest = torch.finfo(W.dtype).max
        raised.register_hook(lambda gradient: gradient.clamp(-largest, largest))
    return raised
