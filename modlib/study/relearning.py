"""What is kept when one sub-task changes and is learned anew, from the table `retraining`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, Together, above, below, exact, not_above, together

TASKS = ["planted_0", "two_digits", "four_digits"]
DIGITS = TASKS[1:]
PENALTIES = [
    "none", "pruned", "l2", "l1", "connection_cost", "hard_wired", "walk_loop_steps", "walk_loops",
]  # fmt: skip
OPTIMISERS = {
    "SGD 0.01": "slow SGD",
    "SGD 0.1": "fast SGD",
    "Adam 0.0005": "slow Adam",
    "Adam 0.005": "fast Adam",
}
"""The optimisers by learning rate, and what they are called."""

WAYS = ["free", "as trained", "module"]
"""The ways of retraining in which other sub-tasks may suffer."""

RIVALS = ["none", "pruned", "l1", "l2", "connection_cost"]
"""What is not told the modules, beside walk loops."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal[tuple(TASKS)]
    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def named(retraining: pd.DataFrame) -> pd.DataFrame:
    """Return the table with optimisers by the names that the page has for them."""
    return retraining.assign(optimiser=retraining.optimiser.map(OPTIMISERS))


def kept(retraining: pd.DataFrame, task: str, drawn: list[str]) -> pd.DataFrame:
    """Return the rows of a task that are drawn: ways in which others may suffer, in order."""
    rows = named(retraining)
    rows = rows[(rows.task == task) & rows.penalty.isin(drawn) & rows.way.isin(WAYS)]
    order = rows.optimiser.map({name: n for n, name in enumerate(OPTIMISERS.values())})
    return rows.iloc[order.argsort(kind="stable")]


def gains(retraining: pd.DataFrame, own: str = "walk_loops", measure: str = "kept") -> pd.DataFrame:
    """Return a penalty's paired differences to each other one in what is kept, in points.

    By optimiser and way, and by task; or in another measure.
    """
    rows = named(retraining)
    rows = rows[rows.way.isin(WAYS)].assign(situation=rows.optimiser + ", " + rows.way)
    pairs = statistics.against_in_each(rows, ["situation", "task"], own, measure)
    order = [f"{name}, {way}" for way in WAYS for name in OPTIMISERS.values()]
    return statistics.in_points(pairs.loc[order])


def beyond_half(retraining: pd.DataFrame) -> pd.DataFrame:
    """Return what L2 keeps of the digits above the middle of no penalty and walk loops, in points.

    Under slow gradient descent, where nothing stays in force; above zero L2 gives more than half of
    what walk loops gain. Paired by network.
    """
    rows = retraining[(retraining.optimiser == "SGD 0.01") & (retraining.way == "free")]
    kept = rows[rows.task.isin(DIGITS)].pivot(
        index="task", columns=["penalty", "seed"], values="kept"
    )
    middle = (kept["none"] + kept["walk_loops"]) / 2
    return statistics.in_points(statistics.paired(kept["l2"] - middle))


def relearned(retraining: pd.DataFrame, way: str, drawn: list[str]) -> pd.DataFrame:
    """Return how many networks learn a digit's new labels where little may change, by penalty."""
    rows = named(retraining)
    rows = rows[(rows.way == way) & rows.task.isin(DIGITS)]
    groups = rows.groupby(["task", "optimiser", "penalty"]).relearned
    text = groups.count().astype(str) + " of " + groups.size().astype(str)
    table = text.unstack("penalty")
    order = [(task, name) for task in DIGITS for name in OPTIMISERS.values()]
    return table.loc[order, [penalty for penalty in drawn if penalty in table]]


def claims(retraining: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the table."""
    rows = named(retraining)
    gain, by_steps = gains(retraining), gains(retraining, "walk_loop_steps")
    learned = gains(retraining, "walk_loop_steps", "changed")

    def means(task: str, optimiser: str, way: str, penalties: list[str]) -> pd.DataFrame:
        own = rows[(rows.task == task) & (rows.optimiser == optimiser) & (rows.way == way)]
        own = own[own.penalty.isin(penalties)]
        return 100 * statistics.means(own, ["task", "penalty"], "kept")

    def less(optimiser: str, way: str, tasks: list[str], rivals: list[str]) -> pd.DataFrame:
        return gain.loc[([f"{optimiser}, {way}"], tasks, rivals), :]

    free = [*RIVALS, "walk_loops", "walk_loop_steps"]
    module = rows[(rows.way == "module") & rows.task.isin(DIGITS)]
    trained = ~module.penalty.isin(["none", "pruned"])
    alone = rows[(rows.way == "outputs") & rows.task.isin(DIGITS)]
    fast = alone[alone.optimiser == "fast SGD"]
    back = module[module.optimiser == "fast Adam"].groupby(["task", "penalty"]).relearned.count()
    share, points = "accuracy kept, %", "difference in accuracy kept, points"
    networks = "networks that learn the new labels"
    return [
        together(Claim(
            "Under slow SGD networks with walk loops keep most of their accuracy on the other of"
            " two digits.",
            share, means("two_digits", "slow SGD", "free", ["walk_loops"]), above(75), ".1f",
        ), Claim(
            "Those without a penalty keep little.",
            share, means("two_digits", "slow SGD", "free", ["none"]), below(35), ".1f",
        )),
        together(Claim(
            "On two digits walk loops keep more than all rivals that are not told the modules.",
            points, less("slow SGD", "free", ["two_digits"], RIVALS), above(0),
        ), Claim(
            "L2 gives more than half of what they gain, on two and four digits.",
            points, beyond_half(retraining), above(0),
        )),
        Claim(
            "On four digits they keep more than no penalty, pruned networks and L1.",
            points, less("slow SGD", "free", ["four_digits"], ["none", "pruned", "l1"]), above(0),
        ),
        Claim(
            "There it is not clear that they keep more than connection costs.",
            points, less("slow SGD", "free", ["four_digits"], ["connection_cost"]), not_above(0),
        ),
        together(Claim(
            "Under slow SGD loops in steps keep more than no penalty on two and four digits,",
            points, by_steps.loc[(["slow SGD, free"], DIGITS, ["none"]), :], above(0),
        ), Claim(
            "on two less than loops in the loss,",
            points, by_steps.loc[(["slow SGD, free"], ["two_digits"], ["walk_loops"]), :], below(0),
        ), Claim(
            "on four not clearly more.", points,
            by_steps.loc[(["slow SGD, free"], ["four_digits"], ["walk_loops"]), :], not_above(0),
        ), Claim(
            "Of four digits' new labels they learn less than no penalty.",
            "difference in accuracy on the changed sub-task, points",
            learned.loc[(["slow SGD, free"], ["four_digits"], ["none"]), :], below(0),
        ), Claim(
            "Steps that stay in force keep nearly all of either.", share,
            pd.concat(
                means(task, "slow SGD", "as trained", ["walk_loop_steps"]) for task in DIGITS
            ), above(85), ".1f",
        )),
        Claim(
            "Under fast SGD no penalty keeps half of two digits.",
            share, means("two_digits", "fast SGD", "free", free), below(50), ".1f",
        ),
        Claim(
            "Under fast Adam none keeps a third.",
            share, means("two_digits", "fast Adam", "free", free), below(33), ".1f",
        ),
        Claim(
            "Under either rate of Adam walk loops keep less than no penalty, on every task.",
            points,
            pd.concat(less(name, "free", TASKS, ["none"]) for name in ("slow Adam", "fast Adam")),
            below(0),
        ),
        Claim(
            "On four digits walk loops do not clearly keep the 80 % that were aimed at.",
            share, means("four_digits", "slow SGD", "free", ["walk_loops"]), not_above(80), ".1f",
        ),
        Claim(
            "Connection costs that stay in force keep more than walk loops on four digits under"
            " fast SGD.",
            points, less("fast SGD", "as trained", ["four_digits"], ["connection_cost"]), below(0),
        ),
        Claim(
            "Under slow SGD walk loops that stay in force keep nearly all of four digits.",
            share, means("four_digits", "slow SGD", "as trained", ["walk_loops"]), above(85), ".1f",
        ),
        Claim(
            "Training nothing but the changed digit's module keeps the others, if a penalty was"
            " trained with.",
            "least accuracy kept under fast Adam, %",
            exact(100 * module[trained & (module.optimiser == "fast Adam")].kept.min()), above(90),
            ".1f",
        ),
        Claim(
            "In unpenalised networks it costs them some accuracy.",
            share,
            pd.concat(means(task, "fast SGD", "module", ["none"]) for task in DIGITS), below(90),
            ".1f",
        ),
        together(Claim(
            "Under fast Adam all networks with walk loops learn the new labels that way.",
            networks, exact(back.xs("walk_loops", level="penalty").min()), above(19.5), ".0f",
        ), Claim(
            "Of unpenalised networks on four digits hardly one does.",
            networks, exact(back["four_digits", "none"]), below(2.5), ".0f",
        )),
        Claim(
            "The weights into the changed outputs alone learn them in every network under fast SGD,"
            " and cost the other digits nothing.",
            "networks that do not, or that lose accuracy",
            exact((fast.relearned.isna() | (fast.kept != fast.accuracy)).sum()), below(0.5), ".0f",
        ),
    ]  # fmt: skip
