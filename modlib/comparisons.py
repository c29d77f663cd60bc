"""Compare penalties: strengths chosen on some seeds, judged on others, in pairs."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

ACCURACY_MARGIN = 0.005
"""Accuracy that a chosen strength may cost at most, against no penalty."""

ROUNDING = 1e-6
"""By how much means may differ between a run and its table, which has six digits."""

FEWEST_PAIRS = 6
"""Pairs with which the signed-rank test can reject at 5 % at all: five have p >= 0.0625."""

COMPARED = ["accuracy", "excess", "ari", "specialisation"]
"""The measures that are compared in pairs."""

SUMMARISED = [
    *COMPARED,
    "balanced_excess",
    "live_excess",
    "cut",
    "pruned_excess",
    "pruned_accuracy",
]
"""The measures that are summarised."""


def chosen_strengths(table: pd.DataFrame) -> pd.Series:
    """Return the strength chosen for each (task, penalty), by the selection seeds alone.

    It is the one with the largest mean excess among those whose mean validation
    accuracy is within `ACCURACY_MARGIN` of no penalty's on the same seeds, and of which no
    network diverged; a penalty without such a strength is left out.
    """
    rows = table[table.role == "selection"]
    sound = rows.groupby(["task", "penalty", "strength"]).status.agg(lambda s: (s == "ok").all())
    if "none" not in set(rows.penalty):
        raise ValueError(
            f"strengths are chosen against no penalty, got selection seeds of {set(rows.penalty)}"
            " alone; add rows with the penalty 'none'"
        )
    reference = rows[rows.penalty == "none"].groupby(["task", "seed"]).validation_accuracy.max()
    rows = rows.join(reference.rename("reference"), on=["task", "seed"])
    measures = ["validation_accuracy", "reference", "excess"]
    means = rows.groupby(["task", "penalty", "strength"])[measures].mean()
    floor = means.reference - ACCURACY_MARGIN - ROUNDING
    eligible = means[sound & (means.validation_accuracy >= floor)]
    best = eligible.groupby(["task", "penalty"]).excess.idxmax()
    return best.map(lambda index: index[-1]).rename("strength")


def interval(values: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % BCa bootstrap interval of the mean (Efron 1987), from 2,000 resamples.

    The values themselves where they are all equal.

    Raises:
        ValueError: if there are fewer than three values or one is not finite.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 3 or not np.isfinite(values).all():
        raise ValueError(
            f"an interval needs three finite values or more, got {values.tolist()};"
            " diverged networks have to be counted, not averaged"
        )
    if np.ptp(values) == 0:
        return values[0], values[0]
    rng = np.random.default_rng(seed)
    found = stats.bootstrap((values,), np.mean, n_resamples=2_000, method="BCa", rng=rng)
    return tuple(found.confidence_interval)


def _interval_if_any(values: pd.Series) -> tuple[float, float]:
    """Return `interval`, or NaN where a measure is defined in fewer than three networks."""
    return interval(values) if len(values) >= 3 else (np.nan, np.nan)


def summary(table: pd.DataFrame, strengths: pd.Series | None = None) -> pd.DataFrame:
    """Return how each penalty does at given strengths, on the evaluation seeds.

    Strengths are given for each (task, penalty); they are the chosen ones if left out.

    One row per task and penalty with `networks` (how many did not diverge), `diverged`,
    `strength` (NaN where none is given) and, for each measure in `SUMMARISED`, its mean and
    the ends of `interval`, as `<measure>`, `<measure>_low` and `<measure>_high`; networks in
    which a measure is not defined are left out of it.
    """
    strengths = chosen_strengths(table) if strengths is None else strengths
    rows = []
    for (task, penalty), part in table.groupby(["task", "penalty"], sort=False):
        strength = strengths.get((task, penalty), np.nan)
        judged = part[(part.role == "evaluation") & (part.strength == strength)]
        row = {"task": task, "penalty": penalty, "strength": strength}
        row["networks"] = (judged.status == "ok").sum()
        row["diverged"] = (judged.status == "diverged").sum()
        for measure in SUMMARISED:
            values = judged[measure].dropna()
            row[measure] = values.mean()
            row[f"{measure}_low"], row[f"{measure}_high"] = _interval_if_any(values)
        rows.append(row)
    return pd.DataFrame(rows).set_index(["task", "penalty"])


def summary_at(table: pd.DataFrame, penalty: str, strength: float) -> pd.DataFrame:
    """Return what `summary` has for one penalty, by task, at one strength whichever was chosen."""
    rows = table[table.penalty == penalty]
    index = pd.MultiIndex.from_product([rows.task.unique(), [penalty]])
    return summary(rows, pd.Series(strength, index=index)).xs(penalty, level="penalty")


def differences(table: pd.DataFrame, reference: str = "none") -> pd.DataFrame:
    """Return paired differences of each penalty to a reference, both at chosen strengths.

    One row per task, penalty and measure in `COMPARED`: `networks` (pairs of evaluation
    seeds in which the measure is defined for both); `mean`; the ends `low` and `high` of
    `interval`; and `p` of Wilcoxon's two-sided signed-rank test, corrected by Holm's method
    for the number of rows. NaN where there are fewer than three pairs; `p` is NaN where there
    are fewer than `FEWEST_PAIRS`.

    Source: Wilcoxon (1945), doi 10.2307/3001968; Holm (1979), Scand. J. Statist. 6:65-70.
    """
    chosen = chosen_strengths(table)
    judged = table[table.role == "evaluation"].set_index(["task", "penalty", "strength", "seed"])
    judged = judged[COMPARED].sort_index()
    rows = []
    for (task, penalty), strength in chosen.items():
        if penalty == reference or (task, reference) not in chosen:
            continue
        own = judged.loc[task, penalty, strength]
        pairs = own - judged.loc[task, reference, chosen[task, reference]]
        for measure, values in pairs.items():
            values = values.dropna()
            low, high = _interval_if_any(values)
            p = stats.wilcoxon(values).pvalue if values.any() else 1.0
            p = p if len(values) >= FEWEST_PAIRS else np.nan
            rows.append([task, penalty, measure, len(values), values.mean(), low, high, p])
    columns = ["task", "penalty", "measure", "networks", "mean", "low", "high", "p"]
    found = pd.DataFrame(rows, columns=columns).set_index(["task", "penalty", "measure"])
    return found.assign(p=holm(found.p))


def against(table: pd.DataFrame, own: str, measure: str) -> pd.DataFrame:
    """Return one penalty's paired differences to each other one, in a table of one situation.

    The table holds one row per penalty and seed. One row per rival: `networks`, how many pairs;
    the `mean`; the ends `low` and `high` of `interval`; and `p` of Wilcoxon's two-sided
    signed-rank test, corrected by Holm's method for the number of rivals.

    Raises:
        ValueError: if a penalty has a seed twice, or the table lacks `own`.
    """
    if own not in set(table.penalty) or table.duplicated(["penalty", "seed"]).any():
        raise ValueError(
            f"differences need one row per penalty and seed, {own!r} among them, got"
            f" {len(table)} rows of {sorted(set(table.penalty))}"
        )
    values = table.pivot(index="seed", columns="penalty", values=measure)
    rows = {}
    for rival in values.columns.drop(own):
        pairs = (values[own] - values[rival]).dropna()
        low, high = _interval_if_any(pairs)
        p = stats.wilcoxon(pairs).pvalue if pairs.any() else 1.0
        rows[rival] = [len(pairs), pairs.mean(), low, high, p]
    found = pd.DataFrame.from_dict(rows, "index", columns=["networks", "mean", "low", "high", "p"])
    return found.rename_axis("penalty").assign(p=holm(found.p))


def holm(p: pd.Series) -> pd.Series:
    """Return p-values corrected for their number: the family-wise error stays controlled.

    The k-th smallest of n is multiplied by n + 1 - k, and is at least as large as those
    before it. NaN stays NaN and does not count.
    """
    ordered = p.dropna().sort_values()
    factors = np.arange(len(ordered), 0, -1)
    return (ordered * factors).cummax().clip(upper=1.0).reindex(p.index)
