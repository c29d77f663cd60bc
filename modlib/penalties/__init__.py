"""Every way of inducing modules under one interface, so that they can be compared.

A penalty is a `torch.nn.Module` that maps the chain of a stack of networks to one
number per network, to be minimised; `train` adds it, times a strength, to the
task loss. What a penalty learns beside the network (positions, assignments) it
holds as its own parameters, which `train` hands to the optimiser together with
the network's; what it keeps track of, it updates when it is called. A prior changes
the networks before training instead, and penalises nothing.
"""

from modlib.chain import squares
from modlib.loops import loop_penalty
from modlib.penalties import priors
from modlib.penalties.partitions import BlockFraction, Cut, SoftModularity
from modlib.penalties.penalty import Penalty, l1_penalty, no_penalty, of_weights, prior
from modlib.penalties.placed import BIMT, Communicability, ConnectionCost, LearnedConnectionCost
from modlib.study import forms
from modlib.walks import walk_loop_penalty

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
    "no_decay": of_weights("no_decay", forms.without_decay, 0.15),
    "less_decay": of_weights("less_decay", forms.with_less_decay, 0.15),
    "more_decay": of_weights("more_decay", forms.with_more_decay, 0.15),
    "squared_weights": of_weights("squared_weights", forms.of_squared_weights, 0.15),
    "row_stochastic": of_weights("row_stochastic", forms.row_stochastic, 0.15),
    "retraced": of_weights("retraced", forms.with_retraced, 0.15),
    "root": of_weights("root", forms.root, 0.6),
    "logarithm": of_weights("logarithm", forms.logarithm, 0.6),
    "per_weight": of_weights("per_weight", forms.per_weight, 3e-5),
    "loops_l2": of_weights("loops_l2", forms.printed_with_l2, 3e-3),
    "loops_c10": of_weights("loops_c10", forms.more_quartic_decay, 1e-3),
    "loops_c100": of_weights("loops_c100", forms.most_quartic_decay, 1e-3),
}
