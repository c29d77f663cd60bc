"""Formulas to be computed, whose modules can be read off: the tasks of BIMT's authors."""

from collections.abc import Callable
from functools import partial

import numpy as np

from modlib.tasks.scores import explained_variance, squared_error
from modlib.tasks.task import HELD_OUT, NO_MODULE, Data, Task, in_order, on_a_line

FORMULAS: dict[str, tuple[Callable[..., tuple], list[int], list[int], tuple[int, ...]]] = {
    # targets of the inputs, modules of the inputs and of the outputs, hidden layers
    "independence": (
        lambda x1, x2, x3, x4: ((x1 + x3) ** 3, x2**2 + np.sin(np.pi * x4)),
        [0, 1, 0, 1],
        [0, 1],
        (20, 20),
    ),
    "sharing": (
        lambda x1, x2, x3: (x1**2, x1**2 + x2**2, x1**2 + x2**2 + x3**2),
        [NO_MODULE] * 3,
        [NO_MODULE] * 3,
        (20, 20),
    ),
    "composition": (
        lambda x1, x2, x3, x4: (np.sqrt((x1 - x2) ** 2 + (x3 - x4) ** 2),),
        [0, 0, 1, 1],
        [NO_MODULE],
        (20, 20, 20, 20),
    ),
}


def formulas(name: str, n_train: int = 1_000) -> Task:
    """Return the task of computing a formula of inputs drawn uniformly from [-1, 1].

    `independence`: (x1 + x3)^3 and x2^2 + sin(pi x4); `sharing`: x1^2, x1^2 + x2^2 and
    x1^2 + x2^2 + x3^2; `composition`: the root of (x1 - x2)^2 + (x3 - x4)^2. The targets are
    standardised by the mean and standard deviation of the examples.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041, section 3.1 of their code.
    """
    if name not in FORMULAS:
        raise ValueError(f"formulas needs a name out of {', '.join(FORMULAS)}; got {name!r}")
    if n_train < 1:
        raise ValueError(f"formulas_{name} needs n_train >= 1, got {n_train}")
    _, input_modules, output_modules, hidden = FORMULAS[name]
    n_in = len(input_modules)
    return Task(
        name=f"formulas_{name}",
        draw=partial(_computed, name, n_train),
        heads=(1,) * len(output_modules),
        input_modules=np.array(input_modules),
        output_modules=np.array(output_modules),
        live=np.full(n_in, True),
        places=on_a_line(n_in),
        guess_accuracy=0.0,
        # the seen module says nothing of a sum's other part, and all about nothing else
        blind_accuracy=0.0 if name != "composition" else np.nan,
        hidden=hidden,
        steps=3_000,
        loss=squared_error,
        accuracy=explained_variance,
    )


def _computed(name: str, n_train: int, seed: int) -> Data:
    function, input_modules, *_ = FORMULAS[name]
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, size=(n_train + 2 * HELD_OUT, len(input_modules))).astype(np.float32)
    y = np.stack(function(*x.T), axis=1)
    y = ((y - y.mean(0)) / y.std(0)).astype(np.float32)
    return in_order(x, y, n_train)
