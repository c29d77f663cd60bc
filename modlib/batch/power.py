"""How often `make verify` raises a false alarm, and how often it finds a fault, on another machine.

Published rows of a pair of task and penalty stand in for what is made again. Both are drawn anew,
with replacement, from the pair's networks; a `share` of those made again are other networks than
the published ones, drawn independently, as chaotic training would make them: 1 is the worst case.
A fault turns the published rows into those that faulty code would have made.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from modlib.batch.comparison import FALSE_ALARMS, paired_p
from modlib.batch.verification import PAIRS, PARTS
from modlib.training.measures import MEASURES

ENTRIES = PAIRS + PARTS
"""What a sample of `make verify` consists of."""

COLUMNS = [measure.name for measure in MEASURES]

DECAYS = {"walk_loops": ["more_decay", "less_decay"], "loops": ["loops_c10", "loops_c100"]}
"""Penalties that differ from another in decay alone."""

Fault = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame | None]
"""Of the rows of a pair's task and the pair's to those of faulty code, or None without any."""


def no_fault(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as they are."""
    return rows


def third_of_the_strength(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return rows moved as the means over the selection seeds move at a third of the strength."""
    penalty, strength = rows[["penalty", "strength"]].iloc[0]
    tried = table[(table.penalty == penalty) & (table.role == "selection")]
    means = tried.groupby("strength")[COLUMNS].mean()
    weaker = means[(means.index >= strength / 4) & (means.index <= strength / 2.5)]
    if not strength or weaker.empty or strength not in means.index:
        return None
    return rows.assign(**rows[COLUMNS] + (weaker.iloc[0] - means.loc[strength]).fillna(0.0))


def another_null(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose excess is held against nulls that keep strengths."""
    return rows.assign(excess=rows.strengths_excess, q_null_mean=rows.q - rows.strengths_excess)


def another_decay(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rows of the same penalty with another decay."""
    return _of(table, rows, DECAYS.get(rows.penalty.iloc[0], []))


def another_penalty(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rows of another penalty, as if the two had been exchanged."""
    penalties = sorted(set(table.penalty))
    place = penalties.index(rows.penalty.iloc[0])
    return _of(table, rows, [*penalties[place + 1 :], *penalties[:place]])


def two_seeds(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with two of the same penalty exchanged."""
    return rows.iloc[[1, 0, *range(2, len(rows))]]


FAULTS: Mapping[str, Fault] = {
    "none": no_fault,
    "a third of the strength": third_of_the_strength,
    "another null": another_null,
    "another decay": another_decay,
    "rows of another penalty": another_penalty,
    "rows of two seeds": two_seeds,
}


def _of(table: pd.DataFrame, rows: pd.DataFrame, penalties: list[str]) -> pd.DataFrame | None:
    """Return the evaluation rows of the first penalty that has as many."""
    judged = table[table.role == "evaluation"]
    for penalty in penalties:
        of_penalty = judged[judged.penalty == penalty]
        of_penalty = of_penalty[of_penalty.strength == of_penalty.strength.min()]
        if len(of_penalty) == len(rows):
            return of_penalty
    return None


def alarms(
    published: pd.DataFrame, faulty: pd.DataFrame, share: float, draws: int, seed: int
) -> float:
    """Return the share of draws in which `make verify` would say that a pair differs."""
    rng, n, found = np.random.default_rng(seed), len(published), 0
    values = [of[COLUMNS].to_numpy(float) for of in (published, faulty)]
    varied = ~np.isfinite(values).all((0, 1))
    old, new = (np.hstack([of, np.isfinite(of[:, varied])]) for of in values)
    for _ in range(draws):
        networks = rng.integers(n, size=n)
        again = np.where(rng.random(n) < share, rng.integers(n, size=n), networks)
        p = paired_p(old[networks], new[again], np.zeros(n, dtype=int))
        # the smallest is that which Holm's method looks at first
        found += np.nanmin(p) * np.isfinite(p).sum() <= FALSE_ALARMS / ENTRIES
    return found / draws


def chances(
    table: pd.DataFrame, pairs: list[pd.DataFrame], share: float, draws: int, seed: int = 0
) -> pd.DataFrame:
    """Return one row per fault: in how many `pairs` it can be, and how often it is found.

    `one` is the mean chance in one of these pairs, `sample` that in a sample of `PAIRS` random ones
    if it is in all of them in which it can be.
    """
    rows, of_task = {}, dict(list(table.groupby("task")))
    for name, fault in FAULTS.items():
        found = []
        for n, of_pair in enumerate(pairs):
            published = of_pair[of_pair.strength == of_pair.strength.min()]
            faulty = fault(of_task[published.task.iloc[0]], published)
            if faulty is not None:
                found.append(alarms(published, faulty, share, draws, seed + n))
        sample = 1 - (1 - sum(found) / len(pairs)) ** PAIRS
        rows[name] = {"pairs": len(found), "one": np.mean(found), "sample": sample}
    return pd.DataFrame(rows).T
