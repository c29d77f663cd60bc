"""Random teachers that consist of separate networks: modules that are known by construction."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from modlib.tasks.task import HELD_OUT, NO_MODULE, Data, Task, in_order, on_a_line


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
    separate = modules > 1 and own > 0
    of_inputs = np.repeat([*range(modules), NO_MODULE], [own] * modules + [shared])
    return Task(
        name=f"planted_{round(100 * overlap)}",
        draw=partial(_imitated, read, n_in, n_train),
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


def _imitated(
    read: Sequence[Int[np.ndarray, " width"]], n_in: int, n_train: int, seed: int
) -> Data:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_train + 2 * HELD_OUT, n_in)).astype(np.float32)
    outputs = np.stack([_teacher(x[:, inputs], rng) for inputs in read], axis=1)
    labels = (outputs > np.median(outputs, axis=0)).astype(np.int64)
    return in_order(x, labels, n_train)


def _teacher(x: Float[np.ndarray, "n width"], rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    width = x.shape[1]
    inner, outer = rng.normal(size=(width, width)), rng.normal(size=width)
    return np.tanh(x @ inner * (2 / width**0.5)) @ outer
