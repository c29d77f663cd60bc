"""What modules let one see: lesions, circuits and readouts, from the table `circuits`."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import (
    UNDECIDED,
    Claim,
    above,
    below,
    between,
    exact,
    not_below,
)
from modlib.batch.storage import Trained
from modlib.graphs import layer_of
from modlib.modularity.measure import modularity
from modlib.training.lesions import lesion_drops
from modlib.training.measures import stacked

TASKS = ["planted_0", "two_digits", "four_digits"]
PENALTIES = [
    "none", "l1", "l2", "connection_cost", "learned_places", "soft_modularity", "cut",
    "hard_wired", "walk_loops",
]  # fmt: skip
WAYS = {
    "needed_whole": "whole network",
    "needed_outputs": "its outputs",
    "needed_community": "its community",
}
"""The orders in which weights are kept, and what they are called."""

READOUTS = {
    ("first hidden layer", "own"): "read_1",
    ("first hidden layer", "others"): "read_1_others",
    ("second hidden layer", "own"): "read_2",
    ("second hidden layer", "others"): "read_2_others",
}


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal["two_digits", "two_mnist"]
    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]],
        Field(min_length=1, max_length=6),
        AfterValidator(pages.distinct),
    ]


def lesion_matrix(trained: Trained) -> pd.DataFrame:
    """Return what each sub-task loses, in points, when a community's hidden neurons are silenced.

    One row per community that has hidden neurons, those that hurt the first sub-task most first.
    The network is a stack of one.
    """
    network, task = trained.network, trained.task
    communities = modularity(trained.chain, 2, 2, network.seeds).communities
    test = stacked([task.draw(network.seeds[0]).test])
    drops = lesion_drops(network, communities, test.x, task.scored(test))[0]
    layers = layer_of(network.widths)
    hidden = np.unique(communities[0, (layers > 0) & (layers < layers.max())])
    lost = 100 * drops[hidden].numpy()
    order = lost.argmax(1).argsort(kind="stable")
    return pd.DataFrame(lost[order], columns=range(1, lost.shape[1] + 1))


def networks(circuits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network: the table's numbers, averaged over its sub-tasks."""
    columns = ["task", "penalty", "strength", "seed"]
    return circuits.groupby(columns).mean(numeric_only=True).reset_index()


def off_diagonal(of: pd.DataFrame) -> pd.DataFrame:
    """Return the off-diagonal share of lesions, its mean and interval as text, by penalty."""
    rows = statistics.means(of, ["penalty", "task"], "lesion_off_diagonal")
    text = rows.apply(statistics.interval_text, axis=1, form=".3f")
    return text.unstack("task")[TASKS]


def needed(of: pd.DataFrame) -> pd.DataFrame:
    """Return the share of weights, in per cent, that a sub-task `needed`, one row per `way`."""
    rows = of.melt(["task", "penalty", "seed"], list(WAYS), "way", "needed")
    return rows.assign(way=rows.way.map(WAYS), needed=100 * rows.needed, all="")


def readouts(of: pd.DataFrame) -> pd.DataFrame:
    """Return what a probe `read`, in points above guessing, one row per `layer` and sub-tasks."""
    columns = ["task", "penalty", "seed"]
    return pd.concat(
        of[columns].assign(layer=layer, of=whose, read=100 * of[column])
        for (layer, whose), column in READOUTS.items()
    )


def claims(circuits: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    of = networks(circuits)

    def points(measure: str, penalty: str, tasks: list[str] = TASKS) -> pd.DataFrame:
        rows = of[(of.penalty == penalty) & of.task.isin(tasks)]
        return 100 * statistics.means(rows, ["task"], measure)

    def gains(measure: str, rival: str, tasks: list[str] = TASKS) -> pd.DataFrame:
        rows = statistics.against_in_each(of[of.task.isin(tasks)], ["task"], "walk_loops", measure)
        return statistics.in_points(rows.xs(rival, level="penalty"))

    ratio = of.groupby(["penalty", "task"])[list(WAYS)].mean()
    ratio = (ratio.needed_community / ratio.needed_whole).unstack("task")
    n_tasks = circuits.groupby("task").sub_task.nunique()
    modular = ["walk_loops", "l1", "l2", "learned_places", "hard_wired"]
    by_community = (ratio.loc[modular] * n_tasks).stack()
    own = of[of.penalty == "walk_loops"]
    dealt = own.assign(less=own.dealt_1_others - own.read_1_others)
    lost = "share of what lesions cost that falls on other sub-tasks, %"
    weights = "difference in weights needed, points of all weights"
    read = "accuracy of the probe above guessing, points"
    return [
        Claim(
            "The lesion of a community costs one sub-task alone in networks with walk loops.",
            lost, points("lesion_off_diagonal", "walk_loops"), below(5), ".1f",
        ),
        Claim(
            "So it does with L2.", lost, points("lesion_off_diagonal", "l2"), below(5), ".1f",
        ),
        Claim(
            "Without a penalty it costs several on four digits.",
            lost, points("lesion_off_diagonal", "none", ["four_digits"]), above(5), ".1f",
        ),
        Claim(
            "With walk loops, L1, L2, learned places or hard wiring the community leads to a"
            " circuit of about one over the number of sub-tasks of what size alone takes.",
            "times the number of sub-tasks",
            exact(by_community), between(0.8, 1.2),
            ".2f",
        ),
        Claim(
            "Without a penalty the community hardly helps on four digits.",
            "ratio to what size alone takes", exact(ratio.loc["none", "four_digits"]),
            above(0.9), ".2f",
        ),
        Claim(
            "Circuits of walk loops are not smaller than those of L2.",
            weights, gains("needed_community", "l2"), not_below(0),
        ),
        Claim(
            "They are larger than those of L1.", weights, gains("needed_community", "l1"), above(0),
        ),
        Claim(
            "With walk loops a probe reads a sub-task in the first hidden layer of its community.",
            read, points("read_1", "walk_loops"), above(10), ".1f",
        ),
        Claim(
            "Of other sub-tasks it reads little there, less than five points.",
            read, points("read_1_others", "walk_loops"), below(5), ".1f",
        ),
        Claim(
            "With L2 it reads of the others too.",
            read, points("read_1_others", "l2"), above(9), ".1f",
        ),
        Claim(
            "L1 leaves more to be read of others on two digits and planted teachers.",
            read, gains("read_1_others", "l1", TASKS[:2]), below(0),
        ),
        Claim(
            "Walk loops leave as little to be read of others as hard wiring does, on planted"
            " teachers and two digits.",
            read, gains("read_1_others", "hard_wired", TASKS[:2]), UNDECIDED,
        ),
        Claim(
            "On four digits they leave more.",
            read, gains("read_1_others", "hard_wired", ["four_digits"]), above(0),
        ),
        Claim(
            "Of hidden neurons dealt to communities at random a probe reads more of the others.",
            read, 100 * statistics.means(dealt, ["task"], "less"), above(0),
        ),
        Claim(
            "What a probe finds need not be used: lesions of L2's communities cost others little.",
            "accuracy lost by other sub-tasks, points",
            points("lesion_others", "l2"), below(1), ".1f",
        ),
    ]  # fmt: skip
