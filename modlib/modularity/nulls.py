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

    Layer sizes, density and every matrix's weights are kept. Neurons without any are left out, so
    that of few weights a null is denser on the others: sparse random networks have some excess.
    """
    return [_permuted(W, generator) for W in weights]


def _permuted(W: Float[Tensor, "n m"], generator: Generator) -> Float[Tensor, "n m"]:
    rows, columns = (W != 0).any(1), (W != 0).any(0)
    there = W if rows.all() and columns.all() else W[rows][:, columns]
    order = torch.randperm(there.numel(), generator=generator, device=W.device)
    shuffled = there.flatten()[order]
    if there is W:
        return shuffled.reshape(W.shape)
    return torch.zeros_like(W).masked_scatter_(torch.outer(rows, columns), shuffled)


def same_strengths(
    weights: Sequence[Float[Tensor, "_ _"]], generator: Generator
) -> list[Float[Tensor, "_ _"]]:
    """Return the weights of each matrix in random order, at every neuron's old strength.

    What is permuted is how large a weight is beside the strengths of its two neurons: each matrix
    is multiplied by a factor per row and per column until all rows have one sum, and all columns
    (iterative proportional fitting), permuted, and multiplied likewise until every neuron has,
    towards each side, about the sum of weights that it had. Layer sizes, density and strengths are
    kept, the weights themselves only roughly; where few weights are left of a matrix, the permuted
    ones may allow no such factors, and strengths are kept only roughly, too.

    Source: Deming & Stephan (1940), doi 10.1214/aoms/1177731829.
    """
    even = [_fitted(W, (W.sum(1) > 0).to(W), (W.sum(0) > 0).to(W)) for W in weights]
    return [
        _fitted(shuffled, W.sum(1), W.sum(0))
        for W, shuffled in zip(weights, permuted(even, generator), strict=True)
    ]


def _fitted(
    W: Float[Tensor, "n m"], rows: Float[Tensor, " n"], columns: Float[Tensor, " m"]
) -> Float[Tensor, "n m"]:
    """Return W times a factor per row and per column, so that they have these sums.

    Where the sums of rows and of columns have another total, each is meant as shares of it.
    """
    columns = columns * (rows.sum() / columns.sum()).nan_to_num()
    r, c = torch.ones_like(rows), torch.ones_like(columns)
    for _ in range(SWEEPS):
        r = _divided(rows, W @ c)
        c = _divided(columns, r @ W)
    return r[:, None] * W * c


def _divided(wanted: Float[Tensor, " n"], there: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return wanted / there, and 0 where chance has left nothing."""
    return torch.where(there > 0, wanted / there, 0.0)
