"""Measure a stack of networks: one row per network, during training and after it."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from modlib.chain import weights
from modlib.lesions import lesion_drops, specialisation
from modlib.modularity import agreement, modularity
from modlib.networks import Stack, accuracy, task_loss
from modlib.tasks import Data, Examples, Task


def stacked(examples: Iterable[Examples]) -> Examples:
    """Return the examples of several networks along a new leading dimension."""
    return Examples(*(torch.stack(parts) for parts in zip(*examples, strict=True)))


def repeated(examples: Examples, times: int) -> Examples:
    """Return stacked examples over and over, for networks that differ in strength alone."""
    return Examples(*(part.repeat(times, 1, 1) for part in examples))


def finite(chain: Sequence[Float[Tensor, "n_stack _ _"]]) -> Bool[Tensor, " n_stack"]:
    """Return which networks of a stack have finite weights throughout."""
    return torch.stack([W.isfinite().all(-1).all(-1) for W in chain]).all(0)


@torch.no_grad()
def progress(
    network: Stack, regulariser: nn.Module, task: Task, data: Sequence[Data]
) -> pd.DataFrame:
    """Return where each network of a stack stands during training.

    `task_loss` (nats) and `accuracy` on its validation examples, the `penalty` before
    it is multiplied by the strength, and the `excess` of Q over 5 nulls, one search each;
    NaN for a diverged network.
    """
    chain = weights(network)
    sound = finite(chain)
    x, labels = repeated(stacked(d.validation for d in data), len(sound) // len(data))
    outputs = network(x)
    found = modularity([W.where(sound[:, None, None], 0.0) for W in chain], nulls=5, restarts=1)
    return pd.DataFrame(
        {
            "task_loss": task_loss(outputs, labels, task.heads),
            "penalty": regulariser(chain),
            "accuracy": accuracy(outputs, labels, task.heads).mean(-1),
            "excess": found.excess,
        }
    ).where(pd.Series(sound.numpy()), axis=0)


@torch.no_grad()
def measure(
    network: Stack, task: Task, data: Sequence[Data], nulls: int = 20, restarts: int = 5
) -> pd.DataFrame:
    """Return one row per network of a trained stack.

    `status` ('ok' or 'diverged'); `accuracy` on test examples and
    `validation_accuracy`, both averaged over sub-tasks; `q`, `q_null_mean`,
    `q_null_std` and `excess` as in `modularity`; `communities`, the number of those
    with two neurons or more; `ari`, as in `agreement`; `specialisation`, by lesions on
    test examples. A diverged network's measures are NaN.
    """
    chain = weights(network)
    sound = finite(chain)
    found = modularity([W.where(sound[:, None, None], 0.0) for W in chain], nulls, restarts)
    test, validation = (
        repeated(stacked(part), len(sound) // len(data))
        for part in ((d.test for d in data), (d.validation for d in data))
    )
    drops = lesion_drops(network, found.communities, test, task.heads)
    measures = pd.DataFrame(
        {
            "accuracy": accuracy(network(test.x), test.labels, task.heads).mean(-1),
            "validation_accuracy": accuracy(
                network(validation.x), validation.labels, task.heads
            ).mean(-1),
            "q": found.q,
            "q_null_mean": found.null_mean,
            "q_null_std": found.null_std,
            "excess": found.excess,
            "communities": [np.sum(np.bincount(labels) > 1) for labels in found.communities],
            "ari": agreement(found.communities, task.input_modules, task.output_modules),
            "specialisation": specialisation(drops),
        }
    ).where(pd.Series(sound.numpy()), axis=0)
    measures.insert(0, "status", np.where(sound, "ok", "diverged"))
    return measures
