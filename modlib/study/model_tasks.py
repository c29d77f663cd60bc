"""What networks of other architectures are trained on, and which modules are known."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from modlib.study.model_networks import Memory, Transformer, lenet, resnet
from modlib.study.recurrent_networks import delayed_recall
from modlib.tasks import TASKS
from modlib.tasks.scores import accuracy, cross_entropy
from modlib.tasks.task import HELD_OUT, NO_MODULE, Data, Examples

DELAYS, TIMES = (1, 2, 3), 12
"""How many steps ago the bits are that an LSTM recalls, and how long its sequences are."""


class Case(NamedTuple):
    """An architecture on a task.

    Attributes:
        task: its name.
        make: returns the network, whose initial weights are drawn by torch.
        draw: returns the data that belong to a seed.
        loss: maps outputs and targets to what training minimises.
        score: maps them to the accuracy at each sub-task.
        input_modules: module of each neuron of the first layer, `NO_MODULE` where there is none.
        output_modules: likewise of the last.
        steps: training steps of the published runs.
    """

    task: str
    make: Callable[[], nn.Module]
    draw: Callable[[int], Data]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], Float[Tensor, " n_tasks"]]
    input_modules: Int[np.ndarray, " n_in"]
    output_modules: Int[np.ndarray, " n_out"]
    steps: int


def of_heads(*heads: int) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return the loss and the score of classes, with a head of outputs for each sub-task."""
    return {
        "loss": lambda outputs, targets: cross_entropy(outputs[None], targets[None], heads).sum(),
        "score": lambda outputs, targets: accuracy(outputs[None], targets[None], heads)[0],
    }


def two_images(make: Callable[[], nn.Module], steps: int) -> Case:
    """Return the case of a network that names two of MNIST's digits, each in its own channel."""
    task, pair = TASKS["two_mnist"](), np.arange(2)
    modules = pair, pair.repeat(10)
    return Case(task.name, make, task.draw, **of_heads(*task.heads), **ends(*modules), steps=steps)


def ends(
    inputs: Int[np.ndarray, " n_in"], outputs: Int[np.ndarray, " n_out"]
) -> dict[str, Int[np.ndarray, " _"]]:
    """Return the modules of inputs and outputs by name."""
    return {"input_modules": inputs, "output_modules": outputs}


def sums(count: int, p: int, steps: int) -> Case:
    """Return the case of a transformer that adds pairs of numbers modulo p.

    Each pair has p tokens of its own, and as many outputs. Of all p^2 pairs those of training,
    80 %, are in no example of validation or test, 10 % each.
    """
    modules = np.arange(count).repeat(p) if count > 1 else np.full(p, NO_MODULE)
    return Case(
        "modular_addition" if count == 1 else f"{count} sums",
        partial(Transformer, count * p),
        partial(drawn_sums, count, p),
        **of_heads(*(p,) * count),
        **ends(modules, modules),
        steps=steps,
    )


def drawn_sums(count: int, p: int, seed: int) -> Data:
    """Return tokens of `count` pairs of numbers, and their sums modulo p."""
    rng = np.random.default_rng(seed)
    held_out = p * p // 10
    parts = np.split(rng.permutation(p * p), [p * p - 2 * held_out, p * p - held_out])
    found = []
    for part in parts:
        # one pair: each once; several: drawn at random
        chosen = part[:, None] if count == 1 else rng.choice(part, (5 * HELD_OUT // 2, count))
        numbers = np.stack(np.divmod(chosen, p), -1)
        tokens = (numbers + p * np.arange(count)[:, None]).reshape(len(chosen), -1)
        found.append(Examples(torch.tensor(tokens), torch.tensor(numbers.sum(-1) % p)))
    return Data(*found)


def recall(steps: int) -> Case:
    """Return the case of an LSTM that recalls two independent streams of bits."""
    streams = np.arange(2)
    return Case(
        "recall",
        partial(Memory, 2, 2 * len(DELAYS)),
        drawn_bits,
        lambda outputs, targets: len(streams) * F.softplus(-outputs * targets)[:, LATE].mean(),
        share_recalled,
        **ends(streams, streams.repeat(len(DELAYS))),
        steps=steps,
    )


LATE = slice(max(DELAYS), None)
"""The times that count: before the longest delay there is nothing to recall."""


def drawn_bits(seed: int) -> Data:
    """Return sequences of bits, -1 or 1, and what they were at each delay."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(2, size=(n, TIMES, 2)) for n in (5 * HELD_OUT, HELD_OUT, HELD_OUT)]
    streams = [torch.tensor(2.0 * bits - 1, dtype=torch.float32) for bits in drawn]
    return Data(*(Examples(u, delayed_recall(u, DELAYS)) for u in streams))


def share_recalled(
    outputs: Float[Tensor, "batch time n_out"], targets: Float[Tensor, "batch time n_out"]
) -> Float[Tensor, " n_streams"]:
    """Return the share of bits of each stream that outputs get right."""
    right = (outputs * targets > 0)[:, LATE].float().mean((0, 1))
    return right.unflatten(0, (-1, len(DELAYS))).mean(-1)


CASES: dict[str, Callable[[], Case]] = {
    "LeNet": partial(two_images, lenet, 1_500),
    "ResNet": partial(two_images, resnet, 1_200),
    "transformer": partial(sums, 1, 31, 1_500),
    "transformer, two sums": partial(sums, 2, 11, 2_000),
    "LSTM": partial(recall, 2_000),
}
"""What is trained, by its name in the table."""
