"""The weight matrices of a chain or a network, as penalties take them.

Whoever computes on them does so `in_full_precision`: on matrices that have been checked, of single
precision or a better one, also where the model's are of half precision or run under autocast.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain
from modlib.graphs import layer_sizes
from modlib.network.connections import Network

Weighted = Chain | Network
"""What penalties and measures take."""


P = ParamSpec("P")
T = TypeVar("T")


def in_full_precision(
    function: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[Any, P], T]:
    """Let a function of a chain or a network have it `checked`, and compute without autocast."""

    @wraps(function)
    def wrapped(chain, *args, **options):  # of any type: it is checked here
        chain = checked(chain)
        with torch.autocast(matrices(chain)[0].device.type, enabled=False):
            return function(chain, *args, **options)

    return wrapped


def checked(chain: object) -> Weighted:
    """Return a chain as a list, or a network, with weights of single precision or a better one.

    All are of the widest type that one of them has. Gradients come back in each one's own type,
    in which what is too large for it is its largest number.

    Raises:
        ValueError: if it is neither, has no weights or others than real, dense matrices, or if
            these do not fit together or stack different numbers of networks.
    """
    if isinstance(chain, Network):
        weights = [_matrix(connection.weight) for connection in chain.connections]
    elif isinstance(chain, Iterable) and not isinstance(chain, Tensor | np.ndarray):
        weights = [_matrix(W) for W in chain]
    else:
        raise ValueError(
            "a list of weight matrices is needed, or a modlib.Network, got one"
            f" {type(chain).__name__}; pass modlib.weights(model) for a model of layers in a line,"
            " modlib.network(model, x) for any other, [W] for one matrix"
        )
    if not weights:
        raise ValueError(
            "at least one weight matrix is needed, got none; pass modlib.weights(model)"
        )
    if isinstance(chain, Network):
        _require_sizes(chain)
    else:
        layer_sizes(weights)
    stacks = {tuple(W.shape[:-2]) for W in weights}
    if len(stacks) > 1:
        raise ValueError(
            f"as many networks are needed in each matrix, got leading dimensions {sorted(stacks)};"
            " stack them alike"
        )
    if any(W.numel() == 0 for W in weights):
        raise ValueError(
            "at least one network is needed, and one neuron in each layer, got matrices of shapes"
            f" {[tuple(W.shape) for W in weights]}; leave empty ones out"
        )
    widest = reduce(torch.promote_types, {W.dtype for W in weights}, torch.float32)
    raised = [_raised(W, widest) for W in weights]
    return _with_weights(chain, raised) if isinstance(chain, Network) else raised


def matrices(chain: Weighted) -> list[Float[Tensor, "*stack _ _"]]:
    """Return all weight matrices."""
    if isinstance(chain, Network):
        return [connection.weight for connection in chain.connections]
    return list(chain)


def mapped(function: Callable[[Tensor], Tensor], chain: Weighted) -> Weighted:
    """Return the chain, or the network, with this function of each matrix in its place."""
    found = [function(W) for W in matrices(chain)]
    return _with_weights(chain, found) if isinstance(chain, Network) else found


def _with_weights(network: Network, weights: Sequence[Tensor]) -> Network:
    changed = zip(network.connections, weights, strict=True)
    return network._replace(connections=[each._replace(weight=W) for each, W in changed])


@in_full_precision
def squares(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return sum W^2."""
    return sum((W.square().sum((-2, -1)) for W in matrices(chain)), torch.zeros(()))


def _matrix(W: object) -> Tensor:
    """Return a matrix, or a stack of them, as a tensor; raise ValueError if it is none."""
    if (
        isinstance(W, np.ndarray)
        and not isinstance(W, np.ma.MaskedArray)
        and W.dtype.kind in "biufc"
        and W.dtype.char not in "gG"
    ):
        # torch takes neither another order of bytes nor negative strides
        W = torch.as_tensor(np.ascontiguousarray(W, W.dtype.newbyteorder("=")))
    if not isinstance(W, Tensor):
        kind = f" of {W.dtype}" if isinstance(W, np.ndarray) else ""
        got, then = f"{type(W).__name__}{kind}", "pass modlib.weights(model) for a model's"
    elif W.is_quantized:
        got, then = "a quantised one", "pass W.dequantize()"
    elif W.layout != torch.strided:
        got, then = f"one of layout {W.layout}", "pass W.to_dense()"
    elif W.is_meta:
        got, then = "one without numbers, on the device meta", "make the model on another"
    elif W.is_complex():
        got, then = "a complex one", "pass W.abs()"
    elif W.is_floating_point() and W.dtype.itemsize == 1:
        got, then = f"one of {W.dtype}", "pass W.float()"
    elif W.ndim < 2:
        got, then = f"one of shape {tuple(W.shape)}", "leave biases out, pass one matrix W as [W]"
    else:
        return W
    raise ValueError(
        f"real, dense weight matrices of shape (*stack, n_in, n_out) are needed, got {got}; {then}"
    )


def _require_sizes(network: Network) -> None:
    """Raise ValueError unless each connection has the shape that its layers need."""
    for name, source, target, W in network.connections:
        needed = network.sizes.get(source), network.sizes.get(target)
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
