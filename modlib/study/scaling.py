"""How the need of examples grows with the number of parts, from the table `samples`."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import (
    Claim,
    Together,
    above,
    below,
    between,
    not_below,
    together,
)
from modlib.study.samples import need

METHODS = [
    "none", "l2", "l1", "dropout", "connection_cost", "walk_loops", "walk_loop_steps",
    "hard_wired",
]  # fmt: skip
UNTOLD = ["l2", "dropout", "l1", "walk_loops"]
"""Methods that are told neither the modules nor where pixels lie; walk loops in the loss."""

TARGET = 0.9
"""The accuracy per digit that the page's claims are about."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    target: float = Field(ge=0.3, le=0.9)
    drawn: Annotated[
        list[Literal[tuple(METHODS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def judged(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks; a diverged one is never right."""
    rows = samples[samples.role == "evaluation"]
    return rows.assign(accuracy=rows.accuracy.fillna(0.0))


def needs(samples: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return each network's `need`, by penalty and number of digits; one column per seed.

    Infinite where the target was not reached, 0 where the fewest examples sufficed.
    """
    rows = judged(samples)
    curves = rows.pivot(index="examples", columns=["penalty", "digits", "seed"], values="accuracy")
    found = curves.sort_index().apply(lambda curve: need(curve.dropna(), target)).unstack("seed")
    return found.reindex(rows.penalty.unique(), level="penalty")


def within(needs: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Return needs, as the nearest number tried where they lie beyond all that were."""
    return needs.clip(samples.examples.min(), samples.examples.max())


def growth(needs: pd.DataFrame) -> pd.DataFrame:
    """Return the power of the number of digits that each network's need grows with.

    It is the slope of the need over that number, both in logarithms, by least squares: 0 where the
    need does not depend on it, 1 where they are proportional. Penalties by seeds.
    """
    slopes = {
        penalty: np.polyfit(np.log(of.index.get_level_values("digits")), np.log(of), 1)[0]
        for penalty, of in needs.groupby("penalty", sort=False)
    }
    return pd.DataFrame(slopes, needs.columns).T.rename_axis("penalty")


def beside(grown: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return paired differences of growth to a reference's, with their intervals."""
    return statistics.paired(grown.drop(index=reference) - grown.loc[reference])


def text_of(need: float, samples: pd.DataFrame) -> str:
    """Return a need as a number, or as beyond those tried."""
    least, most = samples.examples.min(), samples.examples.max()
    if need < least:
        return f"< {least}"
    return f"{need:,.0f}" if need <= most else f"> {most}"


def summary(samples: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return what each method needs, as text: the median at each number of digits, and its growth.

    `growth` has its interval, and so have its differences to no penalty and to given modules.
    """
    found = needs(samples, target)
    medians = found.median(axis=1).map(lambda need: text_of(need, samples)).unstack("digits")
    table = medians.add_prefix("digits: ").reindex(found.index.unique("penalty"))
    grown = growth(within(found, samples))
    columns = {"growth": statistics.intervals(grown)}
    for name, reference in {"to no penalty": "none", "to given": "hard_wired"}.items():
        columns[name] = beside(grown, reference)
    for name, pairs in columns.items():
        table[name] = pairs.apply(statistics.interval_text, axis=1, form="+.2f")
    return table


def unreached(samples: pd.DataFrame, target: float) -> int:
    """Return how many networks never reach the target, over all methods and numbers of digits."""
    return int(np.isinf(needs(samples, target)).to_numpy().sum())


def by_examples(samples: pd.DataFrame, penalty: str, measure: str) -> pd.DataFrame:
    """Return the mean of a measure with one penalty: numbers of digits down, of examples across."""
    rows = judged(samples)
    means = rows[rows.penalty == penalty].pivot_table(measure, "digits", "examples")
    return means.rename(columns="{:,} images".format)


def around(samples: pd.DataFrame, penalty: str, digits: int, target: float) -> tuple[int, int]:
    """Return the numbers of examples before and after mean accuracy reaches a target.

    The target has to be reached, and not by the fewest examples.
    """
    rows = judged(samples)
    rows = rows[(rows.penalty == penalty) & (rows.digits == digits)]
    means = rows.groupby("examples").accuracy.mean()
    after = int(np.argmax(means >= target))
    return int(means.index[after - 1]), int(means.index[after])


def claims(samples: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the table, whatever is drawn."""
    bounded = within(needs(samples, TARGET), samples)
    grown = growth(bounded)
    rates = statistics.intervals(grown)
    to_none, to_given, to_loops = (beside(grown, p) for p in ("none", "hard_wired", "walk_loops"))
    logs = np.log(bounded.xs(bounded.index.unique("digits").max(), level="digits"))
    loops = judged(samples).query("penalty == 'walk_loops'")
    (few, enough), (_, enough_for_six) = (
        around(samples, "walk_loops", digits, TARGET) for digits in (4, 6)
    )

    def ratios(reference: str) -> pd.DataFrame:
        return np.exp(statistics.intervals(logs - logs.loc[reference])[["mean", "low", "high"]])

    def share(digits: int, examples: int) -> pd.DataFrame:
        of = loops[(loops.digits == digits) & (loops.examples == examples)]
        return statistics.means(of, ["digits"], "share")

    power = "power of the number of digits that the need grows with"
    difference = "difference of these powers"
    ratio = "times the images of given modules, six digits"
    modules = "share of the attainable excess"
    return [
        together(Claim(
            "With modules that are given the need does not depend on the number of digits,",
            power, rates.loc[["hard_wired"]], between(-0.25, 0.25), "+.2f",
        ), Claim(
            "and with connection costs, which are told where pixels lie, it hardly does.",
            power, rates.loc[["connection_cost"]], between(-0.25, 0.25), "+.2f",
        )),
        Claim(
            "Without a penalty it grows faster than that number.",
            power, rates.loc[["none"]], above(1), "+.2f",
        ),
        Claim(
            "L2, dropout, L1 and walk loops in the loss slow the growth.",
            f"{difference} to no penalty", to_none.loc[UNTOLD], below(0), "+.2f",
        ),
        Claim(
            "None of the four slows it as far as given modules do.",
            f"{difference} to given modules", to_given.loc[UNTOLD], above(0), "+.2f",
        ),
        Claim(
            "Walk loops slow it more than dropout and L2,",
            f"{difference} to walk loops", to_loops.loc[["dropout", "l2"]], above(0), "+.2f",
        ),
        Claim(
            "and less than L1.",
            f"{difference} to walk loops", to_loops.loc[["l1"]], below(0), "+.2f",
        ),
        Claim(
            "As steps of their own they slow it no more than in the loss.",
            f"{difference} to walk loops in the loss", to_loops.loc[["walk_loop_steps"]],
            not_below(0), "+.2f",
        ),
        together(Claim(
            "Six digits take fewer images with them than with no penalty and dropout,",
            "times the images of walk loops, six digits",
            ratios("walk_loops").loc[["none", "dropout"]], above(1), ".2f",
        ), Claim(
            "and as many as with L2.",
            "times the images of walk loops, six digits",
            ratios("walk_loops").loc[["l2"]], between(0.95, 1.05), ".2f",
        )),
        together(Claim(
            "Six digits take over eight times the images without a penalty that they take given"
            " modules,",
            ratio, ratios("hard_wired").loc[["none"]], above(8), ".1f",
        ), Claim(
            "and over three times as many with walk loops.",
            ratio, ratios("hard_wired").loc[["walk_loops"]], above(3), ".1f",
        )),
        together(Claim(
            "Where walk loops reach the accuracy on four digits, they have divided the network,",
            modules, share(4, enough), above(0.5), ".2f",
        ), Claim(
            "and from half as many images they have not.",
            modules, share(4, few), below(0.3), ".2f",
        ), Claim(
            "On six they reach it without dividing the network.",
            modules, share(6, enough_for_six), below(0.1), ".2f",
        )),
    ]  # fmt: skip
