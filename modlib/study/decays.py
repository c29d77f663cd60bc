"""Who wins, ties and loses against walk loops where every rival has a decay: the page `decays`.

The criteria were written before the table `rivals` was made. A method wins or loses by a measure on
a task if its paired difference to walk loops has a 95 % interval clear of 0, a mean beyond the
measure's margin, and a p below 0.05 after Holm's correction for all comparisons by the measure;
otherwise it ties.
"""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import Claim, Together, above, below, between, exact, not_below, together
from modlib.study import rivals

OWN, STEPS = "walk_loops", "walk_loop_steps"
TASKS = ["two_digits", "four_digits", "planted_0", "retina"]
TOLD = ["block_fraction", "hard_wired"]
"""What is told the modules: references, not rivals."""

SOFT = ("soft_modularity", "soft_layered_modularity")
MIXED = [(task, penalty) for task in TASKS[:2] for penalty in (*SOFT, "cut", OWN)]
"""Tasks of digits, and the methods of which what agrees best is shown."""

MARGINS = {"share": 0.02, "connected_ari": 0.02, "accuracy": 0.005, "specialisation": 0.02}
"""The measures that methods are compared by, and differences that are too small to count."""

LEVEL = 0.05
WINS, TIES, LOSES = "+", "=", "−"
"""How a method does against walk loops."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(TASKS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks, which are at the setting chosen."""
    return table[table.role == "evaluation"]


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences of each method to walk loops, by measure, task and penalty.

    `p` is corrected for all tasks and methods of a measure; `verdict` is one of `WINS`, `TIES`,
    `LOSES`.
    """
    rows, found = judged(table), {}
    for measure, margin in MARGINS.items():
        values = rows.pivot(index=selection.PAIR, columns="seed", values=measure)
        own = values.xs(OWN, level="penalty")
        others = values.drop(OWN, level="penalty")
        pairs = statistics.paired(
            others - own.reindex(others.index.get_level_values("task")).to_numpy()
        )
        found[measure] = pairs.assign(verdict=pairs.apply(verdict, axis=1, margin=margin))
    return pd.concat(found, names=["measure"])


def verdict(pair: pd.Series, margin: float) -> str:
    """Return how a method does, given its difference: clear, beyond the margin, and corrected."""
    if not (pair.p < LEVEL and abs(pair["mean"]) > margin):
        return TIES
    return WINS if pair.low > 0 else LOSES if pair.high < 0 else TIES


def record(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts of a method on a task, in the order of `MARGINS`: penalties by tasks."""
    verdicts = pairs.verdict.unstack("measure")[list(MARGINS)].agg(" ".join, axis=1)
    return verdicts.unstack("task").reindex(columns=TASKS).dropna(axis=1, how="all")


def counts(pairs: pd.DataFrame, verdict: str, measure: str) -> pd.Series:
    """Return on how many tasks each method wins, ties or loses by a measure."""
    return (pairs.loc[measure].verdict == verdict).groupby("penalty").sum()


def settings(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings chosen, 'strength + decay': penalties by tasks.

    In brackets where none keeps the accuracy.
    """
    found, kept = rivals.chosen(table), rivals.eligible(table).index
    text = found.apply(lambda row: f"{row.strength:g} + {row.decay:g}", axis=1)
    text = text.where(text.index.isin(kept), "(" + text + ")")
    return text.unstack("task").reindex(columns=TASKS).dropna(axis=1, how="all")


def agreeing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of the largest mean agreement, of those that keep the accuracy.

    By task and penalty, with the `ari` and `share` of the selection networks.
    """
    rows = table[table.role == "selection"]
    means = rows.groupby([*selection.PAIR, *rivals.SETTING])[["ari", "share"]].mean()
    best = rivals.eligible(table.assign(share=table.ari))
    return best.join(means, on=[*selection.PAIR, *rivals.SETTING])


def claims(table: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the table `rivals`."""
    rows, pairs = judged(table), differences(table)
    tasks = rows.task.nunique()
    untold = [p for p in rows.penalty.unique() if p not in {OWN, STEPS, *TOLD}]

    def won(measure: str) -> int:
        return int(counts(pairs, WINS, measure)[untold].max())

    def measured(measure: str, penalties: list[str], *of: str) -> pd.DataFrame:
        own = rows[rows.penalty.isin(penalties) & rows.task.isin(of or TASKS)]
        return statistics.means(own, selection.PAIR, measure)

    def beside(measure: str, penalties: list[str], *of: str) -> pd.DataFrame:
        lines = pairs.loc[measure]
        return lines[
            lines.index.isin(penalties, level="penalty")
            & lines.index.isin(of or TASKS, level="task")
        ]

    agreement = "agreement of what is connected (ARI)"
    to_own = "difference to walk loops"
    shorts, plain = ["bimt", "connection_cost"], ["none", "l2", "l1", "dropout"]
    return [
        Claim(
            "On most tasks no rival that is not told the modules wins in share over walk loops.",
            "tasks", exact(tasks - led_by_others(pairs, untold)), above(tasks / 2), ".0f",
        ),
        Claim(
            "No such rival wins in share on more than one task.",
            "most tasks of one", exact(won("share")), below(1.5), ".0f",
        ),
        together(
            Claim(
                "Learned places tie on every task,",
                "tasks", exact(counts(pairs, TIES, "share")["learned_places"]),
                above(tasks - 0.5), ".0f",
            ),
            Claim(
                "and BIMT on all but planted teachers.",
                f"{to_own} in share",
                beside("share", ["bimt"], *(task for task in TASKS if task != "planted_0")),
                above(-MARGINS["share"]), "+.3f",
            ),
        ),
        Claim(
            "Walk loops lead in share over no penalty, L2, the elastic net and dropout everywhere.",
            f"{to_own} in share", beside("share", plain), below(0), "+.2f",
        ),
        Claim(
            "They do over the topographic loss, weights times activity and regrowth,",
            f"{to_own} in share",
            beside("share", ["topography", "weighted_activity", "regrowth"]), below(0), "+.2f",
        ),
        Claim(
            "and over soft modularity and the cut.",
            f"{to_own} in share", beside("share", ["soft_modularity", "cut"]), below(0), "+.2f",
        ),
        Claim(
            "In accuracy they lose to no such rival on more than two tasks.",
            "most tasks of one", exact(won("accuracy")), below(2.5), ".0f",
        ),
        Claim(
            "BIMT and connection costs are more accurate on planted teachers.",
            f"{to_own} in accuracy, points",
            statistics.in_points(beside("accuracy", shorts, "planted_0")), above(0),
        ),
        Claim(
            "On four digits walk loops are more accurate than no penalty, L2, the elastic net and"
            " dropout.",
            f"{to_own} in accuracy, points",
            statistics.in_points(beside("accuracy", plain, "four_digits")), below(0),
        ),
        Claim(
            "In agreement no such rival wins on any task.",
            "most tasks of one", exact(won("connected_ari")), below(0.5), ".0f",
        ),
        Claim(
            "At the settings chosen soft modularity and the cut find the two digits in part alone.",
            agreement, measured("connected_ari", ["soft_modularity", "cut"], "two_digits"),
            between(0.65, 0.9), ".2f",
        ),
        together(
            Claim(
                "On the measure of layered networks soft modularity finds the modules of the retina"
                " and planted teachers,",
                agreement,
                measured("connected_ari", ["soft_layered_modularity"], "retina", "planted_0"),
                above(0.85), ".2f",
            ),
            Claim(
                "but not the digits.",
                agreement,
                measured("connected_ari", ["soft_layered_modularity"], "two_digits", "four_digits"),
                below(0.2), ".2f",
            ),
        ),
        Claim(
            "Either finds the two digits at another setting that keeps the accuracy.",
            "largest mean agreement (ARI) of selection networks",
            exact(agreeing(table).ari.loc["two_digits"][list(SOFT)]), above(0.9), ".2f",
        ),
        together(
            Claim(
                "As steps of their own walk loops tie with those in the loss in accuracy on every"
                " task,",
                "tasks", exact(counts(pairs, TIES, "accuracy")[STEPS]), above(tasks - 0.5), ".0f",
            ),
            Claim(
                "in share on all but planted teachers,",
                "tasks", exact(counts(pairs, TIES, "share")[STEPS]),
                between(tasks - 1.5, tasks - 0.5), ".0f",
            ),
            Claim(
                "where they have less,",
                f"{to_own} in share", beside("share", [STEPS], "planted_0"), below(0), "+.2f",
            ),
            Claim(
                "and they agree less with four digits.",
                f"{to_own} in agreement", beside("connected_ari", [STEPS], "four_digits"), below(0),
                "+.2f",
            ),
        ),
        Claim(
            "Hard-wired networks have the largest share, or come within the margin of it.",
            f"{to_own} in share", beside("share", ["hard_wired"]), not_below(-MARGINS["share"]),
            "+.2f",
        ),
    ]  # fmt: skip


def led_by_others(pairs: pd.DataFrame, untold: list[str]) -> int:
    """Return the number of tasks on which a method that is not told the modules wins in share."""
    lines = pairs.loc["share"]
    won = lines[(lines.verdict == WINS) & lines.index.isin(untold, level="penalty")]
    return won.index.unique("task").size
