r"""Null networks that a network's modularity is held against.

Both take one network's absolute weights and a generator, and return those of a network in which
who is wired to whom is left to chance. Neurons without any weight towards one side stay without,
so that dead neurons and dropped inputs change nothing.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor

Null = Callable[[Sequence[Float[Tensor, "_ _"]], Generator], list[Float[Tensor, "_ _"]]]
"""Makes, of one network's absolute weights, those of a null network."""

SWEEPS = 50
"""So often rows and columns are rescaled in turn."""


def permuted(
    weights: Sequence[Float[Tensor, "_ _"]], generator: Generator
) -> list[Float[Tensor, "_ _"]]:
    """Return the weights of each matrix in random order.

    Layer sizes, density and every matrix's weights are kept.
    """
    return [_permuted(W, generator) for W in weights]


def _permuted(W: Float[Tensor, "n m"], generator: Generator) -> Float[Tensor, "n m"]:
    rows, columns = (W != 0).any(1), (W != 0).any(0)
    there = torch.outer(rows, columns)
    n = int(rows.sum()) * int(columns.sum())
    order = torch.randperm(n, generator=generator, device=W.device)
    return torch.zeros_like(W).masked_scatter_(there, W[there][order])


def same_strengths(
    weights: Sequence[Float[Tensor, "_ _"]], generator: Generator
) -> list[Float[Tensor, "_ _"]]:
    """Return the weights of each matrix in random order, at every neuron's old strength.

    They are permuted and then multiplied by a factor per row and per column until every neuron
    has, towards each side, about the sum of weights that it had (iterative proportional fitting).
    Layer sizes, density and strengths are kept, the weights themselves only roughly.

    Source: Deming & Stephan (1940), doi 10.1214/aoms/1177731829.
    """
    return [
        _refitted(W, shuffled)
        for W, shuffled in zip(weights, permuted(weights, generator), strict=True)
    ]


def _refitted(W: Float[Tensor, "n m"], shuffled: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Return `shuffled` with rows and columns rescaled to the sums of W's, columns last."""
    rows, columns = W.sum(1), W.sum(0)
    r, c = torch.ones_like(rows), torch.ones_like(columns)
    for _ in range(SWEEPS):
        r = _divided(rows, shuffled @ c)
        c = _divided(columns, r @ shuffled)
    return r[:, None] * shuffled * c


def _divided(wanted: Float[Tensor, " n"], there: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return wanted / there, and 0 where chance has left nothing."""
    return torch.where(there > 0, wanted / there, 0.0)
