r"""One representative of all networks that differ by a rescaling of their hidden neurons.

Multiplying what enters a hidden neuron by a positive number, and dividing what leaves it by the
same, leaves a rectified network's function as it is, and changes any measure of its weights. Among
all such networks one has the least sum of absolute weights: the one in which as much enters each
hidden neuron as leaves it,

    sum_i |W_ij| = sum_k |V_jk|.

A neuron that no input reaches, or that reaches no output, has no weight at all in it. The sum is
convex in the logarithms of the factors, and setting one layer after the other descends to its
minimum: soon for layers in a line, slowly where several ways lead from one to another, or back to
itself, for which Newton's steps follow (`modlib.modularity.newton`).

Sources: Osborne (1960), doi 10.1145/321043.321048, for the balance of a matrix; Stock, Graham,
Gribonval & Jégou (2019), arXiv:1902.10416, for networks.
"""

import warnings
from collections.abc import Collection, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from modlib.modularity.newton import Ends, scaled, settled, spread

SWEEPS, FEW = 1000, 20
"""Layers are set in turn at most so often if they form lines, and else so often."""

TOLERANCE, ROUNDING = 1e-10, 16
"""That is enough once no factor changes by a larger share, or by more of its last digits."""

LEVEL = 96
"""Weights whose largest lies between two to the power of minus and plus half of this stay exact."""


def chained(n_matrices: int) -> list[tuple[int, int]]:
    """Return the ends of a chain's matrices: each leads from one layer to the next."""
    return [(depth, depth + 1) for depth in range(n_matrices)]


def balanced(
    weights: Sequence[Float[Tensor, "batch _ _"]], ends: Ends
) -> list[Float[Tensor, "batch _ _"]]:
    """Return absolute weights with as much entering each hidden neuron as leaves it.

    Layers that no matrix leads to, or none leads from, keep their scale, as inputs and outputs do.
    Of layers that lead to one another, or one that leads to itself, the first keeps its scale if
    nothing else leads to them, or if they lead to nothing else.

    >>> W, V = torch.ones(1, 2, 3), torch.ones(1, 3, 1)
    >>> [float(A[0, 0, 0] / 2**0.5) for A in balanced([4 * W, V], chained(2))]
    [1.0, 2.0]
    """
    fixed = of_fixed_scale(ends)
    absolute = [W.abs() for W in levelled(weights, ends)]
    living = alive(absolute, ends, fixed)
    absolute = [
        A * living[source][:, :, None] * living[target][:, None]
        for A, (source, target) in zip(absolute, ends, strict=True)
    ]
    free = [layer & (n not in fixed) for n, layer in enumerate(living)]
    tolerance = max(TOLERANCE, ROUNDING * torch.finfo(absolute[0].dtype).eps)
    logs, moving = swept(absolute, ends, free, SWEEPS if in_lines(ends) else FEW, tolerance)
    if moving.any():
        moves = [layer & moving[:, None] for layer in free]
        logs, left = settled(absolute, ends, logs, moves, tolerance)
        if not left <= tolerance:
            warnings.warn(
                f"weights still change by {left:.1g} of themselves after the last step of"
                " balancing, as where some are far too small beside others; modularity is that of"
                " the weights so far",
                RuntimeWarning,
                stacklevel=2,
            )
    return scaled(absolute, ends, logs)


def levelled(
    weights: Sequence[Float[Tensor, "*stack _ _"]], ends: Ends
) -> list[Float[Tensor, "*stack _ _"]]:
    """Return weights divided by powers of two, so that the largest are neither huge nor tiny.

    One goes out of each matrix where layers are in lines, and else one out of all: no weight's
    share of its matrix changes in the balance.
    """
    largest = torch.stack([W.abs().amax((-2, -1)).double() for W in weights])
    if not in_lines(ends):
        largest = largest.amax(0, keepdim=True).expand_as(largest)
    # in two steps, since the power itself may be too large
    halves = (torch.frexp(largest).exponent / LEVEL).round().int() * (LEVEL // 2)
    if not halves.any():
        return list(weights)
    return [
        W.ldexp(-half[..., None, None]).ldexp(-half[..., None, None])
        for W, half in zip(weights, halves, strict=True)
    ]


def in_lines(ends: Ends) -> bool:
    """Return whether one matrix at most leads to each layer, and one from it."""
    sources, targets = zip(*ends, strict=True)
    return len({*sources}) == len(sources) and len({*targets}) == len(targets)


def swept(
    absolute: Sequence[Float[Tensor, "batch _ _"]],
    ends: Ends,
    free: Sequence[Bool[Tensor, "batch _"]],
    n_sweeps: int,
    tolerance: float,
) -> tuple[list[Float[Tensor, "batch _"]], Bool[Tensor, " batch"]]:
    """Return logarithms of factors, layers set in turn, and whether a network's still change."""
    hidden = [n for n, layer in enumerate(free) if layer.any()]
    lines = in_lines(ends)
    logs = [torch.zeros_like(layer, dtype=absolute[0].dtype) for layer in free]
    moving = torch.ones(len(absolute[0]), dtype=torch.bool, device=absolute[0].device)
    for _ in range(n_sweeps):
        largest = torch.zeros_like(moving, dtype=absolute[0].dtype)
        for layer in hidden:
            entering, leaving = torch.zeros_like(logs[layer]), torch.zeros_like(logs[layer])
            loops = False
            for A, (source, target) in zip(absolute, ends, strict=True):
                if target == layer:
                    entering += (A.mT @ (-logs[source]).exp()[..., None]).squeeze(-1)
                if source == layer:
                    leaving += (A @ logs[target].exp()[..., None]).squeeze(-1)
                loops |= source == target == layer
            wanted = torch.where(free[layer], (leaving / entering).log() / 2, 0.0)
            # a layer that leads to itself moves half the way, since its neurons move at once
            step = (wanted - logs[layer]) / (2 if loops else 1)
            step = torch.where(moving[:, None] & free[layer], step, 0.0)
            logs[layer] = logs[layer] + step
            # in a line one factor for a whole layer changes no weight's share of its matrix
            changed = spread(step, free[layer]) if lines else step
            largest = torch.maximum(largest, changed.abs().amax(-1))
        moving = moving & ~(largest <= tolerance)
        if not moving.any():
            break
    return logs, moving


def of_fixed_scale(ends: Ends) -> set[int]:
    """Return the layers that keep their scale."""
    group = groups(ends)
    between = [(group[source], group[target]) for source, target in ends]
    left, entered = ({ends[side] for ends in between if ends[0] != ends[1]} for side in (0, 1))
    return {int(np.flatnonzero(group == one)[0]) for one in {*group.tolist()} - (left & entered)}


def groups(ends: Ends) -> Int[np.ndarray, " n_layers"]:
    """Return a number for each layer, the same for those that lead to one another."""
    leads = np.zeros([1 + max((max(end) for end in ends), default=0)] * 2)
    for end in ends:
        leads[end] = 1
    return connected_components(leads, connection="strong")[1]


def alive(
    absolute: Sequence[Float[Tensor, "batch _ _"]], ends: Ends, fixed: Collection[int]
) -> list[Bool[Tensor, "batch _"]]:
    """Return, layer by layer, which neurons lie on a way between neurons of fixed scale.

    All of these do; weights to and from neurons that do not lie on one do not count.
    """
    there = [(A > 0).to(A.dtype) for A in absolute]
    forth = reached(there, ends, fixed)
    back = reached([A.mT for A in there[::-1]], [(b, a) for a, b in reversed(ends)], fixed)
    return [a & b for a, b in zip(forth, back, strict=True)]


def reached(
    there: Sequence[Float[Tensor, "batch _ _"]], ends: Ends, fixed: Collection[int]
) -> list[Bool[Tensor, "batch _"]]:
    """Return, layer by layer, which neurons have a way to them from those of fixed scale."""
    found: dict[int, Tensor] = {}
    for A, end in zip(there, ends, strict=True):
        for layer, size in zip(end, A.shape[1:], strict=True):
            found[layer] = A.new_full((len(A), size), float(layer in fixed))
    n_before = -1
    while n_before < (n_before := sum(int(layer.count_nonzero()) for layer in found.values())):
        for A, (source, target) in zip(there, ends, strict=True):
            entered = (A.mT @ found[source][..., None]).squeeze(-1)
            found[target] = ((found[target] + entered) > 0).to(A.dtype)
    return [found[layer] > 0 for layer in sorted(found)]
