r"""The balance of networks whose layers are in no line, by Newton's method.

Where several ways lead from one hidden layer to another, or back to itself, as in recurrent layers
and residual streams, setting one layer after the other comes close to the balance only slowly. The
sum of weights, sum_e A_e exp(x_target - x_source), is convex in the logarithms x of the factors,
and its second derivative is the Laplacian of the weights as they are. Conjugate gradients find each
of Newton's steps by products with the matrices alone. No step changes a logarithm by more than 1/2,
so that the sum falls at each of them.

Sources: Cohen, Madry, Tsipras & Vladu (2017), arXiv:1704.02310, for Newton's steps in a box;
Hestenes & Stiefel (1952), doi 10.6028/jres.049.044, for conjugate gradients.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Ends = Sequence[tuple[int, int]]
"""Which layer each weight matrix leads from, and which it leads to."""

STEPS, ITERATIONS, ACCURACY = 200, 1000, 1e-3
"""There are at most so many steps; each takes so many iterations at most, or is so accurate."""


def scaled(
    absolute: Sequence[Float[Tensor, "batch _ _"]],
    ends: Ends,
    logs: Sequence[Float[Tensor, "batch _"]],
) -> list[Float[Tensor, "batch _ _"]]:
    """Return weights times the factors of neurons that they enter, by those that they leave.

    `logs` holds the factors' logarithms, layer by layer.
    """
    return [
        A * (-logs[source]).exp()[:, :, None] * logs[target].exp()[:, None]
        for A, (source, target) in zip(absolute, ends, strict=True)
    ]


def settled(
    absolute: Sequence[Float[Tensor, "batch _ _"]],
    ends: Ends,
    logs: Sequence[Float[Tensor, "batch _"]],
    free: Sequence[Bool[Tensor, "batch _"]],
    tolerance: float,
) -> tuple[list[Float[Tensor, "batch _"]], float]:
    """Return logarithms of factors that balance all free neurons, and the largest last change.

    Each network stops at its first step that changes no weight's share of its matrix by more than
    the tolerance: what one factor for a whole layer changes does not count, since nearly none of
    the sum may depend on it. Where rounding leaves no step to be found, the change is infinite.
    """
    sizes = [part.shape[1] for part in logs]
    x, moves = torch.cat([*logs], 1), torch.cat([*free], 1)
    last = x.new_zeros(len(x))
    for _ in range(STEPS):
        step = newton_step(scaled(absolute, ends, x.split(sizes, 1)), ends, sizes, moves)
        sound = step.isfinite().all(1)
        step = torch.where(sound[:, None], step, 0.0)
        parts = zip(step.split(sizes, 1), moves.split(sizes, 1), strict=True)
        changed = torch.cat([spread(part, moved) for part, moved in parts], 1).abs().amax(1)
        changed = torch.where(sound, changed, torch.inf)
        last = torch.where(moves.any(1), changed, last)
        x = x + step / (2 * step.abs().amax(1, keepdim=True)).clamp(min=1)
        moves = moves & (sound & (last > tolerance))[:, None]
        if not moves.any():
            break
    return list(x.split(sizes, 1)), float(last.max())


def spread(
    step: Float[Tensor, "batch n"], free: Bool[Tensor, "batch n"]
) -> Float[Tensor, "batch n"]:
    """Return how much more or less than their mean the free neurons of a layer change."""
    mean = step.sum(-1, keepdim=True) / free.sum(-1, keepdim=True)
    return torch.where(free, step - mean, 0.0)


def newton_step(
    weights: Sequence[Float[Tensor, "batch _ _"]],
    ends: Ends,
    sizes: Sequence[int],
    free: Bool[Tensor, "batch n"],
) -> Float[Tensor, "batch n"]:
    """Return the step of free neurons' logarithms to the minimum of the sum's second-order form."""

    def carried(v: Tensor, back: int) -> Float[Tensor, "batch n"]:
        """Return v along the weights, and `back` times v against them."""
        found = torch.zeros_like(v)
        layers, parts = v.split(sizes, 1), found.split(sizes, 1)
        for A, (source, target) in zip(weights, ends, strict=True):
            parts[target].add_((A.mT @ layers[source][..., None]).squeeze(-1))
            parts[source].add_((A @ layers[target][..., None]).squeeze(-1), alpha=back)
        return torch.where(free, found, 0.0)

    ones = torch.ones_like(free, dtype=weights[0].dtype)
    total = torch.where(free, carried(ones, 1), 1.0)
    residual = carried(ones, -1).neg()
    step, direction = torch.zeros_like(ones), residual / total
    left = first = (residual * direction).sum(1, keepdim=True)
    least = torch.finfo(left.dtype).tiny
    for _ in range(ITERATIONS):
        goes_on = left > ACCURACY**2 * first
        if not goes_on.any():
            break
        curved = total * direction - carried(direction, 1)
        length = left / (direction * curved).sum(1, keepdim=True).clamp_min(least)
        length = torch.where(goes_on, length, 0.0)
        step, residual = step + length * direction, residual - length * curved
        before, left = left, (residual * residual / total).sum(1, keepdim=True)
        direction = residual / total + left / before.clamp_min(least) * direction
    return step
