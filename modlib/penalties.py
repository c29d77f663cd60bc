"""Every regulariser under one interface, so that they can be compared.

A penalty is a `torch.nn.Module` that maps the chain of a stack of networks to one
number per network, to be minimised; `train` adds it, times a strength, to the
task loss. What a penalty learns beside the network (positions, assignments) it
holds as its own parameters, which `train` hands to the optimiser together with
the network's; what it keeps track of, it updates when it is called.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from modlib.loops import loop_penalty
from modlib.tasks import Task
from modlib.walks import walk_loop_penalty

Chain = Sequence[Float[Tensor, "*stack _ _"]]


def no_penalty(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return zero for each network."""
    return chain[0].new_zeros(chain[0].shape[:-2])


def l1_penalty(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return sum |W|."""
    return sum(W.abs().sum((-2, -1)) for W in chain)


def l2_penalty(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return sum W^2."""
    return sum(W.square().sum((-2, -1)) for W in chain)


class OfWeights(nn.Module):
    """A penalty that is a function of the chain and has no state of its own."""

    def __init__(self, function: Callable[[Chain], Float[Tensor, "*stack"]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        return self.function(chain)


class Penalty(NamedTuple):
    """A penalty's name, how to make it, and its strength where none is given.

    `make(task, seeds)` returns the penalty for a stack of networks, one per seed.
    """

    name: str
    make: Callable[[Task, Sequence[int]], nn.Module]
    strength: float


def of_weights(
    name: str, function: Callable[[Chain], Float[Tensor, "*stack"]], strength: float
) -> Penalty:
    """Return the record of a penalty that is a function of the chain alone."""
    return Penalty(name, lambda task, seeds: OfWeights(function), strength)


PENALTIES: dict[str, Penalty] = {
    penalty.name: penalty
    for penalty in (
        of_weights("none", no_penalty, 0.0),
        of_weights("l1", l1_penalty, 1e-3),
        of_weights("l2", l2_penalty, 3e-3),
        of_weights("loops", loop_penalty, 1e-3),
        of_weights("walk_loops", walk_loop_penalty, 3e-5),
    )
}
