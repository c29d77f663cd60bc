"""Learning from few examples, from the table `curves`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, above, below, between
from modlib.penalties import PENALTIES as ALL

PENALTIES = ["none", "dropout", "l2", "l1", "hard_wired", "walk_loops"]
MEASURES = {
    "accuracy": "test accuracy",
    "excess": "excess modularity",
    "ari": "agreement (ARI)",
}
"""The measures that are drawn, and their names."""

DEFAULT = ALL["walk_loops"].strength


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def tuned(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks at the strength chosen for their number of examples."""
    return curves[(curves.role == "evaluation") & curves.chosen]


def panels(curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return `examples` and the `value` of a measure of each network, by the measure's name."""
    rows = tuned(curves)
    columns = ["penalty", "seed", "examples"]
    return {
        name: rows[columns].assign(value=rows[measure]).dropna()
        for measure, name in MEASURES.items()
    }


def gains(curves: pd.DataFrame, own: str = "walk_loops") -> pd.DataFrame:
    """Return paired differences in accuracy, in points, to each rival, by number of examples."""
    return statistics.in_points(
        statistics.against_in_each(tuned(curves), ["examples"], own, "accuracy")
    )


def gains_at_default(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the same for walk loops at their default strength, rivals at those chosen."""
    judged = curves[curves.role == "evaluation"]
    own = (judged.penalty == "walk_loops") & (judged.strength == DEFAULT)
    rivals = judged.chosen & (judged.penalty != "walk_loops")
    rows = judged[own | rivals]
    return statistics.in_points(
        statistics.against_in_each(rows, ["examples"], "walk_loops", "accuracy")
    )


def chosen(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the strengths chosen, by examples and penalty, with the end of the grid if at one."""
    tried = curves[curves.role == "selection"].groupby("penalty").strength.unique()
    strengths = tuned(curves).groupby(["examples", "penalty"]).strength.first()
    text = [statistics.with_end(s, tried[penalty]) for (_, penalty), s in strengths.items()]
    table = pd.Series(text, strengths.index).unstack("penalty")
    return table[[penalty for penalty in table if len(tried[penalty]) > 1]]


def claims(curves: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    gain, default = gains(curves), gains_at_default(curves)
    sizes = sorted(gain.index.unique("examples"))
    few, enough = sizes[:2], sizes[2:]
    rows = tuned(curves)

    def means(measure: str, examples: list[int]) -> pd.DataFrame:
        own = rows[(rows.penalty == "walk_loops") & rows.examples.isin(examples)]
        return statistics.means(own, ["examples"], measure)

    points = "difference in test accuracy, points"
    rivals = ["none", "dropout", "l1", "l2"]
    return [
        Claim(
            "From 300 images on walk loops are better than no penalty, dropout, L1 and L2.",
            points, gain.loc[(enough, rivals), :], above(0),
        ),
        Claim(
            "From 100 images or fewer they lose to L1.",
            points, gain.loc[(few, ["l1"]), :], below(0),
        ),
        Claim(
            "They are better than no penalty and dropout there, but by less than six points.",
            points, gain.loc[(few, ["none", "dropout"]), :], between(0, 6),
        ),
        Claim(
            "Hard-wired modules help more at every number.",
            points, gain.loc[(sizes, ["hard_wired"]), :], below(0),
        ),
        Claim(
            "From 300 images on walk loops divide the network.",
            "excess modularity", means("excess", enough), above(0.25), ".2f",
        ),
        Claim(
            "From 100 images or fewer they do not find the digits.",
            "agreement with the digits (ARI)", means("ari", few), below(0.25), ".2f",
        ),
        Claim(
            "At the default strength they lose to L1 from 300 images.",
            points, default.loc[([300], ["l1"]), :], below(0),
        ),
        Claim(
            "At the default they are better than all four from 1,000 on.",
            points, default.loc[([1000, 3000], rivals), :], above(0),
        ),
    ]  # fmt: skip
