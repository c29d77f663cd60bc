"""Every task under one name: the retina, random teachers, formulas, sums and images.

A head of one output decides between two classes by its sign, or predicts a number.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int

from modlib.data import (
    HELD_OUT,
    LIVE,
    NO_MODULE,
    Data,
    Examples,
    Task,
    guess_accuracy,
    in_order,
    in_parts,
    in_rows,
    on_a_line,
)
from modlib.formulas import formulas
from modlib.images import digits, mnist


def left_object(pixels: Int[np.ndarray, "n 4"]) -> Int[np.ndarray, " n"]:
    """Return 1 where the four pixels (outer column first) hold an object, else 0.

    Kashtan & Alon (2005): three or more black pixels, or one or two in the outer
    column alone. A right object is the mirror image.
    """
    outer, inner = pixels[:, :2].sum(1), pixels[:, 2:].sum(1)
    return ((outer + inner >= 3) | ((outer >= 1) & (inner == 0))).astype(np.int64)


GOALS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]] = {
    "and": lambda left, right: (left & right,),
    "or": lambda left, right: (left | right,),
    "xor": lambda left, right: (left ^ right,),
    "both": lambda left, right: (left, right),
}

ONE_SIDE_SEEN = {"and": 0.75, "or": 0.75, "xor": 0.5, "both": 0.5}
"""Accuracy of the best guess that sees one side: half of the patterns hold an object there."""


def retina(goal: str = "both") -> Task:
    """Return the retina task: eight pixels, is there an object on the left, on the right?

    With the goals `and`, `or` and `xor` one output tells the combination; with
    `both` there are two outputs, one for each side. All 256 patterns, split at random
    into 128 for training and 64 each for validation and test; pixels are -1 or 1.

    Source: Kashtan & Alon (2005), doi 10.1073/pnas.0503610102.
    """
    if goal not in GOALS:
        raise ValueError(f"retina needs a goal out of {', '.join(GOALS)}; got {goal!r}")
    pixels = (np.arange(256)[:, None] >> np.arange(8)) & 1
    labels = np.stack(GOALS[goal](left_object(pixels[:, :4]), left_object(pixels[:, 4:])), 1)
    everything = Examples(torch.tensor(2.0 * pixels - 1, dtype=torch.float32), torch.tensor(labels))
    both = goal == "both"
    return Task(
        name="retina" if both else f"retina_{goal}",
        draw=partial(in_parts, everything, (128, 64, 64)),
        heads=(1,) * labels.shape[1],
        input_modules=np.repeat([0, 1], 4),
        output_modules=np.array([0, 1] if both else [NO_MODULE]),
        live=np.full(8, True),
        # the outer column comes first on either side, and on the right lies beyond the inner
        places=in_rows(2, 1, 4)[[0, 1, 2, 3, 6, 7, 4, 5]],
        guess_accuracy=guess_accuracy(labels),
        blind_accuracy=ONE_SIDE_SEEN[goal],
        hidden=(12, 12),
        steps=1_500,
    )


def planted(modules: int = 4, width: int = 8, overlap: float = 0.0, n_train: int = 10_000) -> Task:
    """Return the task of imitating a random teacher that consists of separate networks.

    Each of the teacher's `modules` reads `width` inputs, of which the share `overlap` is
    read by all of them: from separate modules (0) to one set of inputs for all (1). A
    module has one hidden layer of `width` tanh neurons and one output, and tells whether
    that is above its median; weights and inputs are normal with variance 4 / width and 1.
    A seed draws a teacher of its own.

    Raises:
        ValueError: for no module, a width or a number of examples below 1, an overlap
            outside [0, 1].
    """
    if modules < 1 or width < 1 or n_train < 1 or not 0 <= overlap <= 1:
        raise ValueError(
            "planted needs modules, width and n_train of at least 1 and an overlap between 0 and 1,"
            f" got {modules}, {width}, {n_train} and {overlap}"
        )
    shared = round(overlap * width)
    own = width - shared
    n_in = modules * own + shared
    common = np.arange(modules * own, n_in)
    read = [np.r_[m * own : (m + 1) * own, common] for m in range(modules)]

    def draw(seed: int) -> Data:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n_train + 2 * HELD_OUT, n_in)).astype(np.float32)
        outputs = np.stack([_teacher(x[:, inputs], rng) for inputs in read], axis=1)
        labels = (outputs > np.median(outputs, axis=0)).astype(np.int64)
        return in_order(x, labels, n_train)

    separate = modules > 1 and own > 0
    of_inputs = np.repeat([*range(modules), NO_MODULE], [own] * modules + [shared])
    return Task(
        name=f"planted_{round(100 * overlap)}",
        draw=draw,
        heads=(1,) * modules,
        input_modules=of_inputs if separate else np.full(n_in, NO_MODULE),
        output_modules=np.arange(modules) if separate else np.full(modules, NO_MODULE),
        live=np.full(n_in, True),
        places=on_a_line(n_in),
        guess_accuracy=0.5,
        blind_accuracy=np.nan if separate and shared > 0 else 0.5,
        hidden=(32, 32),
        steps=2_000,
    )


def _teacher(x: Float[np.ndarray, "n width"], rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    width = x.shape[1]
    inner, outer = rng.normal(size=(width, width)), rng.normal(size=width)
    return np.tanh(x @ inner * (2 / width**0.5)) @ outer


def modular_addition(p: int = 59) -> Task:
    """Return the task of adding two numbers modulo p, each given as one of p inputs.

    All p^2 pairs, split at random: 80 % for training, 10 % each for validation and test.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041, where an embedding is learned
    in place of the first layer's two halves.
    """
    if p < 4:
        raise ValueError(f"modular addition needs p >= 4, so that pairs are held out, got {p}")
    a, b = np.divmod(np.arange(p * p), p)
    x = np.concatenate([np.eye(p)[a], np.eye(p)[b]], axis=1).astype(np.float32)
    everything = Examples(torch.tensor(x), torch.tensor((a + b) % p)[:, None])
    held_out = p * p // 10
    return Task(
        name="modular_addition",
        draw=partial(in_parts, everything, (p * p - 2 * held_out, held_out, held_out)),
        heads=(p,),
        input_modules=np.full(2 * p, NO_MODULE),
        output_modules=np.full(p, NO_MODULE),
        live=x.astype(bool).mean(0) > LIVE,
        places=in_rows(1, p, 2),
        guess_accuracy=1 / p,
        blind_accuracy=1 / p,
        hidden=(128,),
        steps=3_000,
        activation=torch.relu,
    )


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
