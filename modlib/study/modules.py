"""Modules of trained networks: found, cut out, held still, put into new networks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.func import functional_call

from modlib.tasks.task import Examples, Task
from modlib.training.stacks import Stack

Masks = dict[str, Bool[Tensor, "n_stack _ _"]]
"""Which weights and biases belong to a module, by the names of a stack's parameters."""


def module_of_head(
    network: Stack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    heads: Sequence[int],
    sub_task: int,
) -> Masks:
    """Return which weights and biases belong to the module of one sub-task.

    Its neurons are those of the communities that the sub-task's outputs are in, less the outputs
    of others; a weight belongs to it if both its ends do.
    """
    labels = torch.as_tensor(communities)
    n_out = network.widths[-1]
    head = torch.zeros(n_out, dtype=torch.bool)
    head.split(list(heads))[sub_task][:] = True
    of_head = labels[:, -n_out:][:, head]
    inside = (labels[:, :, None] == of_head[:, None]).any(-1)
    inside[:, -n_out:] &= head
    masks = {}
    for depth, (before, after) in enumerate(pairwise(inside.split(network.widths, dim=-1))):
        masks[f"layers.{depth}.weight"] = before[:, :, None] & after[:, None]
        masks[f"layers.{depth}.bias"] = after[:, None]
    return masks


def everything(network: Stack) -> Masks:
    """Return the module that consists of whole networks."""
    return {n: torch.ones_like(p, dtype=torch.bool) for n, p in network.named_parameters()}


def but_for_head(network: Stack, heads: Sequence[int], sub_task: int) -> Masks:
    """Return the module that consists of whole networks but for the outputs of one sub-task."""
    masks = everything(network)
    for kind in ("weight", "bias"):
        of_kind(masks, kind)[-1].split(list(heads), dim=-1)[sub_task][:] = False
    return masks


def outputs_of_head(network: Stack, heads: Sequence[int], sub_task: int) -> Masks:
    """Return which weights and biases lead into the outputs of one sub-task."""
    return {name: ~mask for name, mask in but_for_head(network, heads, sub_task).items()}


def present(network: Stack) -> Masks:
    """Return which weights are not zero, and all biases: what pruning or hard wiring left."""
    weights = {n: p != 0 for n, p in network.named_parameters() if n.endswith("weight")}
    return everything(network) | weights


def of_kind(masks: Masks, kind: Literal["weight", "bias"]) -> list[Bool[Tensor, "n_stack _ _"]]:
    """Return the masks of a module's weights, or of its biases, layer by layer."""
    return [mask for name, mask in masks.items() if name.endswith(kind)]


def size(module: Masks) -> Float[Tensor, " n_stack"]:
    """Return which share of the hidden neurons are in a module."""
    return torch.cat(of_kind(module, "bias")[:-1], dim=-1).float().mean((-2, -1))


@torch.no_grad()
def accuracy_alone(
    donor: Stack, module: Masks, task: Task, examples: Examples
) -> Float[Tensor, "n_stack n_tasks"]:
    """Return the accuracy at each sub-task of a module cut out of its networks.

    `examples` hold one set per network, along a leading dimension.
    """
    cut_out = {name: p * module[name] for name, p in donor.named_parameters()}
    return task.scored(examples)(functional_call(donor, cut_out, (examples.x,)))


@torch.no_grad()
def transplant(new: Stack, donor: Stack, module: Masks) -> None:
    """Put the donors' modules into new networks, in place, each neuron where it was.

    The module's neurons keep their biases and the weights between them; they take nothing from
    other neurons at first. Everything else is left as it is. The new networks may have more
    layers, and more neurons in each layer but the inputs; then the donors' outputs become hidden
    neurons.

    Raises:
        ValueError: if the new networks are not as many, or too small.
    """
    if (
        len(new.seeds) != len(donor.seeds)
        or new.widths[0] != donor.widths[0]
        or len(new.widths) < len(donor.widths)
        or any(a < b for a, b in zip(new.widths, donor.widths, strict=False))
    ):
        raise ValueError(
            f"modules out of {len(donor.seeds)} networks of widths {donor.widths} need as many new"
            " networks, with the same inputs and layers at least as wide; got"
            f" {len(new.seeds)} of widths {new.widths}"
        )
    masks = of_kind(module, "weight"), of_kind(module, "bias")
    for layer, old, weight, bias in zip(new.layers, donor.layers, *masks, strict=False):
        n_in, n_out = old.weight.shape[-2:]
        layer.weight[..., :n_out].masked_fill_(bias, 0.0)
        layer.weight[:, :n_in, :n_out] += old.weight * weight
        layer.bias[..., :n_out] = torch.where(bias, old.bias, layer.bias[..., :n_out])


def freeze(new: Stack, module: Masks) -> None:
    """Hold what reaches a module's neurons, and their biases, as they are in training."""
    for layer, bias in zip(new.layers, of_kind(module, "bias"), strict=False):
        free = torch.ones_like(layer.bias, dtype=torch.bool)
        free[..., : bias.shape[-1]] = ~bias
        layer.weight.register_hook(free.mul)
        layer.bias.register_hook(free.mul)
