"""Every task under one name: the retina, random teachers, formulas, sums and images.

A head of one output decides between two classes by its sign, or predicts a number.
"""

from collections.abc import Callable
from functools import partial

from modlib.tasks.addition import modular_addition
from modlib.tasks.formulas import formulas
from modlib.tasks.images import digits, mnist
from modlib.tasks.planted import planted
from modlib.tasks.retina import retina
from modlib.tasks.task import Task

TASKS: dict[str, Callable[..., Task]] = {
    "retina": retina,
    "retina_and": partial(retina, "and"),
    "retina_or": partial(retina, "or"),
    "retina_xor": partial(retina, "xor"),
    "two_digits": partial(digits, 2),
    "three_digits": partial(digits, 3),
    "four_digits": partial(digits, 4),
    "formulas_independence": partial(formulas, "independence"),
    "formulas_sharing": partial(formulas, "sharing"),
    "formulas_composition": partial(formulas, "composition"),
    "planted_0": planted,
    "planted_25": partial(planted, overlap=0.25),
    "planted_50": partial(planted, overlap=0.5),
    "planted_100": partial(planted, overlap=1.0),
    "modular_addition": modular_addition,
    "mnist": mnist,
    "two_mnist": partial(mnist, 2),
    "digits": digits,
}
