"""Modules of trained networks, put into new ones that learn something else.

A module is given, as in `retraining.module_of_head`, by the weights and biases that belong to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from modlib.study.retraining import Trainable, of_sub_task, relabelled
from modlib.tasks.task import NO_MODULE, Data, Examples, Task
from modlib.training.stacks import Stack


def both(one: Trainable, other: Trainable) -> Trainable:
    """Return the weights and biases that belong to either of two modules."""
    return Trainable(
        *([a | b for a, b in zip(*parts, strict=True)] for parts in zip(one, other, strict=True))
    )


def everything(network: Stack) -> Trainable:
    """Return the module that consists of whole networks."""
    return Trainable(
        *(
            [torch.ones_like(getattr(layer, part), dtype=torch.bool) for layer in network.layers]
            for part in ("weight", "bias")
        )
    )


def size(module: Trainable) -> Float[Tensor, " n_stack"]:
    """Return which share of the hidden neurons are in a module."""
    return torch.cat(module.bias[:-1], dim=-1).float().mean((-2, -1))


def but_for_head(network: Stack, heads: Sequence[int], one: int) -> Trainable:
    """Return the module that consists of whole networks but for the outputs of one sub-task."""
    whole = everything(network)
    for last in (whole.weight[-1], whole.bias[-1]):
        last.split(list(heads), dim=-1)[one][:] = False
    return whole


@torch.no_grad()
def accuracy_alone(
    donor: Stack, module: Trainable, task: Task, examples: Examples, one: int
) -> Float[Tensor, " n_stack"]:
    """Return the accuracy at one sub-task of a module cut out of its networks.

    `examples` hold one set per network, along a leading dimension.
    """
    own = {
        f"layers.{depth}.{name}": getattr(layer, name) * getattr(module, name)[depth]
        for depth, layer in enumerate(donor.layers)
        for name in ("weight", "bias")
    }
    outputs = functional_call(donor, own, (examples.x,))
    return task.accuracy(*of_sub_task(outputs, examples.targets, task.heads, one))[:, 0]


@torch.no_grad()
def transplant(new: Stack, donor: Stack, module: Trainable) -> None:
    """Put the donors' modules into new networks, in place, each neuron where it was.

    The module's neurons keep their biases and the weights between them; they take nothing from
    other neurons at first. Everything else is left as it is. The new networks may have more
    layers, and more neurons in each layer but the inputs; then the donors' outputs become hidden
    neurons.

    Raises:
        ValueError: if the new networks are not as many, or too small.
    """
    few_layers = len(new.widths) < len(donor.widths) or new.widths[0] != donor.widths[0]
    if (
        few_layers
        or len(new.seeds) != len(donor.seeds)
        or any(a < b for a, b in zip(new.widths, donor.widths, strict=False))
    ):
        raise ValueError(
            f"modules out of {len(donor.seeds)} networks of widths {donor.widths} need as many new"
            " networks, with the same inputs and layers at least as wide; got"
            f" {len(new.seeds)} of widths {new.widths}"
        )
    for layer, old, weight, bias in zip(new.layers, donor.layers, *module, strict=False):
        n_in, n_out = old.weight.shape[-2:]
        layer.weight[..., :n_out].masked_fill_(bias, 0.0)
        layer.weight[:, :n_in, :n_out] += old.weight * weight
        layer.bias[..., :n_out] = torch.where(bias, old.bias, layer.bias[..., :n_out])


def freeze(new: Stack, module: Trainable) -> None:
    """Hold what reaches a module's neurons, and their biases, as they are in training."""
    for layer, bias in zip(new.layers, module.bias, strict=False):
        free = torch.ones_like(layer.bias, dtype=torch.bool)
        free[..., : bias.shape[-1]] = ~bias
        layer.weight.register_hook(free.mul)
        layer.bias.register_hook(free.mul)


def with_other_targets(
    task: Task, name: str, change: Callable[[Examples, int], Examples], heads: Sequence[int]
) -> Task:
    """Return a task on the same inputs; `change` maps examples and their seed to new ones.

    How well it can be guessed is not known.
    """
    return replace(
        task,
        name=name,
        draw=lambda seed: Data(*(change(part, seed) for part in task.draw(seed))),
        heads=tuple(heads),
        output_modules=np.full(sum(heads), NO_MODULE),
        guess_accuracy=np.nan,
        blind_accuracy=np.nan,
    )


def exchanged(task: Task, changed: int) -> Task:
    """Return the task with other labels for one sub-task, as `retraining.relabelled` makes them."""
    return with_other_targets(
        task,
        f"{task.name}_exchanged",
        lambda examples, seed: relabelled(examples, task.heads, changed, seed),
        task.heads,
    )


def larger(task: Task) -> Task:
    """Return the task of telling whether the first sub-task's class is above the second's."""

    def compare(examples: Examples, seed: int) -> Examples:
        first, second = examples.targets[:, :1], examples.targets[:, 1:2]
        return Examples(examples.x, (first > second).to(examples.targets))

    return with_other_targets(task, f"{task.name}_larger", compare, (1,))


def few(task: Task, n_train: int) -> Task:
    """Return the task with the first `n_train` of its training examples alone.

    Raises:
        ValueError: if there are not as many.
    """

    def draw(seed: int) -> Data:
        data = task.draw(seed)
        if not 1 <= n_train <= len(data.train.x):
            raise ValueError(
                f"{task.name} has {len(data.train.x)} training examples, got n_train={n_train}"
            )
        return data._replace(train=Examples(*(part[:n_train] for part in data.train)))

    return replace(task, draw=draw)
