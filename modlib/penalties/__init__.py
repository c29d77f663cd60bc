"""Every way of inducing modules under one interface, so that they can be compared.

A penalty is a `torch.nn.Module` that maps the chain of a network, or of a stack of
them, to one number per network, to be minimised; `train` adds it, times a strength, to
the task loss. What a penalty learns beside the network (positions, assignments) it
holds as its own parameters, which `train` hands to the optimiser together with
the network's; what it keeps track of, it updates when it is called. A prior changes
the networks before training instead, and penalises nothing; a rule changes them
after each of the optimiser's steps. For a network of one's own:

    chain = modlib.weights(model)
    penalty = PENALTIES["bimt"].make(None, layer_sizes(chain), [0], [1e-3])
    loss = task_loss + 1e-3 * penalty(modlib.weights(model))
"""

from modlib.loops import loop_penalty
from modlib.network.matrices import squares
from modlib.penalties import penalty, priors
from modlib.penalties.connection_costs import (
    BIMT,
    Communicability,
    ConnectionCost,
    LearnedConnectionCost,
)
from modlib.penalties.partitions import BlockFraction, Cut, SoftModularity
from modlib.penalties.penalty import Penalty, l1_penalty, no_penalty, of_kind, of_weights, prior
from modlib.penalties.walk_loops import follow
from modlib.walks import walk_loop_penalty

PENALTIES: dict[str, Penalty] = {
    "none": of_weights("none", no_penalty, 0.0),
    "l1": of_weights("l1", l1_penalty, 1e-3),
    "l2": of_weights("l2", squares, 3e-3),
    "loops": of_weights("loops", loop_penalty, 1e-3),
    "walk_loops": of_weights("walk_loops", walk_loop_penalty, 0.15),
    "walk_loop_steps": penalty.rule("walk_loop_steps", follow, 1.0),
    "connection_cost": of_kind("connection_cost", ConnectionCost, 1e-3),
    "learned_places": of_kind("learned_places", LearnedConnectionCost, 1e-3),
    "bimt": of_kind("bimt", BIMT, 1e-3),
    "communicability": of_kind("communicability", Communicability, 1e-3),
    "cut": of_kind("cut", Cut, 0.3),
    "soft_modularity": of_kind("soft_modularity", SoftModularity, 1.0),
    "block_fraction": of_kind("block_fraction", BlockFraction, 1.0),
    "hard_wired": prior("hard_wired", priors.hard_wired, 1.0),
    "clusterable_init": prior("clusterable_init", priors.clusterable_initialisation, 0.9),
    "dropout": prior("dropout", priors.dropout, 0.1),
}
