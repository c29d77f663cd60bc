"""Whether one default makes modules in any training: the grid of settings, judged."""

from typing import Literal

import pandas as pd
from pydantic import Field

from modlib.batch import pages
from modlib.batch.claims import Claim, above, below, exact
from modlib.batch.names import TASK_NAMES
from modlib.study.hyperparameter_grid import (
    AGREEMENT,
    BASE,
    FACTORS,
    LEARNED,
    LOSS,
    METHODS,
    ROLES,
    SHARE,
    Setting,
    grid_table,
)
from modlib.tasks import TASKS

SETTING = list(Setting._fields)

LABELS = {
    "none": "no penalty",
    "noise": "noise alone",
    "penalty": "walk loops in the loss",
    "steps": "walk loops as steps",
}
"""What methods are called."""

ROLE_NAMES = {"selection": "development", "evaluation": "held back"}
"""What settings are called by their role."""

NEEDED = 0.9
"""The share of the settings held back in which steps were meant to meet the target."""

RECTIFIED = ["relu", "gelu", "leaky_relu", "elu"]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    share: float = Field(gt=0, le=1)
    agreement: float = Field(gt=0, le=1)
    loss: float = Field(ge=0, le=1)
    activation: Literal["tanh", "relu", "gelu", "leaky_relu", "elu", "sigmoid"]
    optimiser: Literal[
        "Adam 0.005", "Adam 0.002", "Adam 0.001", "Adam 0.0005", "AdamW 0.005", "AdamW 0.001",
        "SGD 0.2", "SGD 0.1", "SGD 0.05", "SGD 0.02", "SGD 0.01",
    ]  # fmt: skip
    length: float = Field(ge=0.01, le=3)


def judged(
    table: pd.DataFrame,
    networks: pd.DataFrame,
    share: float = SHARE,
    agreement: float = AGREEMENT,
    loss: float = LOSS,
) -> pd.DataFrame:
    """Return one row per role, setting and method, with the means over its networks.

    Beside the measures `learned`, whether the networks without a penalty did, and the conditions
    `divided`, `agreed` and `kept`, all of which `met` is. A mean over a diverged network is
    missing, and meets none. Accuracy of a task's base setting is that of the published networks
    where the table has none.
    """
    measures = ["accuracy", "share", "connected_ari", "communities"]
    rows = table.groupby(["role", *SETTING, "method"])[measures].agg(
        lambda values: values.mean(skipna=False)
    )
    free = rows.accuracy.xs("none", level="method")
    base = free.reset_index()
    for factor in SETTING[1:]:
        base = base[base[factor] == getattr(BASE, factor)]
    plain = networks[(networks.penalty == "none") & (networks.role == "evaluation")]
    reached = base.set_index("task").accuracy.combine_first(plain.groupby("task").accuracy.mean())
    tasks = free.index.get_level_values("task")
    guess = pd.Series({task: TASKS[task]().guess_accuracy for task in tasks.unique()})
    needed = guess + LEARNED * (reached - guess)
    learned = free >= tasks.map(needed)
    rows = rows.join(free.rename("free")).join(learned.rename("learned"))
    rows["divided"] = rows["share"] >= share
    rows["agreed"] = rows.connected_ari >= agreement
    rows["kept"] = rows.accuracy >= rows.free - loss - 1e-9
    rows["met"] = rows.divided & rows.agreed & rows.kept
    return rows


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return, by role and method, how many of the settings that are learned meet each condition."""
    groups = rows[rows.learned].groupby(["role", "method"])
    counts = groups[["met", "divided", "agreed", "kept"]].sum().assign(settings=groups.size())
    order = [(role, method) for role in ROLE_NAMES for method in METHODS]
    return counts.reindex([each for each in order if each in counts.index])


def by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Return, by role and task, in how many of the settings that are learned steps meet the target.

    And how many miss each condition, in `divided`, `agreed` and `kept`; some miss several.
    """
    of = rows.xs("steps", level="method")
    groups = of[of.learned].groupby(["role", "task"])
    missing = groups[["divided", "agreed", "kept"]].agg(lambda condition: (~condition).sum())
    counts = missing.assign(met=groups.met.sum(), settings=groups.size())
    return counts.loc[[role for role in ROLE_NAMES if role in counts.index]]


def left_out(table: pd.DataFrame) -> int:
    """Return how many settings of the grid a table does not have."""
    own = len(table[["role", *SETTING]].drop_duplicates())
    return sum(len(settings()) for settings in ROLES.values()) - own


def departures(rows: pd.DataFrame, factor: str, task: str = BASE.task) -> pd.DataFrame:
    """Return the rows of the base setting on a task and of those that depart in one factor."""
    of = rows.reset_index()
    of = of[of.task == task]
    for other in SETTING[1:]:
        if other != factor:
            of = of[of[other] == getattr(BASE, other)]
    # the table has numbers with six digits
    values = [round(v, 6) if isinstance(v, float) else v for v in FACTORS[factor]]
    return of.sort_values(factor, key=lambda column: column.map(values.index))


def by_factor(rows: pd.DataFrame, task: str) -> dict[str, pd.DataFrame]:
    """Return the `departures` in each factor."""
    return {factor: departures(rows, factor, task) for factor in FACTORS}


def drawn(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the rows of a task's combinations that were drawn and are learned."""
    of = rows[rows.learned].reset_index()
    differ = sum((of[factor] != getattr(BASE, factor)).astype(int) for factor in SETTING[1:])
    return of[(of.task == task) & (differ > 1)]


def named(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts by what methods, tasks and conditions are called."""
    columns = {"met": "all three", "divided": "divides", "agreed": "agrees", "kept": "keeps"}
    return counts.rename(index=LABELS | ROLE_NAMES | TASK_NAMES, columns=columns)


def of_ones_own(activation: str, optimiser: str, length: float) -> pd.DataFrame:
    """Train a network on two digits in a setting, without a penalty and with steps."""
    setting = BASE._replace(activation=activation, optimiser=optimiser, steps=length)
    found = [grid_table(setting, method, [0]) for method in ("none", "steps")]
    rows = pd.concat(found).assign(method=[LABELS["none"], LABELS["steps"]])
    return rows.set_index("method")[["accuracy", "share", "connected_ari", "communities"]]


def claims(rows: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the settings for development, and of those held back."""
    counts = counted(rows)
    part = (counts.met / counts.settings).rename(ROLE_NAMES)
    own, fresh = (part.loc[role] for role in ROLE_NAMES.values())
    shares = departures(rows, "activation").set_index(["method", "activation"])["share"]
    agreed = departures(rows, "activation").set_index(["method", "activation"]).connected_ari
    return [
        Claim(
            "In the loss, walk loops at one strength meet it in fewer than half of the settings.",
            "share of settings, development and held back",
            exact(part.xs("penalty", level="method")), below(0.5), ".2f",
        ),
        Claim(
            "Noise alone hardly ever meets it.",
            "share of settings, development and held back",
            exact(part.xs("noise", level="method")), below(0.1), ".2f",
        ),
        Claim(
            "As steps of their own they meet it in seven tenths of the settings for development.",
            "share of settings", exact(own["steps"]), above(0.7), ".2f",
        ),
        Claim(
            "They meet it in more than six tenths of the settings that were held back.",
            "share of settings", exact(fresh["steps"]), above(0.6), ".2f",
        ),
        Claim(
            "There, steps meet it more often than the loss by a fifth of the settings.",
            "difference of shares", exact(fresh["steps"] - fresh["penalty"]), above(0.2), ".2f",
        ),
        Claim(
            "They miss the nine tenths that they were meant to meet it in.",
            "share of settings held back", exact(fresh["steps"]), below(NEEDED), ".2f",
        ),
        Claim(
            "On two digits, at the base setting, steps divide the network nearly completely with"
            " any activation.",
            "share of the attainable", exact(shares["steps"]), above(0.85), ".2f",
        ),
        Claim(
            "There they find the task's modules with any activation.",
            "agreement", exact(agreed["steps"]), above(0.9), ".2f",
        ),
        Claim(
            "In the loss, walk loops hardly divide networks of rectified neurons there.",
            "share of the attainable", exact(shares["penalty"][RECTIFIED]), below(0.2), ".2f",
        ),
        Claim(
            "Networks of rectified neurons mix the two digits without a penalty.",
            "agreement", exact(agreed["none"][RECTIFIED]), below(0.4), ".2f",
        ),
    ]  # fmt: skip
