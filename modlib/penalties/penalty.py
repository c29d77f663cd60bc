"""What a penalty is: its record, and the simplest kinds."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain
from modlib.tasks.task import Task
from modlib.training.stacks import Stack


def no_penalty(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return zero for each network."""
    return chain[0].new_zeros(chain[0].shape[:-2])


def l1_penalty(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return sum |W|."""
    return sum(W.abs().sum((-2, -1)) for W in chain)


class OfWeights(nn.Module):
    """A penalty that is a function of the chain and has no state of its own."""

    def __init__(self, function: Callable[[Chain], Float[Tensor, "*stack"]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        return self.function(chain)


class Penalty(NamedTuple):
    """A penalty's name, how to make it, and its strength where none is given.

    `make(task, network, strengths)` returns the penalty for a stack of networks, one per
    strength; a prior changes the network there. Strength 0 is no penalty, whichever it is.
    """

    name: str
    make: Callable[[Task, Stack, Sequence[float]], nn.Module]
    strength: float


def of_weights(
    name: str, function: Callable[[Chain], Float[Tensor, "*stack"]], strength: float
) -> Penalty:
    """Return the record of a penalty that is a function of the chain alone."""
    return Penalty(name, lambda task, network, strengths: OfWeights(function), strength)


def prior(
    name: str, change: Callable[[Task, Stack, Sequence[float]], None], strength: float
) -> Penalty:
    """Return the record of a prior, which changes the networks and penalises nothing."""

    def make(task: Task, network: Stack, strengths: Sequence[float]) -> nn.Module:
        change(task, network, strengths)
        return OfWeights(no_penalty)

    return Penalty(name, make, strength)
