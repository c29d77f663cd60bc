"""What a task is: a way to draw data from a seed, and what is known about it.

A sub-task is a target of its own with a head, a group of outputs, of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from modlib.modularity.agreement import NO_MODULE
from modlib.tasks.scores import accuracy, cross_entropy

LIVE = 0.01
"""An input is dead if it differs from zero in at most this share of the examples."""

HELD_OUT = 2_000
"""Examples each for validation and test, where any number can be drawn."""


class Examples(NamedTuple):
    """Inputs with one target per sub-task: a class, or a number to be predicted."""

    x: Float[Tensor, "n n_in"]
    targets: Num[Tensor, "n n_tasks"]


class Data(NamedTuple):
    """What one network is trained, tuned and judged on; no example is in two."""

    train: Examples
    validation: Examples
    test: Examples


Score = Callable[[Tensor, Tensor, Sequence[int]], Tensor]
"""Maps outputs, targets and the sizes of the heads to numbers per network."""


@dataclass(frozen=True)
class Task:
    """A data set, with its modules where they are known.

    Attributes:
        name: its name in `TASKS`.
        draw: returns the data that belong to a seed.
        heads: number of outputs of each sub-task.
        input_modules: module of each input, `NO_MODULE` (-1) where there is none, as for
            dead inputs.
        output_modules: likewise for each output.
        live: which inputs are not dead, that is, differ from zero in more than one example
            in a hundred.
        places: where each input lies in the plane: pixels one unit apart, other inputs one
            unit apart on a line.
        guess_accuracy: accuracy, averaged over sub-tasks, of the best constant guess.
        blind_accuracy: of the best guess that sees all modules but one, averaged over the
            modules and the sub-tasks that need them; the constant guess where no modules
            are known. NaN where it is not known.
        hidden: widths of the hidden layers that the published runs use.
        steps: training steps of the published runs.
        activation: of the hidden neurons.
        loss: what training minimises, per network.
        accuracy: accuracy per network and sub-task; of a number to be predicted, the share
            of its variance that is explained.
    """

    name: str
    draw: Callable[[int], Data]
    heads: tuple[int, ...]
    input_modules: Int[np.ndarray, " n_in"]
    output_modules: Int[np.ndarray, " n_out"]
    live: Bool[np.ndarray, " n_in"]
    places: Float[np.ndarray, "n_in 2"]
    guess_accuracy: float
    blind_accuracy: float
    hidden: tuple[int, ...]
    steps: int
    activation: Callable[[Tensor], Tensor] = torch.tanh
    loss: Score = cross_entropy
    accuracy: Score = accuracy

    @property
    def known_modules(self) -> list[int]:
        """The modules that inputs or outputs belong to, in order."""
        modules = np.union1d(self.input_modules, self.output_modules)
        return modules[modules != NO_MODULE].tolist()

    def scored(self, examples: Examples) -> Callable[[Tensor], Float[Tensor, "*stack n_tasks"]]:
        """Return what maps outputs for these examples to the accuracy at each sub-task."""
        return lambda outputs: self.accuracy(outputs, examples.targets, self.heads)


def in_parts(examples: Examples, sizes: tuple[int, int, int], seed: int) -> Data:
    """Return the examples in random order, split into parts of the given sizes."""
    order = torch.tensor(np.random.default_rng(seed).permutation(len(examples.x)))
    return Data(*(Examples(*(values[i] for values in examples)) for i in order.split(sizes)))


def in_order(
    x: Float[np.ndarray, "n n_in"], targets: Num[np.ndarray, "n n_tasks"], n_train: int
) -> Data:
    """Return examples that were drawn at random, split as they come: training first."""
    parts = (np.split(part, [n_train, n_train + HELD_OUT]) for part in (x, targets))
    return Data(*(Examples(*map(torch.tensor, part)) for part in zip(*parts, strict=True)))


def guess_accuracy(labels: Int[np.ndarray, "n n_tasks"]) -> float:
    """Return the accuracy of the best constant guess, averaged over sub-tasks."""
    return float(np.mean([np.bincount(column).max() / len(labels) for column in labels.T]))


def on_a_line(n: int) -> Float[np.ndarray, "n 2"]:
    """Return places one unit apart on a line."""
    return np.stack([np.arange(n, dtype=float), np.zeros(n)], axis=1)


def in_rows(height: int, width: int, images: int = 1) -> Float[np.ndarray, "n 2"]:
    """Return the places of the pixels of images that lie side by side, image by image."""
    image, row, column = np.indices((images, height, width)).reshape(3, -1)
    return np.stack([image * width + column, row], axis=1).astype(float)
