"""Which form of the loop term: what each of its parts adds, from the table of networks."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection
from modlib.batch.claims import Claim, above, below, between, exact

TASKS = ["retina", "planted_0", "two_digits"]
FORMS = {
    "walk_loops": "walk loops (default)",
    "no_decay": "without the decay",
    "less_decay": "a fifth of the decay",
    "more_decay": "five times the decay",
    "row_stochastic": "row-stochastic",
    "squared_weights": "w² in place of |w|",
    "retraced": "with retraced terms",
    "root": "root of each layer's loops",
    "logarithm": "logarithm of each layer's loops",
    "per_weight": "multiplied by the number of weights",
    "loops": "printed loops, quartic decay, C = 1",
    "loops_c10": "printed loops, C = 10",
    "loops_c100": "printed loops, C = 100",
    "loops_l2": "printed loops, quadratic decay",
    "l2": "the decay alone (L2)",
}
"""The forms, and what they are called."""

PRINTED = ["loops", "loops_c10", "loops_c100"]
ALIKE = ["row_stochastic", "root", "logarithm"]
MEASURES = {"excess": "excess", "ari": "agreement", "accuracy": "accuracy"}


class Parameters(pages.Parameters):
    """What the page may be run with."""

    tasks: Annotated[
        list[Literal[tuple(TASKS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def summary(networks: pd.DataFrame) -> pd.DataFrame:
    """Return `selection.summary` of the forms, by task and form."""
    rows = networks[networks.task.isin(TASKS) & networks.penalty.isin(["none", *FORMS])]
    return selection.summary(rows)


def compared(of: pd.DataFrame, measure: str, tasks: list[str]) -> pd.DataFrame:
    """Return the means of a measure on some tasks: one row per form, in their order."""
    wide = of[measure].unstack("task").reindex(list(FORMS))[tasks]
    return wide.rename(FORMS).rename_axis("form")


def claims(of: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the forms' summary."""
    excess, ari = (of[measure].unstack("task")[TASKS] for measure in ("excess", "ari"))
    own = excess.loc["walk_loops"]
    digits = ari.two_digits
    gained = "largest difference of means in excess"
    agreement = "agreement with the two digits (ARI), difference to the default"

    def less(form: str) -> pd.DataFrame:
        return exact(digits[form] - digits["walk_loops"])

    return [
        Claim(
            "The printed loops gain no more than L2 does alone, whatever their quartic decay.",
            gained, exact((excess.loc[PRINTED] - excess.loc["l2"]).max(axis=None)), below(0),
            "+.3f",
        ),
        Claim(
            "Nor with a quadratic one.",
            gained, exact((excess.loc["loops_l2"] - excess.loc["l2"]).max()), below(0.01), "+.3f",
        ),
        Claim(
            "Loops of squared weights shatter the digits.",
            "agreement with the two digits (ARI)", exact(digits["squared_weights"]), below(0.7),
            ".2f",
        ),
        Claim(
            "With retraced terms the excess is lower on every task.",
            gained, exact((excess.loc["retraced"] - own).max()), below(0), "+.3f",
        ),
        Claim(
            "Without the decay communities agree less with the digits.",
            agreement, less("no_decay"), below(0), "+.2f",
        ),
        Claim(
            "With a fifth of it too, at no less excess on any task.",
            "smallest difference of means in excess",
            exact((excess.loc["less_decay"] - own).min()), above(0), "+.3f",
        ),
        Claim(
            "With five times as much they agree better.", agreement, less("more_decay"), above(0),
            "+.2f",
        ),
        Claim(
            "That costs a little excess, but for the retina.",
            gained, exact((excess.loc["more_decay"] - own).drop("retina").max()), below(0), "+.3f",
        ),
        Claim(
            "Multiplied by the number of weights, loops lose some excess on the smallest network.",
            "difference of means in excess, retina",
            exact(excess.retina["per_weight"] - own.retina), below(-0.01), "+.3f",
        ),
        Claim(
            "Transition probabilities, the root and the logarithm differ little from the default.",
            "largest difference of means in excess, either way",
            exact((excess.loc[ALIKE] - own).abs().max(axis=None)), between(-0.01, 0.03), ".3f",
        ),
    ]  # fmt: skip
