"""What modularity costs in accuracy, and whether one strength serves all tasks."""

from itertools import pairwise

import pandas as pd
from pydantic import Field

from modlib.batch import pages
from modlib.batch.claims import Claim, above, between, exact
from modlib.batch.names import SEPARATE, TASK_NAMES
from modlib.batch.selection import chosen_strengths, end_of_grid
from modlib.penalties import PENALTIES
from modlib.tasks import TASKS
from modlib.training.fit import fit

WATCHED = {"retina": 1_000, "two_digits": 1_500, "three_digits": 2_250}
"""The tasks whose networks are watched while they are trained, and for how many steps."""

DIVIDED = 0.1
"""The excess at which a network counts as divided."""

DEFAULT = PENALTIES["walk_loops"].strength


class Parameters(pages.Parameters):
    """What the page may be run with."""

    seed: int = Field(ge=0, lt=2**32)
    n_seeds: int = Field(ge=1, le=20)
    every: int = Field(ge=10, le=500)


def selection(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that strengths are chosen on."""
    return networks[networks.role == "selection"]


def edges(networks: pd.DataFrame) -> pd.DataFrame:
    """Return, by penalty, on which tasks its chosen strength is at an end of those tried.

    Columns `lowest` and `highest` name tasks with the strength, `no strength` those on which none
    keeps the accuracy.
    """
    chosen = chosen_strengths(networks)
    cells: dict[tuple[str, str], list[str]] = {}
    for (task, penalty), tried in selection(networks).groupby(["task", "penalty"]).strength:
        strength, name = chosen.get((task, penalty)), TASK_NAMES[task]
        if strength is None:
            cells.setdefault((penalty, "no strength"), []).append(name)
        elif end := end_of_grid(strength, tried):
            cells.setdefault((penalty, end), []).append(f"{name} ({strength:g})")
    text = pd.Series({key: ", ".join(names) for key, names in cells.items()})
    table = text.rename_axis(["penalty", "end"]).unstack().reindex(PENALTIES).dropna(how="all")
    return table.reindex(columns=["lowest", "highest", "no strength"]).fillna("–")


def watched(seed: int, n_seeds: int, every: int) -> dict[str, pd.DataFrame]:
    """Return the history of networks trained with the default strength, by task."""
    seeds = range(seed, seed + n_seeds)
    return {
        task: fit(
            task, "walk_loops", seeds=seeds, steps=steps, snapshots=range(0, steps + 1, every)
        ).history
        for task, steps in WATCHED.items()
    }


def onsets(histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return after how many steps the first and the last network of each task was divided.

    NaN if one never was; measured as often as the history was.
    """
    rows = {}
    for task, history in histories.items():
        first = history[history.excess > DIVIDED].groupby("seed").step.min()
        first = first.reindex(history.seed.unique()).astype(float)
        rows[task] = {"first": first.min(), "last": first.max(skipna=False)}
    return pd.DataFrame(rows).T.rename_axis("task")


def sizes() -> dict[str, int]:
    """Return the number of weights in a network for each task with separate modules."""
    tasks = {name: TASKS[name]() for name in SEPARATE}
    layers = {n: [len(t.input_modules), *t.hidden, len(t.output_modules)] for n, t in tasks.items()}
    return {n: sum(a * b for a, b in pairwise(widths)) for n, widths in layers.items()}


def claims(networks: pd.DataFrame, histories: dict[str, pd.DataFrame]) -> list[Claim]:
    """Return what the page claims of the table of networks, and of those trained on the page."""
    tried = selection(networks)
    means = tried.groupby(["penalty", "task", "strength"])[["validation_accuracy"]].mean()
    own = means.loc["walk_loops"].xs(DEFAULT, level="strength").validation_accuracy[SEPARATE]
    free = means.loc["none"].droplevel("strength").validation_accuracy[SEPARATE]
    chosen = chosen_strengths(networks).xs("walk_loops", level="penalty")[SEPARATE]
    cost = exact(100 * (own - free))
    divided = onsets(histories)["last"]
    number = pd.Series(sizes())
    return [
        Claim(
            "On the networks that strengths are chosen on, the default costs half a point of"
            " accuracy at most.",
            "difference of means to no penalty, points", cost, above(-0.5),
        ),
        Claim(
            "The strengths chosen for the seven tasks lie within a decade.",
            "largest over smallest", exact(chosen.max() / chosen.min()), between(0.99, 11), ".1f",
        ),
        Claim(
            "The number of weights grows more than a hundredfold between these networks.",
            "largest over smallest", exact(number.max() / number.min()), above(100), ".0f",
        ),
        Claim(
            "Three digits divide later than two.",
            "steps until the last network is divided, difference",
            exact(divided["three_digits"] - divided["two_digits"]), above(0), ".0f",
        ),
        Claim(
            "Two digits divide later than the retina.",
            "steps until the last network is divided, difference",
            exact(divided["two_digits"] - divided["retina"]), above(0), ".0f",
        ),
    ]  # fmt: skip
