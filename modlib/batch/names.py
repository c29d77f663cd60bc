"""How pages name what tables call by one word."""

from collections.abc import Mapping

TASK_NAMES: Mapping[str, str] = {
    "retina": "retina",
    "planted_0": "planted",
    "formulas_independence": "two formulas",
    "two_digits": "two digits",
    "three_digits": "three digits",
    "four_digits": "four digits",
    "two_mnist": "two MNIST",
    "planted_25": "planted, 25 % shared",
    "planted_50": "planted, 50 % shared",
    "planted_100": "planted, all shared",
    "retina_and": "retina AND",
    "retina_or": "retina OR",
    "retina_xor": "retina XOR",
    "formulas_composition": "composition",
    "formulas_sharing": "shared features",
    "modular_addition": "modular addition",
    "digits": "one digit",
    "mnist": "one MNIST",
}
"""How pages name the tasks, in their order: separate modules, shared ones, none known."""

SEPARATE = [
    "retina", "planted_0", "formulas_independence", "two_digits", "three_digits", "four_digits",
    "two_mnist",
]  # fmt: skip
"""The tasks with known modules that share neither inputs nor outputs."""

PENALTY_NAMES: Mapping[str, str] = {
    "walk_loops": "walk loops",
    "walk_loop_steps": "walk loops, in steps",
    "none": "no penalty",
    "l1": "L1",
    "l2": "L2",
    "loops": "loops (as printed)",
    "connection_cost": "connection cost",
    "learned_places": "connection cost, learned places",
    "bimt": "BIMT",
    "communicability": "communicability",
    "cut": "normalised cut",
    "soft_modularity": "soft modularity",
    "block_fraction": "block fraction (given)",
    "hard_wired": "hard-wired (given)",
    "clusterable_init": "clusterable start",
    "dropout": "dropout",
    "soft_layered_modularity": "soft modularity, layered",
    "topography": "topographic loss",
    "weighted_activity": "weights × activity",
    "regrowth": "regrowth",
    "pruned": "no penalty, pruned",
    "more_decay": "walk loops, more decay",
}
"""How pages name the penalties, the rivals of one table alone, the control of equal density, and a
form of the walk loops."""

MEASURE_NAMES: Mapping[str, str] = {
    "ari": "agreement (ARI)",
    "connected_ari": "agreement of what is connected (ARI)",
}
"""How tables name the measures that have short names in code."""

NAMES = {**TASK_NAMES, **PENALTY_NAMES, **MEASURE_NAMES}
"""How tables and claims name tasks, penalties and measures."""
