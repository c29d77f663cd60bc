"""Claims: what a page says in words, with what it rests on and when it holds.

A claim is a sentence, a quantity with its 95 % interval, and a condition on that interval. Where a
sentence speaks of several situations, the claim rests on the one that bears it least.
"""

from collections.abc import Callable, Hashable, Sequence
from math import inf
from numbers import Real
from typing import NamedTuple

import pandas as pd
from pandas.io.formats.style import Styler

from modlib.batch.names import NAMES
from modlib.batch.pages import Page
from modlib.batch.statistics import interval_text

MOST = 15
"""So many claims a page has at most."""


class Condition(NamedTuple):
    """What has to be true of an interval.

    Attributes:
        text: what it is.
        slack: how far the ends, low and high, may still move; below 0 if they moved too far.
        aim: the number that meets it best; None if it says that something is not clear, which
            any interval meets that is wide enough.
    """

    text: str
    slack: Callable[[Real, Real], Real]
    aim: Real | None = None

    def holds(self, low: Real, high: Real) -> bool:
        """Return whether it is true of an interval."""
        slack = self.slack(low, high)
        return bool(slack >= 0 if self.aim is None else slack > 0)

    def excluded(self, low: Real, high: Real) -> bool:
        """Return whether it is true of no number in an interval, or, if not clear, not of that."""
        if self.aim is None:
            return not self.holds(low, high)
        best = min(max(self.aim, low), high)
        return not self.holds(best, best)


def above(value: float | int) -> Condition:
    """Return the condition that all of the interval lies above a value."""
    return Condition(f"above {value:.3g}", lambda low, high: low - value, inf)


def below(value: float | int) -> Condition:
    """Return the condition that all of the interval lies below a value."""
    return Condition(f"below {value:.3g}", lambda low, high: value - high, -inf)


def between(least: float | int, most: float | int) -> Condition:
    """Return the condition that all of the interval lies between two values."""
    return Condition(
        f"between {least:g} and {most:g}",
        lambda low, high: min(low - least, most - high),
        (least + most) / 2,
    )


def not_below(value: float | int) -> Condition:
    """Return the condition that the interval does not lie below a value as a whole."""
    return Condition(f"not clear below {value:g}", lambda low, high: high - value)


def not_above(value: float | int) -> Condition:
    """Return the condition that the interval does not lie above a value as a whole."""
    return Condition(f"not clear above {value:g}", lambda low, high: value - low)


UNDECIDED = Condition("not clear of 0", lambda low, high: min(-low, high))
"""The condition that 0 lies within the interval."""


class Claim(NamedTuple):
    """A sentence and what it rests on.

    Attributes:
        sentence: what is claimed.
        quantity: what is measured, with its unit.
        values: `mean`, `low` and `high` of each situation that the sentence speaks of, under an
            index that names them, and whose levels are named where they hold numbers; a count,
            which has no interval, stands in all three.
        condition: of each situation's interval.
        form: how the numbers are written.
    """

    sentence: str
    quantity: str
    values: pd.DataFrame
    condition: Condition
    form: str = "+.1f"


class Together(NamedTuple):
    """Claims that say one thing between them: one row, which holds where each of them does."""

    parts: tuple[Claim, ...]

    @property
    def sentence(self) -> str:
        """What is claimed, part by part."""
        return " ".join(part.sentence for part in self.parts)


def together(*claims: Claim) -> Together:
    """Return claims as one, which shows the part that bears it least."""
    return Together(claims)


def parts(claim: Claim | Together) -> tuple[Claim, ...]:
    """Return the claims that are taken together, or the one."""
    return claim.parts if isinstance(claim, Together) else (claim,)


def exact(value: Real | pd.Series) -> pd.DataFrame:
    """Return the `values` of a claim about a number without an interval, or one per situation."""
    values = value if isinstance(value, pd.Series) else pd.Series([value])
    return pd.DataFrame(dict.fromkeys(("mean", "low", "high"), values))


def _situation(name: Hashable, levels: Sequence[Hashable]) -> str:
    """Return how a reader calls a row of an index: a number goes by the name of its level."""
    parts = name if isinstance(name, tuple) else (name,)
    words = []
    for part, level in zip(parts, levels, strict=True):
        if isinstance(part, Real) and level is None:
            raise ValueError(f"the level of the index that has {part} needs a name, got none")
        words.append(f"{level} {part:,g}" if isinstance(part, Real) else NAMES.get(part, str(part)))
    return ", ".join(words)


def _row(claim: Claim) -> dict[str, object]:
    """Return what is shown of a claim, and the `slack` of its condition beside the mean."""
    if claim.values.empty:
        raise ValueError(f"the claim '{claim.sentence}' needs a situation, got none")
    if (claim.values.low > claim.values.high).any():
        raise ValueError(f"the claim '{claim.sentence}' needs intervals whose ends are in order")
    ends = list(zip(claim.values.low, claim.values.high, strict=True))
    # a situation that was not measured bears nothing out
    measured = claim.values[["mean", "low", "high"]].notna().all(axis=1)
    slack = pd.Series([claim.condition.slack(*of) for of in ends], claim.values.index)
    slack = slack.where(measured, -inf)
    least = claim.values.iloc[slack.argmin()]
    estimate = f"{least['mean']:{claim.form}}"
    if least.low < least.high:
        estimate = interval_text(least, claim.form)
    if len(slack) > 1:
        estimate += f" ({_situation(least.name, claim.values.index.names)}; {len(slack)} in all)"
    # slack has the unit of the mean, so that parts are compared by their ratio
    size = abs(least["mean"])
    return {
        "claim": claim.sentence,
        "quantity": claim.quantity,
        "mean [95 % interval]": estimate,
        "should be": claim.condition.text,
        "holds": bool(measured.all()) and all(claim.condition.holds(*of) for of in ends),
        "slack": slack.min() / size if size else inf,
    }


def _least(claims: Sequence[Claim]) -> dict[str, object]:
    """Return the row of the part that does not hold, or else of that with the least slack."""
    return min((_row(claim) for claim in claims), key=lambda row: (row["holds"], row["slack"]))


def judged(claims: Sequence[Claim | Together]) -> pd.DataFrame:
    """Return one row per claim: its sentence, what it rests on, its condition, whether it holds.

    Raises:
        ValueError: for no claim, a claim of no situation, one of several that are numbers without
            a name, or an interval whose ends are swapped.
    """
    if not claims:
        raise ValueError("a page needs a claim, got none")
    rows = []
    for claim in claims:
        rows.append(_least(parts(claim)) | {"claim": claim.sentence})
    return pd.DataFrame(rows).drop(columns="slack")


def shown(page: Page, claims: Sequence[Claim | Together]) -> Styler:
    """Return a page's claims as a table.

    Raises:
        ValueError: for more claims than a reader takes in.
        AssertionError: if one does not hold and the page has its own parameters and reads the
            published tables. With others it is shown as 'not here'.
    """
    if len(claims) > MOST:
        raise ValueError(
            f"a page has at most {MOST} claims, got {len(claims)}: take those together that say one"
            " thing"
        )
    table = judged(claims)
    if page.own and not table.holds.all():
        each = judged([part for claim in claims for part in parts(claim)])
        lines = each[~each.holds].apply(
            lambda row: (
                f"'{row.claim}' does not hold: {row.quantity} is {row['mean [95 % interval]']} and"
                f" should be {row['should be']}"
            ),
            axis=1,
        )
        raise AssertionError(f"{page.name}: {'; '.join(lines)}")
    table["holds"] = table.holds.map({True: "yes", False: "not here"})
    caption = (
        "What the page claims. A row with several sentences shows the one that its number bears"
        " least; so does one with several situations."
    )
    return table.style.hide().set_caption(caption).set_table_attributes('class="dataframe"')
