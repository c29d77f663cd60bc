"""What networks bear of noise and loss, from the tables `damage` and `damage_tuned`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import UNDECIDED, Claim, Together, above, below, between, together

TASKS = ["planted_0", "two_digits", "four_digits"]
PENALTIES = [
    "none", "pruned", "l2", "l1", "dropout", "connection_cost", "soft_modularity", "hard_wired",
    "more_decay", "walk_loops", "walk_loop_steps",
]  # fmt: skip
NOISE = ["weight noise", "input noise"]
LOSS = ["removed connections", "removed neurons"]
DAMAGES = {
    "weight noise": "noise on weights",
    "input noise": "noise on inputs",
    "removed connections": "connections removed",
    "removed neurons": "neurons removed",
}
"""The damages, and what they are called."""

LEVELS = ["standard deviation", "standard deviation", "share removed", "share removed"]
"""What their levels are."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal[tuple(TASKS)]
    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def levels(damage: pd.DataFrame, task: str) -> dict[str, pd.DataFrame]:
    """Return each network's `accuracy` at each `level` of a damage to one task, by damage."""
    long = pd.wide_to_long(
        damage[damage.task == task], ["level_", "accuracy_"], ["penalty", "seed", "damage"], "place"
    ).reset_index()
    long = long.rename(columns={"level_": "level", "accuracy_": "accuracy"})
    return {label: long[long.damage == kind] for kind, label in DAMAGES.items()}


def gains(table: pd.DataFrame, own: str = "walk_loops") -> pd.DataFrame:
    """Return paired differences in points of one penalty to each other, by damage and task.

    Of the mean accuracy over the levels of each damage; and, as the damage 'undamaged', of the
    accuracy before any.
    """
    intact = table[table.damage == table.damage.iloc[0]].assign(damage="undamaged")
    intact = statistics.against_in_each(intact, ["damage", "task"], own, "accuracy_0")
    areas = statistics.against_in_each(table, ["damage", "task"], own, "area")
    return statistics.in_points(pd.concat([intact, areas]))


def chosen(tuned: pd.DataFrame, tried: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Return the strengths chosen for each damage, by penalty, and which end of those tried."""
    rows = tuned[["task", "damage", "penalty", "strength"]].drop_duplicates()
    rows["text"] = [
        selection.with_end(row.strength, tried[row.task][row.penalty]) for row in rows.itertuples()
    ]
    return rows.pivot(index=["task", "damage"], columns="penalty", values="text")


def claims(damage: pd.DataFrame, tuned: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the two tables."""
    gain = gains(damage)
    wired = gains(damage, "hard_wired")
    more = gains(tuned, "more_decay")
    steps, tuned_steps = (gains(table, "walk_loop_steps") for table in (damage, tuned))
    digits = ["two_digits", "four_digits"]

    def of(pairs: pd.DataFrame, tasks: list[str], damages: list[str], rival: str) -> pd.DataFrame:
        rows = pairs.xs(rival, level="penalty")
        return rows[
            rows.index.get_level_values("task").isin(tasks)
            & rows.index.get_level_values("damage").isin(damages)
        ]

    area = "difference in mean accuracy over the levels of damage, points"
    return [
        Claim(
            "On digits, networks with walk loops bear noise better than those without a penalty.",
            area, of(gain, digits, NOISE, "none"), above(0),
        ),
        Claim(
            "L2 alone bears it better still.", area, of(gain, digits, NOISE, "l2"), below(0)
        ),
        Claim(
            "Hard-wired modules without any decay bear it better than no penalty, too.",
            area, of(wired, digits, NOISE, "none"), above(0),
        ),
        Claim(
            "With five times the decay, at strengths chosen for it, walk loops bear noise on the"
            " inputs better than L2.",
            area, of(more, digits, ["input noise"], "l2"), above(0),
        ),
        Claim(
            "In noise on the weights no difference to L2 can then be told.",
            area, of(more, digits, ["weight noise"], "l2"), UNDECIDED,
        ),
        Claim(
            "Against the loss of connections or neurons walk loops gain less than five points over"
            " no penalty anywhere.",
            area, of(gain, TASKS, LOSS, "none"), between(-5, 5),
        ),
        Claim(
            "Dropout, which trains for this damage, bears loss better on digits.",
            area, of(gain, digits, LOSS, "dropout"), below(0),
        ),
        together(Claim(
            "As steps of their own they bear the loss of neurons better than in the loss,",
            area, of(steps, TASKS, ["removed neurons"], "walk_loops"), above(0),
        ), Claim(
            "and on digits noise worse.", area, of(steps, digits, NOISE, "walk_loops"), below(0),
        ), Claim(
            "Undamaged they are less accurate than in the loss.",
            "difference in accuracy, points", of(steps, TASKS, ["undamaged"], "walk_loops"),
            below(0),
        )),
        together(Claim(
            "At strengths chosen for the damage they bear lost neurons better there, too,",
            area, of(tuned_steps, digits, ["removed neurons"], "walk_loops"), above(0),
        ), Claim(
            "and noise worse.", area, of(tuned_steps, digits, NOISE, "walk_loops"), below(0),
        )),
        Claim(
            "Steps bear the loss of connections and neurons better than no penalty everywhere.",
            area, of(steps, TASKS, LOSS, "none"), above(0),
        ),
    ]  # fmt: skip
