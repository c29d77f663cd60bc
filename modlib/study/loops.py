"""What the paper's penalty wants: what the page may be run with, and what it claims."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field, model_validator
from scipy.stats import spearmanr

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, Together, above, below, between, exact, together
from modlib.batch.names import TASK_NAMES
from modlib.study import theory
from modlib.study.descents import RANDOM

MEASURES = {"excess": 1, "validation_accuracy": 100}
"""What the penalty may change in trained networks, and the unit it is given in."""

Number = Annotated[int, Field(ge=1)]
Steps = Annotated[int, Field(ge=100, le=10_000)]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    widths: Annotated[list[Number], Field(min_length=3)]
    n_pairs: Number
    n_loops: Number
    n_networks: Number
    n_seeds: Number
    plain_steps: Steps
    weak: Annotated[float, Field(gt=0, lt=0.5)]
    strong: Annotated[float, Field(gt=0.5, le=1)]
    decay: Annotated[float, Field(ge=0.1, le=10)]
    blocks: Annotated[int, Field(ge=2)]
    steps: Steps
    tasks: Annotated[
        list[Literal[tuple(TASK_NAMES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]

    @model_validator(mode="after")
    def _blocks_divide(self) -> "Parameters":
        theory.block_chain(self.widths, self.blocks)
        return self


def changes(table: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Return what the printed penalty changes in trained networks, by measure, task and strength.

    Excess, and accuracy on validation examples in points, each minus that of the same network
    trained without it: means and intervals over the networks that chose strengths. `level` is
    the mean without the penalty.
    """
    table = table[(table.role == "selection") & table.task.isin(tasks)]
    found = []
    for measure, unit in MEASURES.items():
        values = unit * table.pivot(
            index=["task", "penalty", "strength"], columns="seed", values=measure
        )
        without = values.xs("none", level="penalty").droplevel("strength")
        printed = values.xs("loops", level="penalty")
        effect = statistics.intervals(printed.sub(without, level="task"))
        found.append(effect.assign(level=without.mean(axis=1).reindex(effect.index, level="task")))
    return pd.concat(found, keys=MEASURES, names=["measure"])


def _each(values: pd.Series) -> pd.DataFrame:
    """Return the `values` of a claim about every one of several networks."""
    return pd.DataFrame({"mean": values, "low": values, "high": values})


def of_edges(
    difference: float, shares: pd.DataFrame, growth: pd.DataFrame
) -> list[Claim | Together]:
    """Return what the page claims of single loops, and of the weights of untrained networks."""
    correlations = growth.groupby("network")[["size", "growth"]].apply(
        lambda rows: spearmanr(rows["size"], rows.growth).statistic
    )
    return [
        Claim(
            "The closed form is the definition, but for rounding.",
            "largest relative difference", exact(difference), below(1e-9), ".0e",
        ),
        Claim(
            "In every single loop of positive edges, the smaller an edge the faster it grows.",
            "least difference in share of growth from one edge to the next",
            exact(-shares.diff(axis=1).max().max()), above(0), ".1e",
        ),
        Claim(
            "In untrained networks larger weights grow faster.",
            "rank correlation of size and growth",
            statistics.intervals(correlations.to_frame().T), above(0), "+.2f",
        ),
    ]  # fmt: skip


def of_decays(norms: Mapping[str, pd.DataFrame], predicted: float) -> list[Claim | Together]:
    """Return what the page claims of the four kinds of decay."""
    none, weak, strong, fourth = norms.values()
    networks = "network {}".format
    ratio = "norm of the weights, relative to "

    def each(values: pd.Series) -> pd.DataFrame:
        return _each(values.rename(networks))

    return [
        Claim(
            "Without decay weights grow without bound.",
            f"{ratio}the start", each(none.iloc[-1] / none.iloc[0]), above(1000), ".3g",
        ),
        together(Claim(
            "With a weak decay of the second degree they shrink at first.",
            f"{ratio}the start", each(weak.min() / weak.iloc[0]), below(0.9), ".2f",
        ), Claim(
            "Then they grow.", f"{ratio}the least", each(weak.iloc[-1] / weak.min()), above(2),
            ".3g",
        )),
        Claim(
            "With a strong decay of the second degree they vanish.",
            f"{ratio}the start", each(strong.iloc[-1] / strong.iloc[0]), below(0.1), ".3f",
        ),
        Claim(
            "With that of the fourth degree they come to the norm that is predicted.",
            f"{ratio}the prediction", each(fourth.iloc[-1] / predicted), between(0.999, 1.001),
            ".5f",
        ),
    ]  # fmt: skip


def of_descents(history: pd.DataFrame, minimum: float, error: float) -> list[Claim | Together]:
    """Return what the page claims of descents on the penalty alone, and of separate modules."""
    by_network = history.set_index(["start", "network", "step"]).sort_index()
    first, last = (by_network.xs(end, level="step") for end in (0, history.step.max()))
    modular = first.index.get_level_values("start") != RANDOM
    return [
        Claim(
            "By itself the penalty comes to the minimum that is predicted, from all starts.",
            "penalty, relative to the prediction", _each(last.penalty / minimum),
            between(0.999, 1.001), ".5f",
        ),
        together(Claim(
            "There all weights of a layer have the size that is predicted.",
            "largest relative deviation", _each(last.deviation), below(0.01), ".0e",
        ), Claim(
            "All matrices are of rank one.", "effective rank, mean over layers",
            _each(last["rank"]), below(1.001), ".4f",
        )),
        together(Claim(
            "Networks that start from modules have a large excess.",
            "excess", _each(first.excess[modular]), above(0.2), "+.2f",
        ), Claim(
            "No excess is left at the end.", "excess", _each(last.excess), between(-1e-3, 1e-3),
            "+.0e",
        )),
        Claim(
            "K equal blocks reach 1 / K^2 of the minimum, and so does one of them alone.",
            "largest relative difference", exact(error), below(1e-9), ".0e",
        ),
    ]  # fmt: skip


def of_tasks(effect: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the penalty in trained networks."""
    excess, accuracy = (effect.loc[measure] for measure in MEASURES)
    modular = excess.level.idxmax()[0]
    strongest = excess.loc[[modular]].tail(1)
    dearest = accuracy.loc[accuracy.groupby("task")["mean"].idxmin()]
    return [
        Claim(
            "At no strength does it add more than a trace of modularity.",
            "change of excess", excess, below(0.05), "+.3f",
        ),
        Claim(
            "Where training alone makes most modules, it takes some away when strong.",
            "change of excess", strongest, below(0), "+.3f",
        ),
        Claim(
            "On every task there is a strength that costs accuracy.",
            "change of accuracy, points", dearest, below(0),
        ),
    ]  # fmt: skip
