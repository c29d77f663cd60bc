"""Means with their intervals, and paired differences with theirs."""

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats

FEWEST_PAIRS = 6
"""Pairs with which the signed-rank test can reject at 5 % at all: five have p >= 0.0625."""


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
    signs = 1 - 2 * (np.arange(2 ** len(ranked))[:, None] >> np.arange(len(ranked)) & 1)
    ranks = stats.rankdata(np.abs(ranked))
    sums, observed = signs @ ranks, np.sign(ranked) @ ranks
    return min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))


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
