"""The retina: is there an object on the left, on the right?"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Int

from modlib.tasks.task import NO_MODULE, Examples, Task, guess_accuracy, in_parts, in_rows


def left_object(pixels: Int[np.ndarray, "n 4"]) -> Int[np.ndarray, " n"]:
    """Return 1 where the four pixels (outer column first) hold an object, else 0.

    Kashtan & Alon (2005): three or more black pixels, or one or two in the outer
    column alone. A right object is the mirror image.
    """
    outer, inner = pixels[:, :2].sum(1), pixels[:, 2:].sum(1)
    return ((outer + inner >= 3) | ((outer >= 1) & (inner == 0))).astype(np.int64)


GOALS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]] = {
    "and": lambda left, right: (left & right,),
    "or": lambda left, right: (left | right,),
    "xor": lambda left, right: (left ^ right,),
    "both": lambda left, right: (left, right),
}

ONE_SIDE_SEEN = {"and": 0.75, "or": 0.75, "xor": 0.5, "both": 0.5}
"""Accuracy of the best guess that sees one side: half of the patterns hold an object there."""


def retina(goal: str = "both") -> Task:
    """Return the retina task: eight pixels, is there an object on the left, on the right?

    With the goals `and`, `or` and `xor` one output tells the combination; with
    `both` there are two outputs, one for each side. All 256 patterns, split at random
    into 128 for training and 64 each for validation and test; pixels are -1 or 1.

    Source: Kashtan & Alon (2005), doi 10.1073/pnas.0503610102.
    """
    if goal not in GOALS:
        raise ValueError(f"retina needs a goal out of {', '.join(GOALS)}; got {goal!r}")
    pixels = (np.arange(256)[:, None] >> np.arange(8)) & 1
    labels = np.stack(GOALS[goal](left_object(pixels[:, :4]), left_object(pixels[:, 4:])), 1)
    everything = Examples(torch.tensor(2.0 * pixels - 1, dtype=torch.float32), torch.tensor(labels))
    both = goal == "both"
    return Task(
        name="retina" if both else f"retina_{goal}",
        draw=partial(in_parts, everything, (128, 64, 64)),
        heads=(1,) * labels.shape[1],
        input_modules=np.repeat([0, 1], 4),
        output_modules=np.array([0, 1] if both else [NO_MODULE]),
        live=np.full(8, True),
        # the outer column comes first on either side, and on the right lies beyond the inner
        places=in_rows(2, 1, 4)[[0, 1, 2, 3, 6, 7, 4, 5]],
        guess_accuracy=guess_accuracy(labels),
        blind_accuracy=ONE_SIDE_SEEN[goal],
        hidden=(12, 12),
        steps=1_500,
    )
