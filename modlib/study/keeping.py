"""What is kept at strengths tuned for it, from initial weights of any size: table `retention`."""

from itertools import product
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import (
    UNDECIDED,
    Claim,
    Together,
    above,
    below,
    between,
    exact,
    not_above,
    not_below,
    together,
)
from modlib.batch.names import TASK_NAMES

RIVALS = ["none", "l2", "l1", "connection_cost", "walk_loop_steps", "hard_wired"]
"""What walk loops are compared with; given modules are told what to keep apart."""

METHODS = [*RIVALS[:-2], "walk_loops", *RIVALS[-2:]]
TASKS = ["two_digits", "four_digits"]

SCALES = {0.3: "small", 1.0: "usual", 3.0: "large"}
"""What initial weights are multiplied by, and what they are called then."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(RIVALS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def judged(retention: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks, with their initial weights by name as `start`."""
    rows = retention[retention.role == "evaluation"]
    return rows.assign(start=rows.scale.map(SCALES))


def gains(retention: pd.DataFrame, measure: str = "kept", own: str = "walk_loops") -> pd.DataFrame:
    """Return one method's paired differences to each other, in points, by task and start."""
    by = ["task", "start"]
    return statistics.in_points(statistics.against_in_each(judged(retention), by, own, measure))


def as_lines(gains: pd.DataFrame) -> pd.DataFrame:
    """Return gains under the index that figures of `effects` have, small weights first."""
    lines = gains.swaplevel("task", "start").rename_axis(index={"start": "benefit"})
    return lines.reindex(SCALES.values(), level="benefit")


def by_case(rows: pd.Series) -> pd.DataFrame:
    """Return values by task, start and penalty in a table: methods by cases, both in order."""
    cases = rows.unstack(["task", "start"])
    order = [case for case in product(TASKS, SCALES.values()) if case in cases]
    cases = cases.loc[[method for method in METHODS if method in cases.index], order]
    return cases.set_axis([f"{TASK_NAMES[task]}, {start}" for task, start in order], axis=1)


def summary(retention: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the mean of a measure with its interval as text, in per cent: methods by cases."""
    means = 100 * statistics.means(judged(retention), ["task", "start", "penalty"], measure)
    return by_case(means.apply(statistics.interval_text, axis=1, form=".0f"))


def chosen(retention: pd.DataFrame) -> pd.DataFrame:
    """Return the strengths chosen, and which end of those tried: methods by cases.

    Where no strength keeps more than no penalty, or keeps its accuracy, it is 0.
    """
    tried = retention[retention.role == "selection"].groupby("penalty").strength.unique()
    table = by_case(judged(retention).groupby(["task", "start", "penalty"]).strength.first())
    several = [penalty for penalty in table.index if len(tried[penalty]) > 1]
    return table.loc[several].apply(
        lambda of: of.map(lambda strength: selection.with_end(strength, tried[of.name])), axis=1
    )


def from_usual(retention: pd.DataFrame, start: str) -> pd.DataFrame:
    """Return what networks of two digits keep more than from usual weights, in points, by method.

    They are paired by seed.
    """
    rows = judged(retention)
    rows = rows[rows.task == "two_digits"]
    kept = rows.pivot(index=["start", "penalty"], columns="seed", values="kept")
    return statistics.in_points(statistics.paired(kept.loc[start] - kept.loc["usual"]))


def to_untuned(retention: pd.DataFrame, retraining: pd.DataFrame) -> pd.DataFrame:
    """Return tuned walk loops' paired differences to rivals at the strengths chosen by share.

    In points, by task, from usual weights; those rivals are in the table of the page `relearning`.
    """
    own = judged(retention).query("start == 'usual' and penalty == 'walk_loops'")
    slow = retraining.query("optimiser == 'SGD 0.01' and way == 'free' and penalty in @RIVALS")
    rows = pd.concat([own, slow[slow.task.isin(own.task)]])
    return statistics.in_points(statistics.against_in_each(rows, ["task"], "walk_loops", "kept"))


def claims(retention: pd.DataFrame, retraining: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the tables, whatever is drawn."""
    gain, learned = gains(retention), gains(retention, "changed")
    by_steps = gains(retention, own="walk_loop_steps")
    share = 100 * statistics.means(judged(retention), ["task", "start", "penalty"], "kept")
    points = "difference in accuracy kept, points"
    penalised = ["l2", "l1", "connection_cost"]

    def over(tasks: list[str], starts: list[str], rivals: list[str]) -> pd.DataFrame:
        return gain.loc[(tasks, starts, rivals), :]

    two, four, usual = ["two_digits"], ["four_digits"], ["usual"]
    lead = over(two, ["usual", "small"], penalised).p
    firm = ("two_digits", "usual", "l2")
    return [
        Claim(
            "From every start networks with walk loops keep most of the other of two digits.",
            "accuracy kept, %", share.loc[(two, slice(None), ["walk_loops"]), :], above(75), ".1f",
        ),
        Claim(
            "They keep far more than networks without a penalty, on either task.",
            points, over([*two, *four], [*SCALES.values()], ["none"]), above(10),
        ),
        together(Claim(
            "On two digits they keep more than L2 that is tuned as they are,",
            points, over(two, usual, ["l2"]), above(0),
        ), Claim(
            "from small weights, too.",
            points, over(two, ["small"], ["l2"]), above(0),
        )),
        Claim(
            "On two digits they keep more than L1 and connection costs.",
            points, over(two, usual, ["l1", "connection_cost"]), above(0),
        ),
        Claim(
            "From small weights they keep more than these, too.",
            points, over(two, ["small"], ["l1", "connection_cost"]), above(0),
        ),
        Claim(
            "From large ones it is not clear that they keep more than L2, L1 and connection costs.",
            points, over(two, ["large"], penalised), not_above(0),
        ),
        Claim(
            "On four digits they keep more than L1.",
            points, over(four, usual, ["l1"]), above(0),
        ),
        Claim(
            "There it is not clear that they keep more than L2,",
            points, over(four, usual, ["l2"]), not_above(0),
        ),
        Claim(
            "but they keep more than connection costs.",
            points, over(four, usual, ["connection_cost"]), above(0),
        ),
        Claim(
            "It is not clear that they keep more there than connection costs chosen by share.",
            points, to_untuned(retention, retraining).loc[(four, ["connection_cost"]), :],
            not_above(0),
        ),
        together(Claim(
            "Of the leads over L2, L1 and connection costs on two digits, a signed-rank test with"
            " Holm's correction bears out that over L2 from usual weights,",
            "p, corrected", exact(lead[[firm]]), below(0.05), ".2f",
        ), Claim(
            "and no other.",
            "p, corrected", exact(lead.drop([firm])), above(0.05), ".2f",
        )),
        together(Claim(
            "Without a penalty more is kept from small weights than from usual ones,",
            points, from_usual(retention, "small").loc[["none"]], above(0),
        ), Claim(
            "and less from large ones.",
            points, from_usual(retention, "large").loc[["none"]], below(0),
        ), Claim(
            "With L1 more is kept from large ones.",
            points, from_usual(retention, "large").loc[["l1"]], above(0),
        )),
        together(Claim(
            "From usual weights walk loops keep no less than modules that are given,",
            points, over([*two, *four], usual, ["hard_wired"]), not_below(0),
        ), Claim(
            "and from large ones less.",
            points, over(two, ["large"], ["hard_wired"]), below(0),
        )),
        Claim(
            "They learn the new labels about as well as networks with L2.",
            "difference in accuracy on the changed digit, points",
            learned.xs("l2", level="penalty"), between(-5, 5),
        ),
        together(Claim(
            "As steps of their own, too, they keep far more than no penalty,",
            points, by_steps.xs("none", level="penalty"), above(10),
        ), Claim(
            "and no difference to L2 can be told.",
            points, by_steps.xs("l2", level="penalty"), UNDECIDED,
        ), Claim(
            "In the loss they keep more of two digits from usual weights.",
            points, over(two, usual, ["walk_loop_steps"]), above(0),
        )),
    ]  # fmt: skip
