"""Published figures of two peers beside ours, from the table `settings`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, above, below, between

ERRORS = {"independence": 7.4e-3, "sharing": 8.5e-5, "composition": 1.3e-3}
"""Test errors of BIMT's networks that Liu, Gan & Tegmark (2024) publish, by formula."""

PLAIN_CUT, PENALISED_CUT = (10.02, 0.05), (8.93, 0.48)
"""N-cuts that Filan et al. (2021) publish, each with its spread, without the eigenvalue term and
with it."""

PLAIN_ACCURACY = 0.957

STRENGTHS = [0.0, 0.001, 0.01, 0.1, 1.0]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    strengths: Annotated[
        list[Literal[tuple(STRENGTHS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def by_seed(settings: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return one row per case and strength, and one column per seed."""
    rows = settings[settings.measure == measure]
    return rows.pivot(index=["case", "strength"], columns="seed", values="value")


def errors(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the published test error of each formula beside the mean and extremes of ours."""
    test = by_seed(settings, "test error").droplevel("strength")
    training = by_seed(settings, "training error").droplevel("strength")
    return (
        pd.DataFrame(
            {
                "published": ERRORS,
                "ours": test.mean(axis=1),
                "lowest": test.min(axis=1),
                "highest": test.max(axis=1),
                "ours, training points": training.mean(axis=1),
            }
        )
        .loc[list(ERRORS)]
        .rename_axis("formula")
    )


def cuts(settings: pd.DataFrame, strengths: list[float | int]) -> pd.DataFrame:
    """Return the n-cut of networks that read MNIST, mean and extremes, by strength of the term."""
    n_cut, live, accuracy = (
        by_seed(settings, measure).loc["mnist"].loc[strengths]
        for measure in ("n-cut", "n-cut of live pixels", "accuracy")
    )
    return pd.DataFrame(
        {
            "n-cut": n_cut.mean(axis=1),
            "lowest": n_cut.min(axis=1),
            "highest": n_cut.max(axis=1),
            "live pixels alone": live.mean(axis=1),
            "accuracy (%)": 100 * accuracy.mean(axis=1),
        }
    ).rename("{:g}".format)


def claims(settings: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    test, training = (
        by_seed(settings, f"{part} error").droplevel("strength") for part in ("test", "training")
    )
    ratio = statistics.intervals(test.div(pd.Series(ERRORS), axis=0))
    n_cut, live, accuracy = (
        by_seed(settings, measure).loc["mnist"]
        for measure in ("n-cut", "n-cut of live pixels", "accuracy")
    )
    cut, gained = statistics.intervals(n_cut), 100 * (accuracy - accuracy.loc[0.0])
    weakest, strongest = STRENGTHS[1], STRENGTHS[-1]
    times = "test error in published ones"
    return [
        Claim(
            "Errors of BIMT's networks are of the published order on all three formulas,",
            times, ratio, between(0.1, 10), ".2f",
        ),
        Claim("lower on the first,", times, ratio.loc[["independence"]], below(1), ".2f"),
        Claim(
            "and higher on the others.",
            times, ratio.loc[["sharing", "composition"]], above(1), ".2f",
        ),
        Claim(
            "Training errors are lower than test errors.",
            "training error in test errors", statistics.intervals(training / test), below(1), ".2f",
        ),
        Claim(
            "Without the eigenvalue term the n-cut is within 0.5 of the published one.",
            "n-cut", cut.loc[[0.0]], between(PLAIN_CUT[0] - 0.5, PLAIN_CUT[0] + 0.5), ".2f",
        ),
        Claim(
            "With it, however weak, it is below the published one.",
            "n-cut", cut.loc[STRENGTHS[1:]], below(PENALISED_CUT[0]), ".2f",
        ),
        Claim(
            "The weakest term costs less than half a point of accuracy.",
            "difference to no term, points", statistics.intervals(gained.loc[[weakest]]),
            above(-0.5), "+.2f",
        ),
        Claim(
            "The strongest begins to cost accuracy.",
            "difference to no term, points", statistics.intervals(gained.loc[[strongest]]),
            below(0), "+.2f",
        ),
        Claim(
            "The weakest term lowers the n-cut of live pixels, too.",
            "difference of n-cut to no term",
            statistics.intervals(live.loc[[weakest]] - live.loc[0.0]), below(-1), "+.2f",
        ),
    ]  # fmt: skip
