"""Whether known parts are put together in new ways, from the table `combinations`."""

from functools import partial
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import (
    UNDECIDED,
    Claim,
    Together,
    above,
    below,
    between,
    not_above,
    together,
)
from modlib.penalties import PENALTIES
from modlib.study import generalisation
from modlib.study.combinations import CHANGES, CLASSES

RIVALS = [
    "none", "dropout", "l2", "l1", "connection_cost", "learned_places", "bimt", "cut",
    "soft_modularity", "hard_wired",
]  # fmt: skip
DRAWN = (*RIVALS, "walk_loops", "walk_loop_steps")
CHOSEN, DEFAULT = "chosen strength", "default strength"
FEW, HALF = 3, 5
"""Widths at which all tasks and neurons are compared: three and five pairs of ten are seen."""

SEEN = "pairs seen"
"""What the width is to a reader."""

SITUATION = ["task", "activation", "width"]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[DRAWN]], Field(min_length=1), AfterValidator(pages.distinct)
    ]  # fmt: skip


def judged(combinations: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks, by `way`: at the strength chosen, and at the default."""
    rows = combinations[combinations.role == "evaluation"]
    default = rows.penalty.map({name: penalty.strength for name, penalty in PENALTIES.items()})
    ways = {CHOSEN: rows[rows.chosen], DEFAULT: rows[rows.strength == default]}
    return pd.concat([part.assign(way=way) for way, part in ways.items()], ignore_index=True)


def rows_of(rows: pd.DataFrame, task: str, activation: str) -> pd.DataFrame:
    """Return the rows of one task and activation."""
    return rows[(rows.task == task) & (rows.activation == activation)]


def gains(rows: pd.DataFrame, measure: str = "unseen", penalty: str = "walk_loops") -> pd.DataFrame:
    """Return paired differences in points of a penalty to each other, by way and situation."""
    there = rows.dropna(subset=measure)
    pairs = statistics.against_in_each(there, ["way", *SITUATION], penalty, measure)
    return statistics.in_points(pairs).sort_index()


def as_lines(gains: pd.DataFrame) -> pd.DataFrame:
    """Return the gains of one task and activation under the index that `effects` has."""
    lines = gains.droplevel(["task", "activation"])
    lines = lines.rename(index=lambda width: f"{width} of {CLASSES}", level="width")
    return lines.rename_axis(index={"way": "benefit", "width": "task"})


def changed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy at one digit while another image is changed, by `change`.

    Of networks that have seen all combinations.
    """
    all_seen = rows[rows.width == CLASSES]
    keys = ["task", "activation", "way", "penalty", "seed"]
    return all_seen.melt(keys, list(CHANGES), "change", "other")


def panels(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a `panel`, which says how many pairs of ten are seen."""
    return rows.assign(panel=rows.width.map(f"{{}} of {CLASSES} pairs seen".format))


def unseen_by_width(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean accuracy on unseen combinations: penalties down, ways and widths across."""
    means = rows.pivot_table("unseen", "penalty", ["way", "width"], sort=False)
    means.columns = [f"{way}, {width}" for way, width in means.columns]
    return means


def chosen(combinations: pd.DataFrame) -> pd.DataFrame:
    """Return the strengths chosen, by situation and penalty, and which end of those tried."""
    found = generalisation.chosen(combinations, SITUATION)
    return found.rename_axis(index={"width": "w"})


def by_strength(combinations: pd.DataFrame) -> pd.DataFrame:
    """Return how walk loops of each strength do at two digits, means of selection networks."""
    rows = rows_of(combinations[combinations.role == "selection"], "two_digits", "tanh")
    measures = {
        "validation_accuracy": "validation accuracy, seen",
        "unseen": "accuracy, unseen",
        "ari": "agreement (ARI)",
    }
    rows = rows[(rows.penalty == "walk_loops") & rows.width.isin([FEW, HALF])]
    means = rows.groupby(["width", "strength"])[list(measures)].mean()
    return means.rename(columns=measures).rename_axis(index={"width": "w"})


def claims(combinations: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the table."""
    rows = judged(combinations)
    differences = {
        (penalty, measure): gains(rows, measure, penalty).rename_axis(index={"width": SEEN})
        for penalty, measure in (
            ("walk_loops", "unseen"), ("walk_loop_steps", "unseen"), ("walk_loop_steps", "accuracy")
        )
    }  # fmt: skip
    digits = rows_of(rows, "two_digits", "tanh")
    everything = digits[digits.width == CLASSES]

    def gain(
        rivals: list[str],
        way: str = CHOSEN,
        task: str = "two_digits",
        activation: str = "tanh",
        widths: tuple[int, ...] = (FEW, HALF),
        penalty: str = "walk_loops",
        measure: str = "unseen",
    ) -> pd.DataFrame:
        pairs = differences[penalty, measure].loc[way, task, activation]
        return pairs[
            pairs.index.isin(rivals, level="penalty") & pairs.index.isin(widths, level=SEEN)
        ]

    def changed_gain(rivals: list[str], changes: list[str]) -> pd.DataFrame:
        pairs = pd.concat({name: gains(everything, name).loc[CHOSEN] for name in changes})
        pairs = pairs.droplevel(SITUATION)
        return pairs[pairs.index.isin(rivals, level="penalty")]

    def measured(measure: str, width: int, way: str) -> pd.DataFrame:
        own = digits[(digits.penalty == "walk_loops") & (digits.way == way)]
        return statistics.means(own[own.width == width], ["width"], measure).rename_axis(SEEN)

    steps = partial(gain, way=DEFAULT, penalty="walk_loop_steps")
    points = "difference of accuracy on unseen combinations to the rival, points"
    seen = "difference of accuracy on seen combinations to no penalty, points"
    other = "difference of accuracy at the other digit to the rival, points"
    return [
        Claim(
            "Where three or five pairs of ten are seen, walk loops at their default are better on"
            " the others than no penalty, L2 and L1 at theirs.",
            points, gain(["none", "l2", "l1"], DEFAULT), above(0),
        ),
        Claim(
            "Where five are, they come within a point of modules that are given.",
            points, gain(["hard_wired"], DEFAULT, widths=(HALF,)), above(-1),
        ),
        Claim(
            "Where three are, connection costs are better.",
            points, gain(["connection_cost"], DEFAULT, widths=(FEW,)), below(0),
        ),
        Claim(
            "At strengths chosen on seen pairs they are worse than L1 and connection costs,",
            points, gain(["l1", "connection_cost"]), below(0),
        ),
        Claim("and better than no penalty and L2 alone.", points, gain(["none", "l2"]), above(0)),
        Claim("Hard-wired modules are better.", points, gain(["hard_wired"]), below(0)),
        Claim(
            "Where two pairs of ten are seen, walk loops fail, chosen or not.",
            "accuracy on unseen combinations",
            pd.concat({way: measured("unseen", 2, way) for way in (CHOSEN, DEFAULT)}),
            below(0.8), ".2f",
        ),
        Claim(
            "While the other image is noise, they name a digit better than no penalty,",
            other, changed_gain(["none"], ["noise"]), above(0),
        ),
        Claim(
            "and between them and L2 no difference can be told.",
            other, changed_gain(["l2"], ["noise"]), UNDECIDED,
        ),
        Claim(
            "While it is inverted or enlarged, they are better than no penalty, too.",
            other, changed_gain(["none"], ["inverted", "enlarged"]), above(0),
        ),
        Claim(
            "With rectified neurons they gain nothing where half the pairs are seen.",
            points, gain(["none"], activation="relu", widths=(HALF,)), not_above(0),
        ),
        together(Claim(
            "In steps, at their default, they gain there, and where three are seen.",
            points, steps(["none"], activation="relu"), above(0),
        ), Claim(
            "Where half are, they come within a point of modules that are given.",
            points, steps(["hard_wired"], activation="relu", widths=(HALF,)), above(-1),
        )),
        together(Claim(
            "Where half are seen that costs less than a point on seen pairs.",
            seen, steps(["none"], activation="relu", widths=(HALF,), measure="accuracy"), above(-1),
        ), Claim(
            "Where three are, it costs about a point.",
            seen, steps(["none"], activation="relu", widths=(FEW,), measure="accuracy"),
            between(-2, 0),
        )),
        Claim(
            "With tanh neurons steps are better than the loss where three pairs are seen.",
            points, steps(["walk_loops"], widths=(FEW,)), above(0),
        ),
        Claim(
            "On four digits walk loops in the loss are better at their default than no penalty, L2"
            " and L1.",
            points, gain(["none", "l2", "l1"], DEFAULT, task="four_digits"), above(0),
        ),
    ]  # fmt: skip
