"""What networks learn from few examples, from the table `curves`: four digits, by penalty."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import Claim, Together, above, below, between, together
from modlib.penalties import PENALTIES

RIVALS = ["none", "dropout", "l2", "l1", "hard_wired"]
NOT_TOLD = RIVALS[:-1]
"""The rivals that are not told the modules."""

FEW, ENOUGH = [50, 100], [300, 1_000, 3_000]
"""Numbers of examples: too few to find the digits, and enough."""

DEFAULT = PENALTIES["walk_loops"].strength


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[(*RIVALS, "walk_loops")]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def judged(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks at the strength chosen for their number of examples."""
    return curves[(curves.role == "evaluation") & curves.chosen]


def at_default(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks with walk loops at their default strength."""
    own = (curves.penalty == "walk_loops") & (curves.strength == DEFAULT)
    return curves[own & (curves.role == "evaluation")]


def gains(curves: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences of accuracy in points, walk loops minus each rival.

    By `way`, the walk loops' strength, and number of examples; rivals have their chosen strengths.
    """
    tuned = judged(curves)
    untuned = pd.concat([tuned[tuned.penalty != "walk_loops"], at_default(curves)])
    ways = {"chosen strength": tuned, "default strength": untuned}
    pairs = {
        way: statistics.against_in_each(rows, ["examples"], "walk_loops", "accuracy")
        for way, rows in ways.items()
    }
    return statistics.in_points(pd.concat(pairs, names=["way"]))


def as_lines(gains: pd.DataFrame) -> pd.DataFrame:
    """Return gains under the index that figures of `effects` have."""
    lines = gains.rename(index=lambda size: f"{size:,} images", level="examples")
    return lines.rename_axis(index={"way": "benefit", "examples": "task"})


def chosen(curves: pd.DataFrame, situation: Sequence[str] = ("examples",)) -> pd.DataFrame:
    """Return the strengths chosen, by situation and penalty, and which end of those tried."""
    tried = curves[curves.role == "selection"].groupby("penalty").strength.unique()
    at = judged(curves).groupby([*situation, "penalty"]).strength.first().unstack()
    several = [p for p in at if len(tried[p]) > 1]
    return at[several].apply(lambda of: of.map(lambda s: selection.with_end(s, tried[of.name])))


def forced(curves: pd.DataFrame) -> pd.DataFrame:
    """Return what walk loops of each strength make of few examples, means of selection networks."""
    rows = curves[(curves.role == "selection") & (curves.penalty == "walk_loops")]
    rows = rows[rows.examples.isin(FEW)]
    measures = {
        "validation_accuracy": "validation accuracy",
        "excess": "excess",
        "ari": "agreement (ARI)",
    }
    return rows.groupby(["examples", "strength"])[list(measures)].mean().rename(columns=measures)


def claims(curves: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the table."""
    pairs, tuned = gains(curves), judged(curves)
    trials = curves[(curves.role == "selection") & (curves.penalty == "walk_loops")]
    strongest = trials.strength.max()

    def gain(sizes: list[int], rivals: list[str], way: str = "chosen strength") -> pd.DataFrame:
        rows = pairs.loc[way]
        return rows[
            rows.index.isin(sizes, level="examples") & rows.index.isin(rivals, level="penalty")
        ]

    def measured(penalty: str, measure: str, sizes: list[int]) -> pd.DataFrame:
        rows = tuned[(tuned.penalty == penalty) & tuned.examples.isin(sizes)]
        return statistics.means(rows, ["examples"], measure)

    def at_strongest(measure: str) -> pd.DataFrame:
        rows = trials[(trials.strength == strongest) & trials.examples.isin(FEW)]
        return statistics.means(rows, ["examples"], measure)

    agreement = statistics.against_in_each(
        tuned[tuned.examples.isin(ENOUGH)], ["examples"], "walk_loops", "ari"
    ).xs("l1", level="penalty")
    reached = trials[trials.examples == 50].pivot(
        index="strength", columns="seed", values="validation_accuracy"
    )
    lost = 100 * (reached.loc[[strongest]] - reached.loc[reached.mean(axis=1).idxmax()])
    accuracy = tuned.pivot(index=["penalty", "examples"], columns="seed", values="accuracy")
    ahead = 100 * (accuracy.loc["hard_wired"] - accuracy.loc["walk_loops"])
    advantage = statistics.intervals(ahead.loc[[50]] - ahead.loc[3_000])
    own, rivals = accuracy.loc["walk_loops"], accuracy.loc[NOT_TOLD]
    over = {size: own.loc[size] - rivals.xs(size, level="examples") for size in (300, 3_000)}
    dropped = 100 * (over[300] - over[3_000])
    points = "difference of test accuracy to the rival, points"
    return [
        Claim(
            "From 300 images on walk loops are better than no penalty, dropout, L2 and L1.",
            points, gain(ENOUGH, NOT_TOLD), above(0),
        ),
        Claim(
            "With 3,000 images the advantage over each of the four is smaller than with 300.",
            "difference of accuracy to the rival, with 300 images less with 3,000, points",
            statistics.intervals(dropped), above(0),
        ),
        Claim(
            "There they divide the network.",
            "excess modularity", measured("walk_loops", "excess", ENOUGH), above(0.3), ".2f",
        ),
        Claim(
            "And their communities agree with the digits better than those of L1.",
            "difference of agreement to L1", agreement, above(0), "+.2f",
        ),
        together(Claim(
            "From 100 images or fewer they lose to L1.", points, gain(FEW, ["l1"]), below(0),
        ), Claim(
            "From 50 they lose to L2, too.", points, gain([50], ["l2"]), below(0),
        )),
        Claim(
            "Over no penalty they gain less than ten points from so few.",
            points, gain(FEW, ["none"]), between(0, 10),
        ),
        together(Claim(
            "Hard-wired modules are better, however many the images.",
            points, gain(FEW + ENOUGH, ["hard_wired"]), below(0),
        ), Claim(
            "Their advantage is greater with 50 images than with 3,000.",
            "accuracy of hard-wired networks less that of walk loops, with 50 images less with"
            " 3,000, points",
            advantage, above(0),
        )),
        Claim(
            "From 100 images or fewer the digits are not found.",
            "agreement (ARI)", measured("walk_loops", "ari", FEW), below(0.2), ".2f",
        ),
        Claim(
            "L1, which wins there, divides no network either.",
            "excess modularity", measured("l1", "excess", FEW), below(0.02), ".3f",
        ),
        together(Claim(
            "The largest strength forces modules on networks that learn from so few,",
            "excess modularity", at_strongest("excess"), above(0.5), ".2f",
        ), Claim(
            "but they are not the digits.",
            "agreement (ARI)", at_strongest("ari"), below(0.15), ".2f",
        )),
        Claim(
            "From 50 images this costs more than five points against the best strength.",
            "difference of validation accuracy, points", statistics.intervals(lost), below(-5),
        ),
        Claim(
            "At their default strength walk loops lose to L1 from 300 images,",
            points, gain([300], ["l1"], "default strength"), below(0),
        ),
        Claim(
            "which divides them in part alone,",
            "share of the attainable excess",
            statistics.means(at_default(curves).query("examples == 300"), ["examples"], "share"),
            below(0.6), ".2f",
        ),
        Claim(
            "and are better than the four from 1,000 on.",
            points, gain(ENOUGH[1:], NOT_TOLD, "default strength"), above(0),
        ),
    ]  # fmt: skip
