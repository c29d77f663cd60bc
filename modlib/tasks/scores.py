"""How outputs are scored: losses and accuracies, per network and sub-task."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def by_head(
    outputs: Float[Tensor, "n_stack batch n_out"], heads: Sequence[int]
) -> list[Float[Tensor, "n_stack batch _"]]:
    """Return the class scores of each sub-task; a single output is scored against 0."""
    return [
        F.pad(scores, (1, 0)) if scores.shape[-1] == 1 else scores
        for scores in outputs.split(list(heads), dim=-1)
    ]


def cross_entropy(
    outputs: Float[Tensor, "n_stack batch n_out"],
    labels: Int[Tensor, "n_stack batch n_tasks"],
    heads: Sequence[int],
) -> Float[Tensor, " n_stack"]:
    """Return each network's cross-entropy, in nats, added up over sub-tasks.

    Sub-tasks with heads of one size are computed at once.
    """
    if len(set(heads)) > 1:
        parts = zip(outputs.split(list(heads), -1), labels.split(1, -1), heads, strict=True)
        losses = (cross_entropy(scores, label, (size,)) for scores, label, size in parts)
        return sum(losses, torch.zeros(()))
    if heads[0] == 1:
        losses = F.binary_cross_entropy_with_logits(
            outputs, labels.to(outputs.dtype), reduction="none"
        )
    else:
        scores = outputs.unflatten(-1, (len(heads), -1))
        losses = F.cross_entropy(scores.movedim(-1, 1), labels, reduction="none")
    return losses.mean(-2).sum(-1)


def accuracy(
    outputs: Float[Tensor, "n_stack batch n_out"],
    labels: Int[Tensor, "n_stack batch n_tasks"],
    heads: Sequence[int],
) -> Float[Tensor, "n_stack n_tasks"]:
    """Return the share of examples that each network gets right in each sub-task."""
    hits = [
        (scores.argmax(-1) == label).float().mean(-1)
        for scores, label in zip(by_head(outputs, heads), labels.unbind(-1), strict=True)
    ]
    return torch.stack(hits, dim=-1)


def squared_error(
    outputs: Float[Tensor, "n_stack batch n_tasks"],
    targets: Float[Tensor, "n_stack batch n_tasks"],
    heads: Sequence[int],
) -> Float[Tensor, " n_stack"]:
    """Return each network's mean squared error, added up over sub-tasks of one output each."""
    return (outputs - targets).square().mean(-2).sum(-1)


def explained_variance(
    outputs: Float[Tensor, "n_stack batch n_tasks"],
    targets: Float[Tensor, "n_stack batch n_tasks"],
    heads: Sequence[int],
) -> Float[Tensor, "n_stack n_tasks"]:
    """Return the share of each target's variance that each network explains, at least 0."""
    unexplained = (outputs - targets).square().mean(-2) / targets.var(-2, correction=0)
    return (1 - unexplained).clamp_min(0.0)
