"""Digits side by side, of which networks see as many examples as they need: the table `samples`.

An example is one composite image; every digit in it has to be named. Hidden layers grow with the
number of digits, so that separate modules, one for each digit, are all of one size and see the
same, however many there are.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from modlib.tasks.images import digit_images, side_by_side
from modlib.tasks.task import Task
from modlib.training.fit import trial

HIDDEN = 16
"""Neurons per digit in each of two hidden layers."""

STEPS = 2_000
"""Training steps where none are given, whatever the number of digits."""


def digits(count: int, n_train: int) -> Task:
    """Return the task of naming any number of digits side by side, from some composites.

    The first composites of many are those of few: a network that sees more sees these, too.

    Raises:
        ValueError: if there is no digit, or no composite.

    >>> task = digits(6, 100)
    >>> task.name, len(task.heads), task.hidden, len(task.draw(0).train.x)
    ('6 digits', 6, (96, 96), 100)
    """
    if count < 1:
        raise ValueError(f"digits come in numbers of at least 1, got {count}")
    hidden = (HIDDEN * count,) * 2
    return side_by_side(count, digit_images, f"{count} digits", n_train, hidden, STEPS)


def learned(
    count: int,
    n_train: int,
    penalty: str,
    strengths: Sequence[float],
    seeds: Sequence[int],
    **settings: int | None,
) -> pd.DataFrame:
    """Return one row per network that learns some digits from some composites, as `trial` does.

    Of one digit there is one module: hard-wired networks of it are those without a penalty.
    """
    whole = penalty == "hard_wired" and count == 1
    run = trial(digits(count, n_train), "none" if whole else penalty, strengths, seeds, **settings)
    return run.table.assign(digits=count, examples=n_train, penalty=penalty)


def until_reached(
    count: int,
    examples: Sequence[int],
    target: float,
    penalty: str,
    strength: float,
    seeds: Sequence[int],
    **settings: int | None,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of `learned` for ever more examples, until all networks reach the target.

    That is the accuracy per digit on test images; a diverged network does not reach it.
    """
    for n_train in examples:
        rows = learned(count, n_train, penalty, [strength], seeds, **settings)
        yield rows
        if (rows.accuracy >= target).all():
            return


def need(accuracy: pd.Series, target: float) -> float:
    """Return the number of examples at which accuracy first reaches a target.

    Args:
        accuracy: by number of examples, in rising order. Between two of them it is taken to be
            linear in the logarithm of their number.

    Returns:
        Infinity if the target is not reached, and 0 if the smallest number reaches it: then the
        need is less than that, and by how much is not known.

    >>> need(pd.Series([0.7, 0.8, 0.9], [100, 200, 400]), 0.85).item()
    282.8427124746191
    """
    reached = np.flatnonzero(accuracy >= target)
    if not len(reached):
        return np.inf
    at = reached[0]
    if at == 0:
        return 0.0
    below, above = np.log(accuracy.index[[at - 1, at]])
    low, high = accuracy.iloc[[at - 1, at]]
    return np.exp(below + (target - low) / (high - low) * (above - below))
