"""Memory and criticality of networks whose modules are given, and of recurrent ones that learn.

From the tables `reservoirs` and `recurrent`. The best share of connections between communities is
chosen on networks of even seeds and judged on those of odd ones.
"""

from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Num
from pydantic import Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import (
    UNDECIDED,
    Claim,
    Together,
    above,
    below,
    between,
    exact,
    not_above,
    together,
)
from modlib.study import avalanches, reservoirs

KINDS = {"separate": 0.0, "modular": 0.05, "mixed": 0.9}
"""Shares of connections between communities, by name. Mixed is what chance gives."""

INTO = {
    "half": "one stream, to half",
    "all": "one stream, to all",
    "two": "two streams, a half each",
}
"""Which communities hear the input, and what that is called."""

MODELS = {"tanh": "tanh, spectral radius", "threshold": "threshold-like, threshold"}
RATIOS = (0.9, 1.0, 1.1)


class Parameters(pages.Parameters):
    """What the page may be run with."""

    model: Literal["tanh", "threshold"]
    drawn: int = Field(ge=1, le=100)
    times: int = Field(ge=1_000, le=100_000)


def reservoir_panels(table: pd.DataFrame, model: str) -> dict[str, pd.DataFrame]:
    """Return the memory capacities of one kind of reservoir, by the way in for the input."""
    rows = table[(table.measure == "capacity") & (table.model == model)]
    return {f"{name}\n{MODELS[model]}": rows[rows["into"] == way] for way, name in INTO.items()}


def avalanche_sizes(drawn: int, times: int) -> dict[str, dict[str, Num[np.ndarray, " n"]]]:
    """Return the sizes of avalanches of some networks of each kind together, by ratio."""
    sizes = {f"ratio {ratio:g}": {} for ratio in RATIOS}
    for ratio, (kind, share) in product(RATIOS, KINDS.items()):
        active = reservoirs.activity(list(range(drawn)), share, ratio, times)
        of_each = [avalanches.avalanche_sizes(network) for network in active]
        sizes[f"ratio {ratio:g}"][kind] = np.concatenate(of_each)
    return sizes


def by_share(
    table: pd.DataFrame, model: str, into: str, level: float | int, measure: str = "capacity"
) -> pd.DataFrame:
    """Return a measure of one kind of network: a row for each, a column for each share."""
    rows = table[(table.model == model) & (table["into"] == into) & (table.measure == measure)]
    return rows[rows["level"] == level].pivot(index="seed", columns="between", values="value")


def at_best(wide: pd.DataFrame, less: float) -> pd.Series:
    """Return by how much a measure at the best share exceeds that at another, with its interval."""
    odd = wide.index % 2 == 1
    best = wide[~odd].mean().idxmax()
    return statistics.mean_interval((wide[best] - wide[less])[odd])


def edge_of_chaos(table: pd.DataFrame) -> pd.DataFrame:
    """Return `lyapunov` and `information` of each network, with its `between` and `level`."""
    rows = table[table.model == "edge"]
    index = ["between", "level", "seed"]
    return rows.pivot_table("value", index, "measure").reset_index()


def peaks(edge: pd.DataFrame) -> pd.DataFrame:
    """Return, by kind of network, where most information is transmitted, against the edge.

    `radius`, best on even seeds; on odd ones the mean `exponent` there, the `bits`, and by how many
    they exceed those where a network's exponent passes 0: `mean`, `low`, `high`.
    """

    def at_nought(network: pd.DataFrame) -> float:
        network = network.sort_values("lyapunov")
        return float(np.interp(0.0, network.lyapunov, network.information))

    rows = {}
    odd = edge.seed % 2 == 1
    for kind, share in KINDS.items():
        own = edge.between == share
        radius = edge[own & ~odd].groupby("level").information.mean().idxmax()
        judged = edge[own & odd]
        there = judged[judged["level"] == radius].set_index("seed")
        nought = judged.groupby("seed")[["lyapunov", "information"]].apply(at_nought)
        rows[kind] = {
            "radius": radius,
            "exponent": there.lyapunov.mean(),
            "bits": there.information.mean(),
            **statistics.mean_interval(there.information - nought),
        }
    return pd.DataFrame(rows).T.rename_axis("communities")


def judged(recurrent: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluation networks at their chosen strength, with what `order` does.

    That is the branching ratio along learned weights less that along the same in random order.
    """
    rows = selection.judged(recurrent).sort_values(["task", "seed"], ascending=[False, True])
    return rows.assign(order=rows.branching - rows.branching_permuted)


def claims(table: pd.DataFrame, recurrent: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the tables of reservoirs and of recurrent networks."""
    networks = judged(recurrent)
    edge = peaks(edge_of_chaos(table))

    def at_each(model: str, into: str, less: float, levels: tuple) -> pd.DataFrame:
        rows = {level: at_best(by_share(table, model, into, level), less) for level in levels}
        return pd.DataFrame(rows).T.rename_axis(MODELS[model].split(", ")[-1])

    def apart(model: str, into: str, level: float, measure: str, sign: int = 1) -> pd.DataFrame:
        wide = by_share(table, model, into, level, measure)
        pairs = sign * (wide[wide.columns.min()] - wide[wide.columns.max()])
        return statistics.mean_interval(pairs).to_frame().T

    def gains(measure: str, tasks: list[str], rival: str = "none") -> pd.DataFrame:
        rows = networks[networks.task.isin(tasks)]
        pairs = statistics.against_in_each(rows, ["task"], "walk_loops", measure)
        return pairs.xs(rival, level="penalty")

    tasks = ["short recall", "long recall", "n-back"]
    pooled = table[(table.measure == "avalanches_exponent") & (table["level"] == 1.0)]
    pooled = pooled.groupby("between").value.mean().rename_axis("share between communities")
    free = networks[(networks.penalty == "none") & (networks.task == "n-back")]
    order = networks.groupby(["task", "penalty"]).order.mean()
    less = "difference in memory capacity"
    return [
        together(Claim(
            "A tanh reservoir whose input enters half of its communities remembers more at a share"
            " in between than mixed ones.",
            less, at_each("tanh", "half", 0.9, (0.8, 0.95, 1.1)), above(0),
        ), Claim(
            "So does a threshold-like one.",
            less, at_each("threshold", "half", 0.9, (0.45, 0.5)), above(0),
        )),
        Claim(
            "Two streams are remembered better by tanh reservoirs whose communities are separate.",
            less, apart("tanh", "two", 1.1, "capacity"), above(0),
        ),
        Claim(
            "Where the input enters everywhere no difference can be told at the smallest radius.",
            less, apart("tanh", "all", 0.8, "capacity"), UNDECIDED,
        ),
        together(Claim(
            "A nonlinear task gains from separate communities at a large radius.",
            "difference in squared correlation",
            apart("tanh", "all", 1.1, "narma"), above(0), ".3f",
        ), Claim(
            "It loses at a small one.",
            "difference in squared correlation",
            apart("tanh", "all", 0.8, "narma"), below(0), ".3f",
        )),
        Claim(
            "Separate clusters of noisy neurons hold a pattern longer.",
            "difference in agreement, temperature 5", apart("clusters", "all", 5.0, "held"),
            above(0), ".2f",
        ),
        Claim(
            "Walk loops cost recurrent networks accuracy on each task.",
            "difference in accuracy", gains("accuracy", tasks), below(0), "+.4f",
        ),
        together(Claim(
            "They raise the memory capacity no higher than pruning does.",
            less, gains("capacity", tasks, "pruned"), not_above(0), "+.2f",
        ), Claim(
            "On short recall and n-back they raise it above that of unpenalised networks.",
            less, gains("capacity", [tasks[0], tasks[2]]), above(0), "+.2f",
        )),
        Claim(
            "They nowhere bring communities clearly nearer to the streams.",
            "difference in agreement (ARI)", gains("ari", tasks), not_above(0), "+.3f",
        ),
        Claim(
            "n-back divides networks by itself.",
            "excess modularity without a penalty",
            statistics.mean_interval(free.excess).to_frame().T, above(0.1), ".2f",
        ),
        Claim(
            "At a ratio of 1 avalanches have exponents near 3/2 at all shares.",
            "exponent",
            exact(pooled), between(1.4, 1.6), ".2f",
        ),
        together(Claim(
            "Modules contain activity: at a ratio of 1.1 fewer neurons are active in separate"
            " communities than in mixed networks.",
            "difference in the share of active neurons",
            apart("spreading", "all", 1.1, "activity", -1), above(0), ".2f",
        ), Claim(
            "They lower the branching ratio at a ratio of 1.",
            "difference of mixed to separate", apart("spreading", "all", 1.0, "branching", -1),
            above(0), ".2f",
        )),
        Claim(
            "Reservoirs transmit most information on the orderly side of the edge of chaos.",
            "bits more than at the edge", edge, above(0),
        ),
        together(Claim(
            "All recurrent networks that learned are orderly.",
            "largest mean Lyapunov exponent",
            exact(networks.groupby(["task", "penalty"]).lyapunov.mean().max()), below(0), ".2f",
        ), Claim(
            "Activity spreads less far along learned weights than along the same in random order.",
            "largest mean difference in the branching ratio", exact(order.max()), below(0), ".3f",
        )),
        together(Claim(
            "With walk loops more of the streams' past is transmitted than without a penalty on"
            " short recall and n-back.",
            "difference in bits", gains("information", [tasks[0], tasks[2]]), above(0), ".2f",
        ), Claim(
            "On long recall less is.",
            "difference in bits", gains("information", [tasks[1]]), below(0), ".2f",
        )),
    ]  # fmt: skip
