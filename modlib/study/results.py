"""Both questions of the paper, answered from the published tables."""

import pandas as pd

from modlib.batch import selection, statistics
from modlib.batch.claims import Claim, Together, above, below, between, exact, not_below, together
from modlib.batch.names import SEPARATE
from modlib.batch.tables import published_table
from modlib.penalties import PENALTIES
from modlib.study.benefits import Read

DIGITS = ["two_digits", "three_digits", "four_digits"]
DRAWN = [
    "none", "l1", "l2", "learned_places", "bimt", "soft_modularity", "cut", "hard_wired",
    "walk_loops",
]  # fmt: skip
"""The penalties that the chapter's first figure has; all are on the page of peers."""

DEFAULT = PENALTIES["walk_loops"].strength
ASKED = {
    "gain": 0.3, "of largest": 0.9, "agreement": 0.95, "specialisation": 0.9,
    "accuracy": -100 * selection.ACCURACY_MARGIN, "of tuned": 0.9,
}  # fmt: skip
"""What walk loops have to reach at least: of `gain` and `of largest` either."""


def asked(networks: pd.DataFrame, separate: list[str]) -> pd.DataFrame:
    """Return what was asked of the walk loops, one row per task, at their default strength.

    `excess`, `unpenalised` and `gain` over it; `rival`, the largest excess of any other at its
    chosen strength; `share` of the largest, tuned walk loops included; `agreement`;
    `specialisation`; `accuracy`, in points above no penalty; `of tuned`, the share of the excess
    at the chosen strength; and what was `missed`.
    """
    summary = selection.summary(networks)
    own = selection.summary_at(networks, "walk_loops", DEFAULT).loc[separate]
    of = {p: summary.xs(p, level="penalty").reindex(separate) for p in ("none", "walk_loops")}
    others = summary.drop(index=[*of, "walk_loop_steps"], level="penalty", errors="ignore")
    rivals = others.excess.groupby("task").max()[separate]
    rows = pd.DataFrame(
        {
            "excess": own.excess,
            "unpenalised": of["none"].excess,
            "gain": own.excess - of["none"].excess,
            "rival": rivals,
            "of largest": own.excess / rivals.clip(lower=of["walk_loops"].excess),
            "share": own.share,
            "agreement": own.ari,
            "specialisation": own.specialisation,
            "accuracy": 100 * (own.accuracy - of["none"].accuracy),
            "of tuned": own.excess / of["walk_loops"].excess,
        }
    )
    short = rows[list(ASKED)] < pd.Series(ASKED)
    missed = pd.DataFrame(
        {
            "excess": short["gain"] & short["of largest"],
            "agreement": short.agreement,
            "specialisation": short.specialisation,
            "accuracy": short.accuracy,
            "untuned": short["of tuned"],
        }
    )
    return rows.assign(missed=[", ".join(missed.columns[row]) or "–" for row in missed.to_numpy()])


def rises(networks: pd.DataFrame, separate: list[str]) -> pd.DataFrame:
    """Return on how many tasks each penalty raises each measure above no penalty's.

    That is where the interval of the paired difference lies above 0 and the corrected p-value, if
    there are pairs enough for one, below .05. With it `strength found`, on how many tasks one kept
    the accuracy, and the mean `excess` and `agreement` there.
    """
    pairs = selection.differences(networks)
    clear = (pairs.low > 0) & ((pairs.p < 0.05) | pairs.p.isna())
    counts = clear.unstack("measure").loc[separate].groupby("penalty").sum()
    of_penalty = selection.summary(networks).loc[separate].groupby("penalty")
    counted = {"excess": "excess", "agreement": "ari", "specialisation": "specialisation"}
    return (
        pd.DataFrame(
            {
                "strength found": of_penalty.strength.count(),
                **{f"{name} rises": counts[measure] for name, measure in counted.items()},
                "mean excess": of_penalty.excess.mean(),
                "mean agreement": of_penalty.ari.mean(),
            }
        )
        .drop(index="none")
        .astype({f"{name} rises": int for name in counted})
    )


def costs(networks: pd.DataFrame) -> pd.DataFrame:
    """Return what the default costs: paired differences of accuracy to no penalty, in points."""
    rows = networks[(networks.role == "evaluation") & networks.task.isin(SEPARATE)]
    own = (rows.penalty == "walk_loops") & (rows.strength == DEFAULT)
    pairs = statistics.against_in_each(
        rows[own | (rows.penalty == "none")], ["task"], "walk_loops", "accuracy"
    )
    return statistics.in_points(pairs.droplevel("penalty"))


def claims(networks: pd.DataFrame, effects: pd.DataFrame) -> list[Claim | Together]:
    """Return what the chapter claims of the table of networks and of the benefits."""
    default = selection.summary_at(networks, "walk_loops", DEFAULT)
    summary = selection.summary(networks)
    pairs, to_own = (selection.differences(networks, p) for p in ("none", "walk_loops"))

    def beyond(penalty: str) -> pd.DataFrame:
        rows = to_own.xs((penalty, "share"), level=("penalty", "measure"))
        return rows.loc[rows.index.isin(SEPARATE)]

    def means(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
        columns = [measure, f"{measure}_low", f"{measure}_high"]
        return rows[columns].set_axis(["mean", "low", "high"], axis=1)

    def differ(penalty: str, measure: str, tasks: list[str]) -> pd.DataFrame:
        rows = pairs.xs((penalty, measure), level=("penalty", "measure"))
        return rows.loc[rows.index.isin(tasks)]

    def helps(names: list[str], rival: str, tasks: list[str] | None = None) -> pd.DataFrame:
        rows = effects.loc[names].xs(rival, level="penalty")
        return rows if tasks is None else rows[rows.index.get_level_values("task").isin(tasks)]

    found, cost, points = (
        asked(networks, SEPARATE),
        costs(networks),
        "difference in accuracy, points",
    )
    scored = summary.loc[[(t, p) for t in DIGITS for p in ("soft_modularity", "cut")]]
    meeting = ["retina_and", "retina_or", "retina_xor"]
    noise = ["noise on weights", "noise on inputs"]
    excess, agreement = "excess modularity", "agreement with the known modules (ARI)"
    return [
        Claim(
            "The printed loops hardly change the excess on any task with separate modules.",
            "difference to no penalty in excess", differ("loops", "excess", SEPARATE),
            between(-0.04, 0.04), "+.3f",
        ),
        Claim(
            "Walk loops raise the excess on all seven tasks with separate modules.",
            "difference to no penalty in excess", differ("walk_loops", "excess", SEPARATE),
            above(0), "+.2f",
        ),
        Claim(
            "One strength keeps nine tenths of the excess that tuning gives, on each of them.",
            "smallest share of the tuned excess", exact(found["of tuned"].min()), above(0.9), ".2f",
        ),
        Claim(
            "The lesion of a community hurts one sub-task alone on each of them.",
            "specialisation", means(default.loc[SEPARATE], "specialisation"), above(0.9), ".2f",
        ),
        together(Claim(
            "On six of them the default costs no accuracy.",
            points, cost.drop("formulas_independence"), not_below(0),
        ), Claim(
            "On two formulas it does.", points, cost.loc[["formulas_independence"]], below(0),
        )),
        Claim(
            "Of what is attainable they have more than L1, L2, connection costs and BIMT.",
            "difference to walk loops in share",
            pd.concat({p: beyond(p) for p in ("l1", "l2", "connection_cost", "bimt")}), below(0),
            "+.2f",
        ),
        Claim(
            "Without a penalty, too, communities agree in good part with the modules.",
            agreement, means(summary.xs("none", level="penalty").loc[SEPARATE], "ari"), above(0.6),
            ".2f",
        ),
        together(Claim(
            "On digits, the communities of soft modularity and the cut are others.",
            agreement, means(scored.dropna(subset="ari_low"), "ari"), below(0.6), ".2f",
        ), Claim(
            "L2 alone agrees with the digits, with less excess.",
            agreement, means(summary.xs("l2", level="penalty").loc[DIGITS], "ari"), above(0.9),
            ".2f",
        )),
        Claim(
            "Where one output combines the modules, walk loops have next to no excess.",
            excess, means(summary.xs("walk_loops", level="penalty").reindex(meeting), "excess"),
            below(0.12), ".2f",
        ),
        Claim(
            "At the default strength modular addition is not learned.",
            "accuracy", means(default.reindex(["modular_addition"]), "accuracy"), below(0.5), ".2f",
        ),
        together(Claim(
            "Under slow gradient descent networks with walk loops keep more of two digits than"
            " unpenalised ones and those with L2.",
            "difference in the share kept",
            pd.concat({p: helps(["kept, slow SGD"], p, ["two_digits"]) for p in ("none", "l2")}),
            above(0), "+.2f",
        ), Claim(
            "Under Adam they keep less than unpenalised ones.",
            "difference in the share kept", helps(["kept, slow Adam", "kept, fast Adam"], "none"),
            below(0), "+.2f",
        )),
        together(Claim(
            "They bear noise better than unpenalised networks on two and four digits.",
            "difference in accuracy over levels",
            helps(noise, "none", ["two_digits", "four_digits"]), above(0), "+.3f",
        ), Claim(
            "L2 bears it better still.", "difference in accuracy over levels",
            helps(noise, "l2", ["two_digits", "four_digits"]), below(0), "+.3f",
        )),
        together(Claim(
            "From 300 examples of four digits they learn more than the best of no penalty, dropout,"
            " L1 and L2.",
            "difference in accuracy", helps(["300 examples"], "best other"), above(0), "+.3f",
        ), Claim(
            "From 100 examples L1 learns more.",
            "difference in accuracy", helps(["100 examples"], "l1"), below(0), "+.3f",
        )),
        Claim(
            "Recurrent networks lose accuracy by them on each task.",
            "difference in accuracy", helps(["recall"], "none"), below(0), "+.6f",
        ),
    ]  # fmt: skip


def networks(read: Read = published_table) -> pd.DataFrame:
    """Return the published networks of all penalties, without those of other forms of a term."""
    table = read("networks")
    return table[table.penalty.isin(PENALTIES)]
