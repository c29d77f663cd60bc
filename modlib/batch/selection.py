"""Penalties on trial: strengths chosen on some seeds, judged on others, in pairs."""

from collections.abc import Collection

import pandas as pd

from modlib.batch.statistics import intervals, paired
from modlib.training.measures import MEASURES

ACCURACY_MARGIN = 0.005
"""Accuracy that a chosen strength may cost at most, against no penalty."""

ROUNDING = 1e-6
"""By how much means may differ between a run and its table, which has six digits."""

COMPARED = [measure.name for measure in MEASURES if measure.compared]
"""The measures that are compared in pairs."""

PAIR = ["task", "penalty"]
"""What a strength is chosen for."""

SUMMARISED = [measure.name for measure in MEASURES if measure.summarised]
"""The measures that are summarised."""


def chosen_strengths(table: pd.DataFrame) -> pd.Series:
    """Return the strength chosen for each (task, penalty), by the selection seeds alone.

    It is the one with the largest mean share among those whose mean validation
    accuracy is within `ACCURACY_MARGIN` of no penalty's on the same seeds, and of which no
    network diverged; a penalty without such a strength is left out.
    """
    rows = table[table.role == "selection"]
    sound = rows.groupby([*PAIR, "strength"]).status.agg(lambda s: (s == "ok").all())
    if "none" not in set(rows.penalty):
        raise ValueError(
            f"strengths are chosen against no penalty, got selection seeds of {set(rows.penalty)}"
            " alone; add rows with the penalty 'none'"
        )
    reference = rows[rows.penalty == "none"].groupby(["task", "seed"]).validation_accuracy.max()
    rows = rows.join(reference.rename("reference"), on=["task", "seed"])
    measures = ["validation_accuracy", "reference", "share"]
    means = rows.groupby([*PAIR, "strength"])[measures].mean()
    floor = means.reference - ACCURACY_MARGIN - ROUNDING
    eligible = means[sound & (means.validation_accuracy >= floor)]
    best = eligible.groupby(PAIR).share.idxmax()
    return best.map(lambda index: index[-1]).rename("strength")


def end_of_grid(strength: float, tried: Collection[float]) -> str:
    """Return 'lowest' or 'highest' if a strength is that of several tried, '' otherwise."""
    ends = {min(tried): "lowest", max(tried): "highest"}
    return ends.get(strength, "") if len(ends) > 1 else ""


def with_end(strength: float, tried: Collection[float]) -> str:
    """Return a strength as text, with the end of those tried that it is: '0.003 (lowest)'."""
    end = end_of_grid(strength, tried)
    return f"{strength:g} ({end})" if end else f"{strength:g}"


def _evaluated_at(table: pd.DataFrame, strengths: pd.Series) -> pd.DataFrame:
    """Return the evaluation networks at the strength given for their task and penalty."""
    judged = table[table.role == "evaluation"].set_index(PAIR)
    return judged[judged.strength == strengths.reindex(judged.index)]


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks at their penalty's chosen strength.

    Where no strength was chosen for a task and penalty, they are those at the weakest judged.
    """
    strengths = table[table.role == "evaluation"].groupby(PAIR).strength.min()
    strengths.update(chosen_strengths(table))
    return _evaluated_at(table, strengths).reset_index()


def _by_seed(judged: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Return one row per task, penalty and measure, and one column per seed."""
    wide = judged.set_index("seed", append=True)[measures].rename_axis("measure", axis=1)
    return wide.stack().unstack("seed").reindex(measures, level="measure")


def summary(table: pd.DataFrame, strengths: pd.Series | None = None) -> pd.DataFrame:
    """Return how each penalty does at given strengths, on the evaluation seeds.

    Strengths are given for each (task, penalty); they are the chosen ones if left out.

    One row per task and penalty with `networks` (how many did not diverge), `diverged`,
    `strength` (NaN where none is given) and, for each measure in `SUMMARISED`, its mean and
    the ends of `interval`, as `<measure>`, `<measure>_low` and `<measure>_high`; networks in
    which a measure is not defined are left out of it.
    """
    strengths = chosen_strengths(table) if strengths is None else strengths
    found = table[PAIR].drop_duplicates().set_index(PAIR)
    found["strength"] = strengths
    judged = _evaluated_at(table, strengths)
    for status, column in (("ok", "networks"), ("diverged", "diverged")):
        found[column] = (judged.status == status).groupby(PAIR).sum()
    found = found.fillna({"networks": 0, "diverged": 0}).astype({"networks": int, "diverged": int})
    for measure, values in _by_seed(judged, SUMMARISED).groupby("measure", sort=False):
        of_measure = intervals(values.droplevel("measure"))
        found[measure] = of_measure["mean"]
        found[[f"{measure}_low", f"{measure}_high"]] = of_measure[["low", "high"]]
    return found


def summary_at(table: pd.DataFrame, penalty: str, strength: float) -> pd.DataFrame:
    """Return what `summary` has for one penalty, by task, at one strength whichever was chosen."""
    rows = table[table.penalty == penalty]
    index = pd.MultiIndex.from_product([rows.task.unique(), [penalty]])
    return summary(rows, pd.Series(strength, index=index)).xs(penalty, level="penalty")


def differences(table: pd.DataFrame, reference: str = "none") -> pd.DataFrame:
    """Return paired differences of each penalty to a reference, both at chosen strengths.

    One row of `paired` for each task, penalty and measure in `COMPARED`, over the evaluation
    seeds in which the measure is defined for both.
    """
    values = _by_seed(_evaluated_at(table, chosen_strengths(table)), COMPARED)
    own = values[values.index.get_level_values("penalty") != reference]
    other = values.xs(reference, level="penalty")
    there = own.droplevel("penalty").index.isin(other.index)
    return paired(own[there] - other.loc[own[there].droplevel("penalty").index].to_numpy())
