"""Tasks whose modules share inputs or outputs, and tasks without known ones."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, above, below, exact
from modlib.penalties import PENALTIES

OVERLAPS = {"planted_0": 0, "planted_25": 25, "planted_50": 50, "planted_100": 100}
"""The planted teachers, and the percentage of inputs that all modules read."""

COMBINING = ["retina_and", "retina_or", "retina_xor"]
OTHERS = [
    *COMBINING, "formulas_sharing", "formulas_composition", "modular_addition", "digits", "mnist",
]  # fmt: skip
"""Tasks whose modules meet in one output, or of which none are known."""

MEASURES = {
    "excess": "excess modularity",
    "specialisation": "specialisation",
    "accuracy": "accuracy",
}
"""The measures that are drawn over the overlap, and their names."""

SHOWN = ["none", "l2", "connection_cost", "soft_modularity", "walk_loops"]
"""The penalties of the table."""

DEFAULT = PENALTIES["walk_loops"].strength


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def overlap(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the summary's rows of planted teachers, with the `overlap` in per cent."""
    rows = summary.loc[list(OVERLAPS)].reset_index()
    return rows.assign(overlap=rows.task.map(OVERLAPS))


def others(summary: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the mean of a measure on the other tasks, by penalty: those of the table."""
    return summary[measure].unstack("penalty").loc[OTHERS, SHOWN]


def claims(networks: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table of networks."""
    summary = statistics.summary(networks)
    default = statistics.summary_at(networks, "walk_loops", DEFAULT)
    own, none, soft = (
        summary.xs(penalty, level="penalty")
        for penalty in ("walk_loops", "none", "soft_modularity")
    )
    rivals = summary.drop(
        index=["none", "walk_loops", "block_fraction", "hard_wired"], level="penalty"
    )
    known = ["planted_0", "planted_25", "planted_50"]
    better = ["retina_and", "retina_or"]
    gains = statistics.differences(networks[networks.task.isin(better)])
    gains = statistics.in_points(gains.xs("accuracy", level="measure"))

    def means(of: pd.DataFrame, measure: str, tasks: list[str]) -> pd.DataFrame:
        columns = [measure, f"{measure}_low", f"{measure}_high"]
        return of.loc[tasks, columns].set_axis(["mean", "low", "high"], axis=1)

    excess, agreement = "excess modularity", "agreement with the known modules (ARI)"
    ahead = own.excess[known] - rivals.excess.groupby("task").max()[known]
    lost = default.accuracy["formulas_composition"] - none.accuracy["formulas_composition"]
    return [
        Claim(
            "While some inputs are not shared, walk loops have more excess than any rival that is"
            " not told the modules.",
            "smallest difference of means in excess", exact(ahead.min()), above(0), "+.2f",
        ),
        Claim(
            "Inputs and outputs that belong to a module are then in its community.",
            agreement, means(own, "ari", known), above(0.95), ".2f",
        ),
        Claim(
            "Where all inputs are shared a lesion still hurts one output alone.",
            "specialisation", means(own, "specialisation", ["planted_100"]), above(0.9), ".2f",
        ),
        Claim(
            "Without a penalty it does not.",
            "specialisation", means(none, "specialisation", ["planted_100"]), below(0.9), ".2f",
        ),
        Claim(
            "Where one output combines two modules walk loops add next to no excess.",
            excess, means(own, "excess", COMBINING), below(0.12), ".2f",
        ),
        Claim(
            "Soft modularity does, but its communities are not the two sides.",
            agreement, means(soft, "ari", COMBINING), below(0.2), ".2f",
        ),
        Claim(
            "On AND and OR inputs agree better with the two sides than without a penalty.",
            "smallest difference of means in agreement",
            exact((own.ari[better] - none.ari[better]).min()), above(0.2), "+.2f",
        ),
        Claim(
            "The accuracy that walk loops gain there does not come with finding the sides: soft"
            " modularity gains more.",
            "smallest difference of mean gains, points",
            exact(
                (
                    gains["mean"].xs("soft_modularity", level="penalty")
                    - gains["mean"].xs("walk_loops", level="penalty")
                ).min()
            ),
            above(0),
        ),
        Claim(
            "XOR is not learned from half of the patterns, with any penalty or none.",
            "largest mean accuracy", exact(summary.loc["retina_xor"].accuracy.max()), below(0.7),
            ".2f",
        ),
        Claim(
            "A composition of formulas loses accuracy at the default strength.",
            "difference of means, points", exact(100 * lost), below(-1),
        ),
        Claim(
            "Modular addition, once learned, has no modules.",
            excess, means(own, "excess", ["modular_addition"]), below(0.1), ".2f",
        ),
        Claim(
            "At the default strength it is not learned.",
            "accuracy", means(default, "accuracy", ["modular_addition"]), below(0.2), ".2f",
        ),
        Claim(
            "In one digit walk loops find little to divide.",
            excess, means(own, "excess", ["digits"]), below(0.1), ".2f",
        ),
    ]  # fmt: skip
