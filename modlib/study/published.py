"""Published figures of peers beside ours, from the table `settings`."""

from typing import Literal

import pandas as pd

from modlib.batch import pages
from modlib.batch.claims import Claim, above, below, between, exact

FORMULAS = {"independence": 7.4e-3, "sharing": 8.5e-5, "composition": 1.3e-3}
"""Test errors that BIMT's authors report, of one network each."""

CUT, CUT_WITH_TERM = 10.02, 8.93
"""The n-cut that is reported without a penalty, and with eigenvalues as one."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    digits: Literal[2, 3, 4]


def spread(settings: pd.DataFrame) -> pd.DataFrame:
    """Return `mean`, `min` and `max` over networks, by case, strength and measure."""
    values = settings.groupby(["case", "strength", "measure"]).value
    return values.agg(["mean", "min", "max"])


def formulas(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the test error on each formula, published and ours, with the training error."""
    of = spread(settings).droplevel("strength")
    errors, training = (of.xs(f"{part} error", level="measure") for part in ("test", "training"))
    table = pd.DataFrame(
        {
            "published": FORMULAS,
            "ours": errors["mean"],
            "lowest": errors["min"],
            "highest": errors["max"],
            "ours, training points": training["mean"],
        }
    )
    return table.loc[list(FORMULAS)].rename_axis("formula")


def cuts(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the n-cut of networks that read MNIST, by the strength of the eigenvalue term."""
    of = spread(settings).loc["mnist"].unstack("measure").rename("{:g}".format)
    return pd.DataFrame(
        {
            "n-cut": of["mean", "n-cut"],
            "lowest": of["min", "n-cut"],
            "highest": of["max", "n-cut"],
            "n-cut of live pixels": of["mean", "n-cut of live pixels"],
            "accuracy": of["mean", "accuracy"],
        }
    )


def claims(settings: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    errors, of = formulas(settings), cuts(settings)
    ratio = errors.ours / errors.published
    plain, weakest = of.iloc[0], of.iloc[1]
    ratios = pd.concat([ratio] * 3, axis=1, keys=["mean", "low", "high"])
    return [
        Claim(
            "Test errors of BIMT on its three formulas are of the published order.",
            "our mean over the published error", ratios, between(0.1, 10), ".1f",
        ),
        Claim(
            "Without a penalty the n-cut is the published one within half a unit.",
            "n-cut", exact(plain["n-cut"]), between(CUT - 0.5, CUT + 0.5), ".2f",
        ),
        Claim(
            "With the eigenvalue term, at any strength tried, it is below the published one.",
            "largest n-cut", exact(of["n-cut"].iloc[1:].max()), below(CUT_WITH_TERM), ".2f",
        ),
        Claim(
            "The weakest term costs less than half a point of accuracy.",
            "difference in accuracy, points", exact(100 * (weakest.accuracy - plain.accuracy)),
            above(-0.5), "+.2f",
        ),
        Claim(
            "It is not a matter of dead pixels: the n-cut of live ones falls by more than two.",
            "difference in n-cut of live pixels",
            exact(weakest["n-cut of live pixels"] - plain["n-cut of live pixels"]), below(-2),
            ".2f",
        ),
    ]  # fmt: skip
