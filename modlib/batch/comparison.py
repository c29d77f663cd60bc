r"""Whether what was made again agrees with what was published.

Where machine and versions are those of the published rows, all numbers have to have the same six
digits. Elsewhere rounding differs. A network begins as the published one of its seed, and rounding
alone drives them apart: up or down with the same chance if the code is the same, and as far as
training is sensitive. So the differences

    d_s = made again - published, of the same seeds s = 1, ..., n,

are symmetric around 0, and Student's paired t = mean(d) sqrt(n) / spread, with n - 1 degrees of
freedom, tells how sure it is that they are not. The spread is that of the differences, and at least
`LEAST` of the published standard deviation over seeds: what is smaller changes no claim, and a few
differences that happen to be equal prove nothing. The tolerance of a mean is thus quantile * spread
/ sqrt(n). Differences within six digits are none.

A quantity is a measure in one situation, which is all that tells rows apart but the seed;
situations of fewer than `FEWEST` seeds are taken together. Holm's method keeps the chance of a
false alarm in any quantity of an entry below a level, which is `FALSE_ALARMS` divided by the number
of entries in the sample (Bonferroni): in the whole sample the chance is at most `FALSE_ALARMS`.
Where networks are chaotic they differ as those of two seeds do; where only some are, t is smaller
than Student's. Two rows of the same situation that were exchanged leave all means as they were, and
are found by six digits alone.

Source: Student (1908), doi 10.1093/biomet/6.1.1; Holm (1979), Scand. J. Statist. 6:65-70.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy import stats

from modlib.batch.statistics import holm

SIX_DIGITS = {"rtol": 2e-5, "atol": 1e-6}
"""By how much numbers of six significant digits differ at most if they were equal."""

FALSE_ALARMS = 0.05
"""The chance that anything of a whole sample is said to differ if nothing does."""

LEAST, FEWEST = 0.1, 5
"""The smallest spread of differences, in standard deviations over seeds; the fewest seeds of a
situation that is judged alone."""


def measures(rows: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Return the columns of measures: the numbers that neither tell rows apart nor are seconds."""
    return [name for name in rows.select_dtypes("number") if name not in {*keys, "seconds"}]


def inexact(published: pd.DataFrame, again: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return a line for each column in which some row has other than the same six digits."""
    lines = []
    for column in columns:
        old, new = published[column].to_numpy(float), again[column].to_numpy(float)
        if not np.isclose(old, new, **SIX_DIGITS, equal_nan=True).all():
            worst = np.nanargmax(np.abs(old - new)) if np.isfinite(old - new).any() else 0
            lines.append(
                f"    {column}: means {np.mean(old):.6g} and {np.mean(new):.6g}, most apart"
                f" {old[worst]:.6g} and {new[worst]:.6g} (published, now)"
            )
    return lines


def paired_p(
    old: Float[np.ndarray, "n m"], new: Float[np.ndarray, "n m"], situations: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """Return p of the paired t of each column; NaN for fewer than two pairs.

    The spread over seeds is that within situations.
    """
    apart = np.where(np.isclose(old, new, **SIX_DIGITS), 0.0, new - old)
    n = np.isfinite(apart).sum(0)
    mean = np.nansum(apart, 0) / np.fmax(n, 1)
    spread = np.sqrt(np.nansum((apart - mean) ** 2, 0) / np.fmax(n - 1, 1))
    _, number = np.unique(situations, return_inverse=True)
    there = np.eye(number.max() + 1)[number].T
    of_situation = there @ np.nan_to_num(old) / np.fmax(there @ np.isfinite(old), 1)
    freedom = np.fmax(np.isfinite(old).sum(0) - len(there), 1)
    over_seeds = np.sqrt(np.nansum((old - of_situation[number]) ** 2, 0) / freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(mean) * np.sqrt(n) / np.fmax(spread, LEAST * over_seeds)
    p = np.where(mean == 0, 1.0, 2 * stats.t.sf(t, np.fmax(n - 1, 1)))
    return np.where(n > 1, p, np.nan)


def quantities(
    published: pd.DataFrame, again: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Return the means of each quantity, `published` and `now`, and `p` of its `paired_p`.

    The rows of both tables follow each other in the same order. There is one quantity for each
    column and situation, the index; and one for whether a column is defined, where it is not so
    everywhere.
    """
    there = published[columns].notna().to_numpy(), again[columns].notna().to_numpy()
    varied = [
        name
        for name, *both in zip(columns, *(of.all(0) for of in there), strict=True)
        if not all(both)
    ]
    old, new = (_numbers(of, columns, varied) for of in (published, again))
    situation = published[[key for key in keys if key != "seed"]].astype(str)
    number, names = pd.factorize(situation.agg(", ".join, axis=1))
    apart = {name: number == n for n, name in enumerate(names)}
    if np.bincount(number).min() < FEWEST:
        apart = {"all situations": number >= 0}
    found = {
        situation: pd.DataFrame(
            {
                "published": old[rows].mean(),
                "now": new[rows].mean(),
                "p": paired_p(old[rows].to_numpy(), new[rows].to_numpy(), number[rows]),
            }
        )
        for situation, rows in apart.items()
    }
    return pd.concat(found)


def _numbers(table: pd.DataFrame, columns: Sequence[str], varied: Sequence[str]) -> pd.DataFrame:
    """Return columns as numbers, and whether some of them are defined."""
    values = table[list(columns)].astype(float)
    return values.join(values[varied].notna().astype(float).add_suffix(" (whether defined)"))


def unlikely(found: pd.DataFrame, level: float) -> list[str]:
    """Return a line for each of the `quantities` that differs at a level for all of them."""
    corrected = holm(found.p)
    return [
        f"    {column}: means {row.published:.6g} and {row.now:.6g} (published, now),"
        f" {situation}; p = {corrected[situation, column]:.2g}"
        for (situation, column), row in found[corrected <= level].iterrows()
    ]
