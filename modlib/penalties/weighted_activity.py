r"""Weighted activity: what leaves a neuron costs its squared weights times its activity.

With h_i the activity of hidden neuron i and W the weights that leave it, the term of a layer is

    E sum_ij |h_i|^a w_ij^2,

the mean over the mini-batch; terms of hidden layers are added up. It stands for noise of variance
|h_i|^a in each hidden neuron, as it arrives one layer on; that of Poisson spikes has a = 1.

Source: Qian, Liang & Fiete (2025), arXiv:2512.13707, of which the abstract was read: a regulariser
'that multiplicatively combines weights and activations'. The formula and a = 2, the default, are
those of the authors' code (`regularizer_WeightedAct`, github.com/dq219/NoiseMod).
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import StackedLinear
from modlib.penalties.priors import parts_of
from modlib.tasks.task import Task


def layer_cost(
    h: Float[Tensor, "n_stack batch n"], W: Float[Tensor, "n_stack n n_out"], exponent: float = 2.0
) -> Float[Tensor, " n_stack"]:
    """Return the mean over a batch of sum_ij |h_i|^a w_ij^2."""
    return (h.abs().pow(exponent).mean(-2) * W.square().sum(-1)).sum(-1)


class AndCost(torch.autograd.Function):
    """The identity, of which a cost per network joins whatever loss is computed further on.

    Its gradient is 1: networks' losses are added up, so that the cost is as if it were one of them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, cost: Float[Tensor, " n_stack"]) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        return gradient, gradient.new_ones(len(gradient))


class Charged:
    """A hook before a layer's run, by which what enters it costs `layer_cost` in training."""

    def __init__(self, strengths: Sequence[float], exponent: float) -> None:
        self.strengths = torch.tensor(strengths, dtype=torch.float32)
        self.exponent = exponent

    def __call__(self, layer: StackedLinear, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
        if not layer.training:
            return None
        (h,) = inputs
        return (AndCost.apply(h, self.strengths * layer_cost(h, layer.weight, self.exponent)),)


def weighted_activity(
    task: Task | None, network: nn.Module, strengths: Sequence[float], exponent: float = 2.0
) -> None:
    """Let each network's loss have its weighted activity, times its strength.

    A penalty sees weights alone: the term is added where activity is, in the network's own run.
    """
    layers, _, _ = parts_of(network)
    for layer in [*layers][1:]:
        layer.register_forward_pre_hook(Charged(strengths, exponent))
