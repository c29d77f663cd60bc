r"""One representative of all networks that differ by a rescaling of their hidden neurons.

Multiplying what enters a hidden neuron by a positive number, and dividing what leaves it by the
same, leaves a rectified network's function as it is, and changes any measure of its weights. Among
all such networks one has the least sum of absolute weights: the one in which as much enters each
hidden neuron as leaves it,

    sum_i |W_ij| = sum_k |V_jk|.

A neuron that nothing enters, or that nothing leaves, has no weight at all in it. The sum is convex
in the logarithms of the factors, and setting one layer after the other descends to its minimum.

Sources: Osborne (1960), doi 10.1145/321043.321048, for the balance of a matrix; Stock, Graham,
Gribonval & Jégou (2019), arXiv:1902.10416, for networks.
"""

import warnings
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from modlib.modularity.circuits import balanced_circuits

Ends = Sequence[tuple[int, int]]
"""Which layer each weight matrix leads from, and which it leads to."""

SWEEPS, TOLERANCE = 1000, 1e-10
"""Layers are set in turn at most so often, or until no factor changes by a larger share."""

ROUGH = 1e-7
"""Where factors still change by a larger share after the last sweep, a warning says so."""


def chained(n_matrices: int) -> list[tuple[int, int]]:
    """Return the ends of a chain's matrices: each leads from one layer to the next."""
    return [(depth, depth + 1) for depth in range(n_matrices)]


def balanced(
    weights: Sequence[Float[Tensor, "batch _ _"]], ends: Ends
) -> list[Float[Tensor, "batch _ _"]]:
    """Return absolute weights with as much entering each hidden neuron as leaves it.

    Layers that no matrix leads to, or none leads from, keep their scale. Where a layer leads to
    itself, weights on no closed circuit are zero (`modlib.modularity.circuits`).

    >>> W, V = torch.ones(1, 2, 3), torch.ones(1, 3, 1)
    >>> [float(A[0, 0, 0] / 2**0.5) for A in balanced([4 * W, V], chained(2))]
    [1.0, 2.0]
    """
    hidden = sorted({source for source, _ in ends} & {target for _, target in ends})
    absolute = [W.abs() for W in weights]
    if any(source == target for source, target in ends):
        made, left = balanced_circuits(absolute, ends)
        warn_if_rough(left)
        return made
    living = alive(absolute, ends)
    absolute = [
        A * living[source][:, :, None] * living[target][:, None]
        for A, (source, target) in zip(absolute, ends, strict=True)
    ]
    logs = [torch.zeros_like(layer, dtype=absolute[0].dtype) for layer in living]
    moving = torch.ones(len(absolute[0]), dtype=torch.bool, device=absolute[0].device)
    for _ in range(SWEEPS):
        largest = torch.zeros_like(moving, dtype=absolute[0].dtype)
        for layer in hidden:
            entering, leaving = torch.zeros_like(logs[layer]), torch.zeros_like(logs[layer])
            for A, (source, target) in zip(absolute, ends, strict=True):
                if target == layer:
                    entering += (A.mT @ (-logs[source]).exp()[..., None]).squeeze(-1)
                if source == layer:
                    leaving += (A @ logs[target].exp()[..., None]).squeeze(-1)
            wanted = torch.where(living[layer], (leaving / entering).log() / 2, 0.0)
            step = wanted - logs[layer]
            step = torch.where(moving[:, None] & living[layer], step, 0.0)
            logs[layer] = logs[layer] + step
            # one factor for a whole layer changes no weight's share of its matrix
            spread = step - step.sum(-1, keepdim=True) / living[layer].sum(-1, keepdim=True)
            spread = torch.where(living[layer], spread, 0.0)
            largest = torch.maximum(largest, spread.abs().amax(-1))
        moving = moving & (largest > TOLERANCE)
        if not moving.any():
            break
    else:
        warn_if_rough(float(largest.max()))
    return [
        A * (-logs[source]).exp()[:, :, None] * logs[target].exp()[:, None]
        for A, (source, target) in zip(absolute, ends, strict=True)
    ]


def warn_if_rough(left: float) -> None:
    """Warn where factors still change by a larger share than `ROUGH`."""
    if not left <= ROUGH:
        warnings.warn(
            f"weights still change by {left:.1g} of themselves after the last step of balancing;"
            " modularity is that of the weights so far",
            RuntimeWarning,
            stacklevel=3,
        )


def alive(
    absolute: Sequence[Float[Tensor, "batch _ _"]], ends: Ends
) -> list[Bool[Tensor, "batch _"]]:
    """Return, layer by layer, which neurons something enters and something leaves.

    Neurons of layers that no matrix leads to need only lead somewhere, and the other way round;
    weights to and from neurons that are not alive do not count.
    """
    entered, left = ({end[side] for end in ends} for side in (1, 0))
    living: dict[int, Tensor] = {}
    for A, (source, target) in zip(absolute, ends, strict=True):
        living[source], living[target] = A.new_ones(A.shape[:2]), A.new_ones(A.shape[::2])
    there = [(A > 0).to(A.dtype) for A in absolute]
    while True:
        into = {layer: torch.zeros_like(living[layer]) for layer in living}
        out = {layer: torch.zeros_like(living[layer]) for layer in living}
        for A, (source, target) in zip(there, ends, strict=True):
            into[target] += (A.mT @ living[source][..., None]).squeeze(-1)
            out[source] += (A @ living[target][..., None]).squeeze(-1)
        now = {
            layer: living[layer]
            * ((into[layer] > 0) | (layer not in entered))
            * ((out[layer] > 0) | (layer not in left))
            for layer in living
        }
        if all(torch.equal(now[layer], living[layer]) for layer in living):
            return [now[layer].bool() for layer in sorted(now)]
        living = now
