"""Every way of inducing modules under one interface, so that they can be compared.

A penalty is a `torch.nn.Module` that maps the chain of a network, or of a stack of
them, to one number per network, to be minimised; `train` adds it, times a strength, to
the task loss. What a penalty learns beside the network (positions, assignments) it
holds as its own parameters, which `train` hands to the optimiser together with
the network's; what it keeps track of, it updates when it is called. A prior changes
the networks before training instead, and penalises nothing. For a network of one's own:

    chain = modlib.weights(model)
    penalty = PENALTIES["bimt"].make(None, layer_sizes(chain), [0], [1e-3])
    loss = task_loss + 1e-3 * penalty(modlib.weights(model))
"""

from modlib.chain import squares
from modlib.loops import loop_penalty
from modlib.penalties import priors
from modlib.penalties.connection_costs import (
    BIMT,
    Communicability,
    ConnectionCost,
    LearnedConnectionCost,
)
from modlib.penalties.partitions import BlockFraction, Cut, SoftModularity
from modlib.penalties.penalty import Penalty, l1_penalty, no_penalty, of_weights, prior
from modlib.walks import walk_loop_penalty

PENALTIES: dict[str, Penalty] = {
    "none": of_weights("none", no_penalty, 0.0),
    "l1": of_weights("l1", l1_penalty, 1e-3),
    "l2": of_weights("l2", squares, 3e-3),
    "loops": of_weights("loops", loop_penalty, 1e-3),
    "walk_loops": of_weights("walk_loops", walk_loop_penalty, 0.15),
    "connection_cost": Penalty(
        "connection_cost", lambda task, widths, *_: ConnectionCost(task, widths), 1e-3
    ),
    "learned_places": Penalty(
        "learned_places",
        lambda task, widths, seeds, _: LearnedConnectionCost(task, widths, seeds),
        1e-3,
    ),
    "bimt": Penalty("bimt", lambda _, widths, seeds, __: BIMT(widths, seeds), 1e-3),
    "communicability": Penalty(
        "communicability", lambda task, widths, *_: Communicability(task, widths), 1e-3
    ),
    "cut": Penalty("cut", lambda *_: Cut(), 0.3),
    "soft_modularity": Penalty(
        "soft_modularity", lambda _, widths, seeds, __: SoftModularity(widths, seeds), 1.0
    ),
    "block_fraction": Penalty(
        "block_fraction", lambda task, widths, *_: BlockFraction(task, widths), 1.0
    ),
    "hard_wired": prior("hard_wired", priors.hard_wired, 1.0),
    "clusterable_init": prior("clusterable_init", priors.clusterable_initialisation, 0.9),
    "dropout": prior("dropout", priors.dropout, 0.1),
}
