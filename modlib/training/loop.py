"""The training loop: steps of an optimiser down a loss, for all that is trained here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from modlib.network.denormals import flushed_denormals
from modlib.tasks.task import Examples
from modlib.training.measures import stacked

Batch = TypeVar("Batch")

FALL = 0.2
"""The share of the steps, the last ones, in which the learning rate falls linearly to 0."""


def descend(
    optimiser: Optimizer,
    losses: Callable[[Batch], Float[Tensor, " n_stack"]],
    batches: Iterable[Batch],
    schedule: LambdaLR | None = None,
) -> Iterator[int]:
    """Take a step down the losses of each batch; yield its number, from 0, before it is taken.

    Networks of a stack do not influence each other: their losses are added up.
    """
    for step, batch in enumerate(batches):
        yield step
        with flushed_denormals():
            loss = losses(batch).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if schedule is not None:
            schedule.step()


def falling(optimiser: Optimizer, steps: int) -> LambdaLR:
    """Return the schedule by which the learning rate falls to 0 over the last of the steps."""
    return LambdaLR(optimiser, lambda step: min(1.0, (1 - step / steps) / FALL))


def mini_batches(
    data: Sequence[Examples], seeds: Sequence[int], batch_size: int, steps: int
) -> Iterator[Examples]:
    """Yield, step by step, one mini-batch per seed, drawn by a generator of its own."""
    # a stream of its own beside the one that split the data
    draws = torch.stack(
        [
            torch.tensor(
                np.random.default_rng((seed, 1)).integers(len(x), size=(steps, batch_size))
            )
            for (x, _), seed in zip(data, seeds, strict=True)
        ],
        dim=1,
    )
    everything = stacked(data)
    # rows of one long table are copied much faster than by two indices
    rows = draws + torch.arange(len(data))[:, None] * everything.x.shape[1]
    one_below_the_other = [part.flatten(0, 1) for part in everything]
    for drawn in rows:
        yield Examples(
            *(
                part.index_select(0, drawn.flatten()).unflatten(0, drawn.shape)
                for part in one_below_the_other
            )
        )
