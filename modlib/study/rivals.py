"""Rivals that have an L2 decay of their own, chosen beside their strength: the table `rivals`.

A setting is a strength and a decay. It is chosen as strengths are: the largest mean share on the
selection seeds among those whose validation accuracy is within half a point of no penalty's.
"""

import pandas as pd

from modlib.batch import selection
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty
from modlib.penalties.rivals import RIVALS, with_decay

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


def settings(method: str, decays: list[float]) -> list[float]:
    """Return the decays that are tried beside a method.

    >>> settings("l2", [0.0, 0.003]), settings("l1", [0.0, 0.003])
    ([0.0], [0.0, 0.003])
    """
    return [0.0] if method in ALONE else decays


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
