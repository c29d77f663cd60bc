"""Every peer beside walk loops, from the table of networks."""

from typing import Literal

import pandas as pd

from modlib.batch import pages, selection
from modlib.batch.claims import Claim, above, below, exact, not_below
from modlib.batch.names import SEPARATE, TASK_NAMES

IMAGES = ["two_digits", "three_digits", "four_digits", "two_mnist"]
DIGITS = IMAGES[:3]
SHORT = ["connection_cost", "learned_places", "bimt"]
"""What keeps connections short."""

TOLD = ["block_fraction", "hard_wired"]
"""What is told the modules: references, not rivals."""

SCORERS = ["soft_modularity", "cut"]
"""What scores a division of the whole network."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal[tuple(TASK_NAMES)]
    save_figure: str


def record(networks: pd.DataFrame) -> pd.DataFrame:
    """Return, for each rival, on how many separate tasks walk loops are better and worse than it.

    Columns are pairs of a measure and `better` or `worse`: the interval of the paired difference
    is clear of 0, both at their chosen strengths. `tasks` has how many could be compared.
    """
    pairs = selection.differences(networks, reference="walk_loops")
    pairs = pairs[pairs.index.isin(SEPARATE, level="task")]
    names = {"share": "share", "excess": "excess", "ari": "agreement", "accuracy": "accuracy"}
    counts = {"tasks": pairs.xs("excess", level="measure").groupby("penalty").size()}
    for measure, name in names.items():
        rows = pairs.xs(measure, level="measure")
        # the rows are the rival's less the walk loops'
        counts[f"{name} better"] = (rows.high < 0).groupby("penalty").sum()
        counts[f"{name} worse"] = (rows.low > 0).groupby("penalty").sum()
    return pd.DataFrame(counts)


def aside(networks: pd.DataFrame) -> pd.DataFrame:
    """Return what else is measured of each penalty, averaged over the separate tasks.

    Those tasks count on which a strength was chosen. `step` is what a training step costs, in
    steps without a penalty, by the clock of the batch.
    """
    summary = selection.summary(networks).dropna(subset="strength")
    columns = {
        "live_excess": "excess, live inputs",
        "strengths_excess": "excess, strengths kept",
        "pruned_excess": "excess, pruned",
        "pruned_accuracy": "accuracy, pruned",
        "conductance": "conductance",
        "connected": "connected",
        "connected_ari": "agreement, connected",
    }
    rows = summary[summary.index.isin(SEPARATE, level="task")]
    means = rows.groupby("penalty")[list(columns)].mean().rename(columns=columns)
    judged = networks[(networks.role == "evaluation") & networks.task.isin(SEPARATE)]
    seconds = (judged.seconds / judged.steps).groupby([judged.task, judged.penalty]).mean()
    ratio = seconds / seconds.xs("none", level="penalty").reindex(seconds.index, level="task")
    return means.assign(step=ratio.groupby("penalty").mean())


def claims(networks: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table of networks."""
    summary, pairs = selection.summary(networks), selection.differences(networks, "walk_loops")
    own = summary.xs("walk_loops", level="penalty").loc[SEPARATE]

    def means(measure: str, tasks: list[str], penalties: list[str]) -> pd.DataFrame:
        rows = summary.reindex([(task, p) for task in tasks for p in penalties])
        columns = [measure, f"{measure}_low", f"{measure}_high"]
        return rows[columns].set_axis(["mean", "low", "high"], axis=1).dropna()

    def beyond(measure: str, tasks: list[str], penalties: list[str]) -> pd.DataFrame:
        rows = pairs.xs(measure, level="measure")
        return rows.reindex([(task, p) for task in tasks for p in penalties])

    agreement, lesions = "agreement with the known modules (ARI)", "specialisation of lesions"
    found = record(networks)
    in_steps = summary.xs("walk_loop_steps", level="penalty").strength
    in_steps = in_steps.reindex(["planted_0", "formulas_independence"])
    untold = found.drop(index=["none", *TOLD, "learned_places", "walk_loop_steps"])
    return [
        Claim(
            "On no task has a rival a clearly larger share of the attainable than walk loops,"
            " but for learned places and those that are told the modules.",
            "most tasks of one", exact(untold["share worse"].max()), below(0.5), ".0f",
        ),
        Claim(
            "Learned places have on some.",
            "tasks", exact(found["share worse"]["learned_places"]), above(0.5), ".0f",
        ),
        Claim(
            "At the strength chosen for it walk loops agree with the task's modules on six of seven"
            " tasks.",
            agreement,
            means("ari", [t for t in SEPARATE if t != "formulas_independence"], ["walk_loops"]),
            above(0.85), ".2f",
        ),
        Claim(
            "On two formulas they agree less.",
            agreement, means("ari", ["formulas_independence"], ["walk_loops"]), below(0.9), ".2f",
        ),
        Claim(
            "L2 and dropout agree with two to four digits at least as well.",
            "difference to walk loops in agreement", beyond("ari", DIGITS, ["l2", "dropout"]),
            not_below(0), "+.2f",
        ),
        Claim(
            "At inputs and outputs that are still connected, L1 and short connections agree too.",
            "agreement of what is connected (ARI)",
            means("connected_ari", DIGITS, ["l1", *SHORT]), above(0.9), ".2f",
        ),
        Claim(
            "On images the communities of soft modularity and the cut are not the digits.",
            agreement, means("ari", IMAGES, SCORERS), below(0.6), ".2f",
        ),
        Claim(
            "A lesion of one costs more than one digit.",
            lesions, means("specialisation", IMAGES, SCORERS), below(0.9), ".2f",
        ),
        Claim(
            "On the retina and planted teachers they come near the modules.",
            agreement, means("ari", ["retina", "planted_0"], SCORERS), above(0.75), ".2f",
        ),
        Claim(
            "Learned places are more accurate on most tasks.",
            "tasks on which walk loops are clearly worse",
            exact(found["accuracy worse"]["learned_places"]), above(3.5), ".0f",
        ),
        Claim(
            "In steps, at one strength for all, walk loops separate the retina and images as well.",
            "share of the attainable excess",
            means("share", ["retina", *IMAGES], ["walk_loop_steps"]), above(0.9), ".2f",
        ),
        Claim(
            "On planted teachers and two formulas they cost too much accuracy to be chosen.",
            "tasks of these on which they are chosen", exact(float(in_steps.notna().sum())),
            below(0.5), ".0f",
        ),
        Claim(
            "Walk loops retain most of their excess against nulls that keep strengths.",
            "smallest share of the excess", exact((own.strengths_excess / own.excess).min()),
            above(0.5), ".2f",
        ),
    ]  # fmt: skip
