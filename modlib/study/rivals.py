"""Rivals that have an L2 decay of their own, chosen beside their strength: the table `rivals`.

A setting is a strength and a decay. It is chosen as strengths are: the largest mean share on the
selection seeds among those whose validation accuracy is within half a point of no penalty's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from modlib.batch import selection
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty
from modlib.penalties.rivals import RIVALS, with_decay
from modlib.training import fit
from modlib.training.fit import Run

ALONE = ("none", "l2")
"""What has no decay beside it: with one, no penalty is L2, and L2 stays what it is."""

SETTING = ["strength", "decay"]


def record(method: str, decay: float) -> Penalty:
    """Return a method's record with a decay beside it, or as it is where that is 0.

    >>> record("l1", 0.003).name
    'l1_decay_0.003'
    """
    plain = (PENALTIES | RIVALS)[method]
    return with_decay(plain, decay) if decay else plain


def decays_beside(method: str, decays: list[float]) -> list[float]:
    """Return the decays that are tried beside a method.

    >>> decays_beside("l2", [0.0, 0.003]), decays_beside("l1", [0.0, 0.003])
    ([0.0], [0.0, 0.003])
    """
    return [0.0] if method in ALONE else decays


def trained(
    train: Callable[..., Run],
    task: str,
    method: str,
    strengths: Sequence[float],
    decay: float,
    seeds: Sequence[int],
    **settings: Any,
) -> pd.DataFrame:
    """Train networks with a method and a decay beside it; return one row each.

    Args:
        train: `fit.train`, or `fit.trial` for networks that a setting is chosen on.
        settings: any others of `train`.

    >>> of = {"steps": 1, "nulls": 2, "restarts": 1}
    >>> rows = trained(fit.trial, "retina", "l1", [0.001], 0.003, [100], **of)
    >>> rows[["penalty", "strength", "decay"]].values.tolist()
    [['l1', 0.001, 0.003]]
    """
    table = train(task, record(method, decay), strengths, seeds, **settings).table
    return table.assign(penalty=method, decay=decay)


def tried(
    task: str,
    method: str,
    strengths: Sequence[float],
    decays: list[float],
    seeds: Sequence[int],
    **settings: Any,
) -> pd.DataFrame:
    """Train the networks that a method's strength and decay are chosen on; return one row each."""
    of_each = [
        trained(fit.trial, task, method, strengths, decay, seeds, **settings)
        for decay in decays_beside(method, decays)
    ]
    return pd.concat(of_each).assign(role="selection")


def eligible(table: pd.DataFrame) -> pd.DataFrame:
    """Return the setting chosen for each (task, penalty) by `selection.chosen_strengths`.

    A method none of whose settings keeps the accuracy is left out.
    """
    rows = table[table.role == "selection"]
    numbers = rows.groupby(SETTING).ngroup()
    of_number = rows[SETTING].groupby(numbers).first()
    best = selection.chosen_strengths(rows.assign(strength=numbers))
    return of_number.loc[best].set_axis(best.index)


def chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return the setting that each (task, penalty) is judged at.

    It is the `eligible` one, and without such a setting the most accurate on validation examples.
    """
    rows = table[table.role == "selection"]
    means = rows.groupby([*selection.PAIR, *SETTING]).validation_accuracy.mean()
    best = pd.DataFrame(
        [index[-2:] for index in means.groupby(selection.PAIR).idxmax()],
        means.groupby(selection.PAIR).max().index,
        SETTING,
    )
    best.update(eligible(table))
    return best
