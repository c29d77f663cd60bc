"""Compare penalties: strengths chosen on some seeds, judged on others, in pairs."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats

from modlib.training.measures import MEASURES

ACCURACY_MARGIN = 0.005
"""Accuracy that a chosen strength may cost at most, against no penalty."""

ROUNDING = 1e-6
"""By how much means may differ between a run and its table, which has six digits."""

FEWEST_PAIRS = 6
"""Pairs with which the signed-rank test can reject at 5 % at all: five have p >= 0.0625."""

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


def interval(values: ArrayLike, seed: int = 0) -> Float[np.ndarray, "2 *rows"]:
    """Return the ends of the 95 % BCa bootstrap interval of the mean, from 2,000 resamples.

    Values have the shape (*rows, n); each row has its interval. Both ends are the values
    themselves where they are all equal.

    Raises:
        ValueError: if there are fewer than three values or one is not finite.

    Source: Efron (1987), doi 10.1080/01621459.1987.10478410.
    """
    values = np.asarray(values, dtype=float)
    if values.shape[-1] < 3 or not np.isfinite(values).all():
        raise ValueError(
            f"an interval needs three finite values or more, got {values.tolist()};"
            " diverged networks have to be counted, not averaged"
        )
    ends = np.stack([values[..., 0], values[..., 0]])
    varied = np.ptp(values, axis=-1) > 0
    if varied.any():
        rng = np.random.default_rng(seed)
        found = stats.bootstrap(
            (values[varied],), np.mean, axis=-1, n_resamples=2_000, batch=200, rng=rng, method="BCa"
        )
        ends[:, varied] = found.confidence_interval
    return ends


def mean_interval(values: ArrayLike) -> pd.Series:
    """Return the `mean` of values, and the ends `low` and `high` of its `interval`."""
    low, high = interval(values)
    return pd.Series({"mean": np.mean(values), "low": low, "high": high})


def interval_text(row: pd.Series, form: str = ".2f") -> str:
    """Return a `mean_interval`, or a row of `intervals` or `paired`, as '0.12 [0.08, 0.15]'.

    A form in per cent gives points: '+12.0 [+8.1, +15.3]' for '+.1%'.
    """
    mean, low, high = (f"{row[end]:{form}}".rstrip("%") for end in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def intervals(values: pd.DataFrame) -> pd.DataFrame:
    """Return the `mean` of each row, the ends `low` and `high` of its `interval`, and `networks`.

    There is one column per network. Those in which a row is not defined are left out of it;
    `networks` counts the others, and with fewer than three of them the ends are NaN.
    """
    there = values.notna()
    found = pd.DataFrame({"networks": there.sum(axis=1), "mean": values.mean(axis=1)})
    found[["low", "high"]] = np.nan
    # rows that are defined in the same networks share their resamples
    for defined, rows in values.groupby([there[column] for column in there], sort=False):
        if sum(defined) >= 3:
            ends = interval(rows.loc[:, list(defined)].to_numpy())
            found.loc[rows.index, ["low", "high"]] = ends.T
    return found


def means(rows: pd.DataFrame, by: list[str], measure: str) -> pd.DataFrame:
    """Return the mean of a measure and its interval in each situation, by columns."""
    values = rows.pivot(index=by, columns="seed", values=measure)
    return intervals(values)[["mean", "low", "high"]]


def paired(differences: pd.DataFrame) -> pd.DataFrame:
    """Return `intervals` of paired differences, and `p` of Wilcoxon's two-sided signed-rank test.

    There is one column per pair. `p` is corrected by Holm's method for the number of rows; it is
    NaN where there are fewer than `FEWEST_PAIRS`.

    Source: Wilcoxon (1945), doi 10.2307/3001968; Holm (1979), Scand. J. Statist. 6:65-70.
    """

    def p_value(pairs: pd.Series) -> float:
        pairs = pairs.dropna()
        if len(pairs) < FEWEST_PAIRS:
            return np.nan
        return _signed_rank(pairs.to_numpy()) if pairs.any() else 1.0

    return intervals(differences).assign(p=holm(differences.apply(p_value, axis=1)))


def _signed_rank(pairs: Float[np.ndarray, " n"]) -> float:
    """Return p of Wilcoxon's test; of up to 13 pairs, some tied, by all signs, as scipy does."""
    ranked = pairs[pairs != 0]
    tied = len(np.unique(np.abs(ranked))) < len(pairs)
    if not tied or len(pairs) > 13 or len(ranked) < 2:
        return stats.wilcoxon(pairs).pvalue
    # scipy takes the signs one by one, which is a thousand times slower
    return stats.permutation_test(
        (ranked,),
        lambda x, axis: (np.sign(x) * stats.rankdata(np.abs(x), axis=axis)).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=2 ** len(ranked),
    ).pvalue


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


def against(table: pd.DataFrame, own: str, measure: str) -> pd.DataFrame:
    """Return one penalty's paired differences to each other one, in a table of one situation.

    The table holds one row per penalty and seed; there is one row of `paired` per rival.

    Raises:
        ValueError: if a penalty has a seed twice, or the table lacks `own`.
    """
    if own not in set(table.penalty) or table.duplicated(["penalty", "seed"]).any():
        raise ValueError(
            f"differences need one row per penalty and seed, {own!r} among them, got"
            f" {len(table)} rows of {sorted(set(table.penalty))}"
        )
    values = table.pivot(index="penalty", columns="seed", values=measure)
    return paired(values.loc[own] - values.drop(index=own))


def against_in_each(table: pd.DataFrame, by: list[str], own: str, measure: str) -> pd.DataFrame:
    """Return `against` in each situation, by the columns that tell situations apart."""
    rows = {key: against(of, own, measure) for key, of in table.groupby(by, sort=False)}
    return pd.concat(rows, names=by)


def in_points(differences: pd.DataFrame) -> pd.DataFrame:
    """Return differences of shares in points, a hundred to the whole."""
    return differences.assign(**100 * differences[["mean", "low", "high"]])


def holm(p: pd.Series) -> pd.Series:
    """Return p-values corrected for their number: the family-wise error stays controlled.

    The k-th smallest of n is multiplied by n + 1 - k, and is at least as large as those
    before it. NaN stays NaN and does not count.
    """
    ordered = p.dropna().sort_values()
    factors = np.arange(len(ordered), 0, -1)
    return (ordered * factors).cummax().clip(upper=1.0).reindex(p.index)
