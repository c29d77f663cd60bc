"""Tasks whose modules share inputs or outputs, and tasks without known ones."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import Claim, Together, above, below, together
from modlib.penalties import PENALTIES

OVERLAPS = {"planted_0": 0, "planted_25": 25, "planted_50": 50, "planted_100": 100}
"""The share of inputs, in percent, that all modules of a planted teacher have in common."""

COMBINING = ["retina_and", "retina_or", "retina_xor"]
OTHERS = [
    *COMBINING, "formulas_composition", "formulas_sharing", "modular_addition", "digits", "mnist"
]  # fmt: skip
"""The tasks whose modules meet in an output, share features, or are not known."""

FIRST = ["planted_50", "planted_100", *COMBINING]
"""The tasks of the first figure: shared inputs, and one output for two modules."""

LATER = [task for task in OTHERS if task not in COMBINING]

EVERYWHERE = [penalty for penalty in PENALTIES if penalty != "communicability"]
"""The penalties that were run on all these tasks."""

TOLD = ["block_fraction", "hard_wired"]
"""The penalties that are told the modules."""

DEFAULT = PENALTIES["walk_loops"].strength

ENDS = ["mean", "low", "high"]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(EVERYWHERE)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def of_page(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of the table of networks that the page is about."""
    return networks[
        networks.task.isin([*OVERLAPS, *OTHERS]) & networks.penalty.isin(list(PENALTIES))
    ]


def overlapping(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the networks on planted teachers at their chosen strengths, with the `overlap`.

    Penalties have none where no strength keeps the accuracy.
    """
    rows = networks[networks.task.isin(OVERLAPS)]
    chosen = selection.chosen_strengths(rows)
    judged = selection.judged(rows).set_index(selection.PAIR)
    judged = judged[judged.strength == chosen.reindex(judged.index)].reset_index()
    return judged.assign(overlap=judged.task.map(OVERLAPS))


def gained(networks: pd.DataFrame) -> pd.DataFrame:
    """Return what penalties gain in accuracy over none on AND and OR, in points, as text."""
    rows = networks[networks.task.isin(COMBINING[:2])]
    pairs = statistics.in_points(selection.differences(rows).xs("accuracy", level="measure"))
    shown = pairs.loc[
        pairs.index.isin(["walk_loops", "l2", "connection_cost", "soft_modularity"], level=1)
    ]
    text = [statistics.interval_text(row, "+.1f") for _, row in shown.iterrows()]
    return pd.Series(text, shown.index).unstack("task")


def claims(networks: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the rows of `of_page`."""
    summary = selection.summary(networks)
    default = selection.summary_at(networks, "walk_loops", DEFAULT)
    default.index = pd.MultiIndex.from_product([default.index, ["walk_loops"]])
    to_none, to_own = (selection.differences(networks, p) for p in ("none", "walk_loops"))
    rivals = [p for p in EVERYWHERE if p not in {"none", "walk_loops", *TOLD}]
    apart = list(OVERLAPS)[:3]

    def of(
        measure: str, tasks: list[str], *penalties: str, table: pd.DataFrame = summary
    ) -> pd.DataFrame:
        rows = table[table.index.isin(tasks, level=0) & table.index.isin(penalties, level=1)]
        columns = [measure, f"{measure}_low", f"{measure}_high"]
        return rows[columns].set_axis(ENDS, axis=1).dropna()

    def pairs(
        differences: pd.DataFrame, measure: str, tasks: list[str], *penalties: str
    ) -> pd.DataFrame:
        rows = differences.xs(measure, level="measure")
        return rows[rows.index.isin(tasks, level=0) & rows.index.isin(penalties, level=1)]

    own = overlapping(networks).query("penalty == 'walk_loops'")
    steps = own.pivot(index="overlap", columns="seed", values="excess").diff().iloc[1:]
    judged = networks[networks.role == "evaluation"]
    unforced = judged[
        (judged.penalty == "none") | (judged.penalty == "walk_loops") & (judged.strength == DEFAULT)
    ]
    lost = statistics.against_in_each(
        unforced[unforced.task.isin(["formulas_composition", "mnist"])],
        ["task"], "walk_loops", "accuracy",
    )  # fmt: skip
    lost = statistics.in_points(lost).droplevel("penalty")
    wired = judged[(judged.task == "planted_100") & judged.penalty.isin(["none", "hard_wired"])]
    lost_by_wired = statistics.in_points(statistics.against(wired, "hard_wired", "accuracy"))
    trials = networks[(networks.role == "selection") & (networks.task == "modular_addition")]
    reached = trials.pivot(
        index=["penalty", "strength"], columns="seed", values="validation_accuracy"
    )
    best = reached.mean(axis=1).groupby("penalty").idxmax()[["l2", "dropout"]]
    gain = statistics.in_points(pairs(to_none, "accuracy", [*OVERLAPS, *OTHERS], *EVERYWHERE))
    excess, agreement = "excess modularity", "agreement (ARI)"
    to_others = "difference to walk loops"
    points = "difference of accuracy to no penalty, points"
    return [
        together(Claim(
            "The more inputs teachers share, the less excess walk loops have.",
            "difference of excess to the next smaller share", statistics.intervals(steps),
            below(0), "+.3f",
        ), Claim(
            "However many are shared, no rival that is not told the modules has as much.",
            f"{to_others} in excess", pairs(to_own, "excess", [*OVERLAPS], *rivals), below(0),
            "+.3f",
        )),
        Claim(
            "Inputs and outputs that belong to a module are in its community.",
            agreement, of("ari", apart, "walk_loops"), above(0.99), ".2f",
        ),
        together(Claim(
            "Where all inputs are shared, a lesion of a community of walk loops still hurts one"
            " output alone, more than without a penalty.",
            "difference of specialisation to no penalty",
            pairs(to_none, "specialisation", ["planted_100"], "walk_loops"), above(0), "+.2f",
        ), Claim(
            "On no teacher does this cost half a point of accuracy.",
            points, gain[gain.index.isin([(task, "walk_loops") for task in OVERLAPS])], above(-0.5),
        )),
        Claim(
            "Hard-wired networks lose accuracy where all inputs are shared.",
            points, lost_by_wired, below(0),
        ),
        Claim(
            "Where two modules meet in one output, walk loops have next to no excess.",
            excess, of("excess", COMBINING, "walk_loops"), below(0.1), ".2f",
        ),
        together(Claim(
            "On AND and OR soft modularity has some more,",
            f"{to_others} in excess", pairs(to_own, "excess", COMBINING[:2], "soft_modularity"),
            above(0.03), "+.2f",
        ), Claim(
            "whose communities are not the sides.",
            agreement, of("ari", COMBINING, "soft_modularity"), below(0.3), ".2f",
        )),
        Claim(
            "On AND and OR inputs agree better with the sides with walk loops than without.",
            "difference of agreement to no penalty",
            pairs(to_none, "ari", COMBINING[:2], "walk_loops"), above(0.1), "+.2f",
        ),
        together(Claim(
            "Soft modularity raises accuracy there all the same.",
            points, gain[gain.index.isin([(task, "soft_modularity") for task in COMBINING[:2]])],
            above(0),
        ), Claim(
            "Walk loops do on OR;", points, gain.reindex([("retina_or", "walk_loops")]), above(0)
        ), Claim(
            "on AND they lose less than half a point.",
            points, gain.reindex([("retina_and", "walk_loops")]), above(-0.5),
        )),
        Claim(
            "XOR is not learned from half of the patterns, whatever the penalty.",
            "test accuracy", of("accuracy", ["retina_xor"], *EVERYWHERE), below(0.75), ".2f",
        ),
        together(Claim(
            "On the composition walk loops add no excess within the accuracy margin.",
            excess, of("excess", ["formulas_composition"], "walk_loops"), below(0.05), ".2f",
        ), Claim(
            "Their communities are its modules.",
            agreement, of("ari", ["formulas_composition"], "walk_loops"), above(0.95), ".2f",
        )),
        together(Claim(
            "At their default they agree less,",
            agreement, of("ari", ["formulas_composition"], "walk_loops", table=default),
            below(0.9), ".2f",
        ), Claim(
            "at a loss of variance explained.",
            "difference to no penalty, points", lost.loc[["formulas_composition"]], below(-0.5),
        )),
        together(Claim(
            "Walk loops divide the network whose outputs share features.",
            excess, of("excess", ["formulas_sharing"], "walk_loops"), above(0.2), ".2f",
        ), Claim(
            "A lesion then hurts more than one output, as it should.",
            "specialisation", of("specialisation", ["formulas_sharing"], "walk_loops"),
            below(0.5), ".2f",
        )),
        together(Claim(
            "Modular addition is not learned without a penalty,",
            "test accuracy", of("accuracy", ["modular_addition"], "none"), below(0.5), ".2f",
        ), Claim(
            "but with walk loops at the strength chosen,",
            "test accuracy", of("accuracy", ["modular_addition"], "walk_loops"), above(0.95), ".2f",
        ), Claim(
            "or with L2 or dropout at their best.",
            "validation accuracy, mean and extremes of selection networks",
            reached.loc[best].agg(["mean", "min", "max"], axis=1).set_axis(ENDS, axis=1),
            above(0.9), ".2f",
        )),
        together(Claim(
            "Whatever the penalty, it has no modules at the strengths chosen.",
            excess, of("excess", ["modular_addition"], *EVERYWHERE), below(0.1), ".2f",
        ), Claim(
            "At the default strength of walk loops it is not learned at all.",
            "test accuracy", of("accuracy", ["modular_addition"], "walk_loops", table=default),
            below(0.2), ".2f",
        )),
        together(Claim(
            "In one digit walk loops find little to divide.",
            excess, of("excess", ["digits", "mnist"], "walk_loops"), below(0.1), ".2f",
        ), Claim(
            "Soft modularity divides the network somewhat all the same.",
            excess, of("excess", ["digits", "mnist"], "soft_modularity"), above(0.05), ".2f",
        ), Claim(
            "On one MNIST digit the default strength costs accuracy.",
            points, lost.loc[["mnist"]], below(-0.5),
        )),
    ]  # fmt: skip
