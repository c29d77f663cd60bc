"""Addition of two numbers modulo a third: a task without known modules."""

from functools import partial

import numpy as np
import torch

from modlib.tasks.task import LIVE, NO_MODULE, Examples, Task, in_parts, in_rows


def modular_addition(p: int = 59) -> Task:
    """Return the task of adding two numbers modulo p, each given as one of p inputs.

    All p^2 pairs, split at random: 80 % for training, 10 % each for validation and test.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041, where an embedding is learned
    in place of the first layer's two halves.
    """
    if p < 4:
        raise ValueError(f"modular addition needs p >= 4, so that pairs are held out, got {p}")
    a, b = np.divmod(np.arange(p * p), p)
    x = np.concatenate([np.eye(p)[a], np.eye(p)[b]], axis=1).astype(np.float32)
    everything = Examples(torch.tensor(x), torch.tensor((a + b) % p)[:, None])
    held_out = p * p // 10
    return Task(
        name="modular_addition",
        draw=partial(in_parts, everything, (p * p - 2 * held_out, held_out, held_out)),
        heads=(p,),
        input_modules=np.full(2 * p, NO_MODULE),
        output_modules=np.full(p, NO_MODULE),
        live=x.astype(bool).mean(0) > LIVE,
        places=in_rows(1, p, 2),
        guess_accuracy=1 / p,
        blind_accuracy=1 / p,
        hidden=(128,),
        steps=3_000,
        activation=torch.relu,
    )
