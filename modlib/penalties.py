"""Every way of inducing modules under one interface, so that they can be compared.

A penalty is a `torch.nn.Module` that maps the chain of a stack of networks to one
number per network, to be minimised; `train` adds it, times a strength, to the
task loss. What a penalty learns beside the network (positions, assignments) it
holds as its own parameters, which `train` hands to the optimiser together with
the network's; what it keeps track of, it updates when it is called. A prior changes
the networks before training instead, and penalises nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from modlib import ablations, priors
from modlib.chain import Chain, squares
from modlib.data import Task
from modlib.loops import loop_penalty
from modlib.networks import Stack
from modlib.partitions import BlockFraction, Cut, SoftModularity
from modlib.placed import BIMT, Communicability, ConnectionCost, LearnedConnectionCost
from modlib.walks import walk_loop_penalty


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


PENALTIES: dict[str, Penalty] = {
    "none": of_weights("none", no_penalty, 0.0),
    "l1": of_weights("l1", l1_penalty, 1e-3),
    "l2": of_weights("l2", squares, 3e-3),
    "loops": of_weights("loops", loop_penalty, 1e-3),
    "walk_loops": of_weights("walk_loops", walk_loop_penalty, 0.15),
    "connection_cost": Penalty(
        "connection_cost", lambda task, net, _: ConnectionCost(task, net), 1e-3
    ),
    "learned_places": Penalty(
        "learned_places", lambda task, net, _: LearnedConnectionCost(task, net), 1e-3
    ),
    "bimt": Penalty("bimt", lambda task, net, _: BIMT(net), 1e-3),
    "communicability": Penalty(
        "communicability", lambda task, net, _: Communicability(task, net), 1e-3
    ),
    "cut": Penalty("cut", lambda task, net, _: Cut(), 0.3),
    "soft_modularity": Penalty("soft_modularity", lambda task, net, _: SoftModularity(net), 1.0),
    "block_fraction": Penalty("block_fraction", lambda task, net, _: BlockFraction(task, net), 1.0),
    "hard_wired": prior("hard_wired", priors.hard_wired, 1.0),
    "clusterable_init": prior("clusterable_init", priors.clusterable_initialisation, 0.9),
    "dropout": prior("dropout", priors.dropout, 0.1),
    "no_decay": of_weights("no_decay", ablations.without_decay, 0.15),
    "less_decay": of_weights("less_decay", ablations.with_less_decay, 0.15),
    "more_decay": of_weights("more_decay", ablations.with_more_decay, 0.15),
    "squared_weights": of_weights("squared_weights", ablations.of_squared_weights, 0.15),
    "row_stochastic": of_weights("row_stochastic", ablations.row_stochastic, 0.15),
    "retraced": of_weights("retraced", ablations.with_retraced, 0.15),
    "root": of_weights("root", ablations.root, 0.6),
    "logarithm": of_weights("logarithm", ablations.logarithm, 0.6),
    "per_weight": of_weights("per_weight", ablations.per_weight, 3e-5),
    "loops_l2": of_weights("loops_l2", ablations.printed_with_l2, 3e-3),
    "loops_c10": of_weights("loops_c10", ablations.more_quartic_decay, 1e-3),
    "loops_c100": of_weights("loops_c100", ablations.most_quartic_decay, 1e-3),
}
