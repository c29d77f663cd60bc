"""Goals that take turns, from the table `goals`."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from scipy import stats

from modlib.batch import pages, statistics
from modlib.batch.claims import UNDECIDED, Claim, above, below, between, exact

PENALTIES = ["none", "l1", "l2", "soft_modularity", "hard_wired", "walk_loops"]
SLOW = "in turn, every 300 steps"
FAST = "in turn, every 100 steps"
ONCE = "both at once"
SCHEDULES = {"AND": "one goal", "OR": "one goal"}
"""What schedules are called where that differs from the table."""

MEASURES = {
    "ari": "agreement (ARI)",
    "unseen": "held-out accuracy",
    "excess": "excess",
    "cost": "steps to follow",
}
"""What is measured at the end; schedules without switches have no steps."""

LONGEST = 100
"""The steps after a switch that are drawn."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


def ends(goals: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network and schedule: its measures averaged over the last two switches.

    Of schedules without switches the table has the end alone. AND and OR alone are averaged, as
    the schedule 'one goal'.
    """
    last = goals.groupby(["penalty", "schedule"]).epoch.transform("max")
    late = goals[goals.epoch > last - 2].replace({"schedule": SCHEDULES})
    measures = [*MEASURES, "seen", "size"]
    return late.groupby(["penalty", "schedule", "seed"])[measures].mean().reset_index()


def panels(goals: pd.DataFrame, drawn: list[str]) -> pd.DataFrame:
    """Return the measures at the end as `value`, a row per network, in the order of schedules."""
    rows = ends(goals)
    rows = rows[rows.penalty.isin(drawn)]
    long = rows.melt(["penalty", "schedule", "seed"], list(MEASURES), "measure", "value").dropna()
    in_turn = sorted(s for s in goals.schedule.unique() if "in turn" in s)
    order = pd.CategoricalDtype(["one goal", *in_turn, ONCE], ordered=True)
    long = long.assign(schedule=long.schedule.astype(order)).sort_values("schedule", kind="stable")
    return long.assign(
        task="retina_and", measure=long.measure.map(MEASURES), schedule=long.schedule.astype(str)
    )


def switches(goals: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return accuracy on learned patterns after the first two and the last two switches."""
    rows = goals[goals.schedule == SLOW]
    columns = list(rows.filter(regex=r"^seen_\d+$"))
    long = rows.melt(["penalty", "seed", "epoch"], columns, "step", "accuracy")
    long["step"] = long.step.str.removeprefix("seen_").astype(int)
    long = long[long.step <= LONGEST]
    last = long.epoch.max()
    chosen = {"first two switches": [1, 2], "last two switches": [last - 1, last]}
    return {
        name: long[long.epoch.isin(epochs)]
        .groupby(["penalty", "seed", "step"])
        .accuracy.mean()
        .reset_index()
        for name, epochs in chosen.items()
    }


def summary(goals: pd.DataFrame) -> pd.DataFrame:
    """Return the means of networks whose goals took turns, by penalty."""
    rows = ends(goals)
    means = rows[rows.schedule == SLOW].groupby("penalty").mean(numeric_only=True)
    columns = {
        "excess": "excess",
        "ari": "agreement",
        "unseen": "held-out accuracy",
        "size": "norm of the weights",
        "cost": "steps to follow",
    }
    return means[list(columns)].rename(columns=columns)


def rank_correlation(x: pd.Series, y: pd.Series) -> pd.DataFrame:
    """Return Spearman's rank correlation as `mean`, with its 95 % BCa interval, `low`, `high`."""
    pairs = x.to_numpy(), y.to_numpy()
    ends = stats.bootstrap(
        pairs,
        lambda a, b: stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    rho = stats.spearmanr(*pairs).statistic
    return pd.DataFrame({"mean": [rho], "low": [ends.low], "high": [ends.high]})


def claims(goals: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    rows = ends(goals)

    def difference(measure: str, one: tuple[str, str], other: tuple[str, str]) -> pd.DataFrame:
        wide = rows.pivot(index="seed", columns=["schedule", "penalty"], values=measure)
        return statistics.mean_interval(wide[one] - wide[other]).to_frame().T

    def mean(measure: str, schedule: str, penalty: str) -> pd.DataFrame:
        own = rows[(rows.schedule == schedule) & (rows.penalty == penalty)]
        return statistics.mean_interval(own[measure]).to_frame().T

    # of networks with soft modularity the accuracy before a switch is not that of the goal learned
    sound = rows[(rows.schedule == SLOW) & (rows.penalty != "soft_modularity")]
    centred = sound[["size", "cost"]] - sound.groupby("penalty")[["size", "cost"]].transform("mean")
    wired = sound[sound.penalty == "hard_wired"].cost.mean()
    walked = sound[sound.penalty == "walk_loops"].cost.mean()
    turns, alone = (SLOW, "none"), ("one goal", "none")
    agreement, accuracy = "difference in agreement (ARI)", "difference in held-out accuracy"
    steps, rho = "difference in steps to follow a switch", "Spearman's rank correlation"
    return [
        Claim(
            "Without a penalty, agreement with the halves rises where goals take turns.",
            agreement, difference("ari", turns, alone), above(0), "+.2f",
        ),
        Claim(
            "So does held-out accuracy.",
            accuracy, difference("unseen", turns, alone), above(0), "+.3f",
        ),
        Claim(
            "No difference in agreement to both goals at once can be told.",
            agreement, difference("ari", turns, (ONCE, "none")), UNDECIDED, "+.2f",
        ),
        Claim(
            "Between walk loops on one goal and turns without a penalty no difference can be told.",
            agreement, difference("ari", ("one goal", "walk_loops"), turns), UNDECIDED, "+.2f",
        ),
        Claim(
            "Turns add agreement to walk loops.",
            agreement, difference("ari", (SLOW, "walk_loops"), ("one goal", "walk_loops")),
            above(0), "+.2f",
        ),
        Claim(
            "They add some accuracy, too.",
            accuracy, difference("unseen", (SLOW, "walk_loops"), ("one goal", "walk_loops")),
            above(0), "+.3f",
        ),
        Claim(
            "Walk loops in turns hardly separate the halves.",
            "excess modularity", mean("excess", SLOW, "walk_loops"), below(0.12), ".2f",
        ),
        Claim(
            "With both goals at once they lose held-out accuracy.",
            accuracy, difference("unseen", (ONCE, "walk_loops"), (ONCE, "none")), below(0), "+.3f",
        ),
        Claim(
            "L2 finds the halves there.",
            "agreement (ARI)", mean("ari", ONCE, "l2"), above(0.9), ".2f",
        ),
        Claim(
            "After a switch walk loops need fewer steps than no penalty.",
            steps, difference("cost", (SLOW, "walk_loops"), turns), below(0), "+.0f",
        ),
        Claim(
            "They need fewer than L1 and L2.",
            steps,
            pd.concat(
                {p: difference("cost", (SLOW, "walk_loops"), (SLOW, p)) for p in ("l1", "l2")}
            ).droplevel(1),
            below(0), "+.0f",
        ),
        Claim(
            "Where turns are of a hundred steps, L2 needs fewer than walk loops.",
            steps, difference("cost", (FAST, "l2"), (FAST, "walk_loops")), below(0), "+.0f",
        ),
        Claim(
            "Hard-wired networks, fully apart, need more than twice as many.",
            "mean steps, hard-wired over walk loops", exact(wired / walked), above(2), ".1f",
        ),
        Claim(
            "But for soft modularity, the steps rise with the norm of the weights over penalties.",
            rho, rank_correlation(sound["size"], sound.cost), above(0.2), ".2f",
        ),
        Claim(
            "Among networks of one penalty they hardly do.",
            rho, rank_correlation(centred["size"], centred.cost), between(-0.5, 0.5), ".2f",
        ),
    ]  # fmt: skip
