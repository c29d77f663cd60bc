"""Tasks whose modules are known.

A task is a way to draw data from a seed, with what is known about it: which
module each input and output belongs to, and how well a guess does that sees
nothing. A sub-task is a label of its own with a head, a group of outputs, of its
own; a head of one output decides between two classes by its sign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from torch import Tensor

NO_MODULE = -1
"""The module of an input or output that belongs to none, or to several."""


LIVE = 0.01
"""An input is dead if it differs from zero in at most this share of the examples."""


class Examples(NamedTuple):
    """Inputs with one label per sub-task."""

    x: Float[Tensor, "n n_in"]
    labels: Int[Tensor, "n n_tasks"]


class Data(NamedTuple):
    """What one network is trained, tuned and judged on; no example is in two."""

    train: Examples
    validation: Examples
    test: Examples


@dataclass(frozen=True)
class Task:
    """A data set with known modules.

    Attributes:
        name: its name in `TASKS`.
        draw: returns the data that belong to a seed.
        heads: number of outputs of each sub-task.
        input_modules: module of each input, `NO_MODULE` (-1) where there is none, as for
            dead inputs: those that are not zero in at most one example in a hundred.
        output_modules: likewise for each output.
        guess_accuracy: accuracy, averaged over sub-tasks, of the best constant guess.
        hidden: widths of the hidden layers that the published runs use.
        steps: training steps of the published runs.
    """

    name: str
    draw: Callable[[int], Data]
    heads: tuple[int, ...]
    input_modules: Int[np.ndarray, " n_in"]
    output_modules: Int[np.ndarray, " n_out"]
    guess_accuracy: float
    hidden: tuple[int, ...]
    steps: int


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
    all_x = torch.tensor(2.0 * pixels - 1, dtype=torch.float32)
    all_labels = torch.tensor(labels)

    def draw(seed: int) -> Data:
        order = torch.tensor(np.random.default_rng(seed).permutation(256))
        return Data(*(Examples(all_x[i], all_labels[i]) for i in order.split([128, 64, 64])))

    both = goal == "both"
    return Task(
        name="retina" if both else f"retina_{goal}",
        draw=draw,
        heads=(1,) * labels.shape[1],
        input_modules=np.repeat([0, 1], 4),
        output_modules=np.array([0, 1] if both else [NO_MODULE]),
        guess_accuracy=guess_accuracy(labels),
        hidden=(12, 12),
        steps=1_500,
    )


@cache
def digit_images() -> tuple[Float[np.ndarray, "1797 64"], Int[np.ndarray, " 1797"]]:
    """Return scikit-learn's 8x8 digits, brightness between 0 and 1, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32), labels


def two_digits(n_train: int = 10_000) -> Task:
    """Return the task of naming two digits that lie side by side, each in its own head.

    The 1,797 images are split at random, 60 % for training and 20 % each for
    validation and test; `n_train`, 2,000 and 2,000 pairs are then drawn within each
    part, so that no image of a test pair was seen in training.
    """
    if n_train < 1:
        raise ValueError(f"two_digits needs n_train >= 1, got {n_train}")
    images, labels = digit_images()

    def draw(seed: int) -> Data:
        rng = np.random.default_rng(seed)
        parts = np.split(rng.permutation(len(images)), [1078, 1437])
        pairs = (
            rng.choice(part, (n, 2)) for part, n in zip(parts, (n_train, 2_000, 2_000), strict=True)
        )
        return Data(
            *(
                Examples(torch.tensor(images[p].reshape(-1, 128)), torch.tensor(labels[p]))
                for p in pairs
            )
        )

    live = np.tile((images > 0).mean(0) > LIVE, 2)
    return Task(
        name="two_digits",
        draw=draw,
        heads=(10, 10),
        input_modules=np.where(live, np.repeat([0, 1], 64), NO_MODULE),
        output_modules=np.repeat([0, 1], 10),
        guess_accuracy=guess_accuracy(labels[:, None]),
        hidden=(48, 48),
        steps=2_000,
    )


def guess_accuracy(labels: Int[np.ndarray, "n n_tasks"]) -> float:
    """Return the accuracy of the best constant guess, averaged over sub-tasks."""
    return float(np.mean([np.bincount(column).max() / len(labels) for column in labels.T]))


TASKS: dict[str, Callable[..., Task]] = {
    "retina": retina,
    "retina_and": partial(retina, "and"),
    "retina_or": partial(retina, "or"),
    "retina_xor": partial(retina, "xor"),
    "two_digits": two_digits,
}
