"""Ways to more modular networks that add nothing to the loss: they change the network.

Each changes a stack of networks in place, before training; a strength per network says
how much, and 0 changes nothing.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import StackedLinear
from modlib.penalties.noise import DrawsOfSeeds
from modlib.penalties.partitions import blocks, joined
from modlib.tasks.task import Task


def parts_of(network: nn.Module) -> tuple[Iterable[StackedLinear], Sequence[int], Sequence[int]]:
    """Return a stack's layers, widths and seeds; raise ValueError if it lacks one of them."""
    try:
        return attrgetter("layers", "widths", "seeds")(network)
    except AttributeError:
        raise ValueError(
            "a prior changes a stack of networks, as modlib.training.stacks.Stack makes it, before"
            f" training; got {type(network).__name__} without layers, widths or seeds"
        ) from None


class Dropout(nn.Module):
    """Silence hidden neurons at random in training, each network by a rate of its own.

    The others are scaled up to keep the mean. A network's draws follow from its seed.

    Source: Srivastava et al. (2014), J. Mach. Learn. Res. 15:1929-1958.
    """

    def __init__(self, rates: Sequence[float], seeds: Sequence[int]) -> None:
        super().__init__()
        if not all(0 <= rate < 1 for rate in rates):
            raise ValueError(f"dropout needs strengths of at least 0 and below 1, got {rates}")
        self.keep = torch.tensor([1 - rate for rate in rates], dtype=torch.float32)[:, None, None]
        self.draw = DrawsOfSeeds(seeds, 2)

    def forward(self, x: Float[Tensor, "n_stack batch n"]) -> Float[Tensor, "n_stack batch n"]:
        if not self.training:
            return x
        return x * ((self.draw(x.shape, x.device) < self.keep) / self.keep)


def dropout(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
    """Give each network dropout of its hidden neurons, at the rate of its strength."""
    _, _, seeds = parts_of(network)
    network.noise = Dropout(strengths, seeds)


def hard_wired(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
    """Cut each network into separate sub-networks, one for each module of the task.

    The modules are those of `partitions.blocks`; weights between them are held at zero, the
    others enlarged at the start so that no neuron's input loses variance. Networks of strength 0
    are left whole.
    """
    layers, widths, _ = parts_of(network)
    whole = torch.tensor(strengths)[:, None, None] == 0
    for layer, within in zip(layers, joined(blocks(task, widths)), strict=True):
        mask = within | whole
        with torch.no_grad():
            layer.weight.mul_(mask * mask.float().mean(1, keepdim=True).clamp_min(1e-12).rsqrt())
        layer.weight.register_hook(mask.mul)


def clusterable_initialisation(
    task: Task | None, network: nn.Module, strengths: Sequence[float], clusters: int = 4
) -> None:
    """Start with weights between random clusters of neurons made smaller by the strength.

    Each layer's neurons are dealt at random to `clusters` clusters of equal size, whatever
    the task; between clusters a weight is multiplied by 1 - strength, and all weights into
    a neuron by one factor that keeps the variance of its input.

    Source: Filan et al. (2021), arXiv:2103.03386.
    """
    layers, widths, seeds = parts_of(network)
    if not all(0 <= strength <= 1 for strength in strengths):
        raise ValueError(f"clusterable_init needs strengths from 0 to 1, got {list(strengths)}")
    for n, (seed, strength) in enumerate(zip(seeds, strengths, strict=True)):
        rng = np.random.default_rng((seed, 3))
        dealt = [rng.permutation(np.arange(width) * clusters // width) for width in widths]
        for layer, mask in zip(layers, joined(dealt), strict=True):
            factor = torch.where(mask, 1.0, 1.0 - strength).to(layer.weight)
            with torch.no_grad():
                layer.weight[n] *= factor * factor.square().mean(0).clamp_min(1e-12).rsqrt()
