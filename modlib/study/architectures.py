"""Whether networks of other architectures are modular: the page `architectures`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, above, below, exact
from modlib.modularity import Modularity, modularity
from modlib.network import Network
from modlib.study.model_tasks import CASES
from modlib.study.models import train_model

MODULAR = 0.5
"""A network counts as modular if its share of the attainable excess is above this, and so, where
modules are known, is its agreement with them."""

KEPT = 0.01
"""A penalty keeps accuracy if it costs less than this."""

MEASURES = {"share": "share of the attainable excess", "ari": "agreement with the modules (ARI)"}

DEFAULT, STRONGER = 0.15, 0.5
"""The strengths of walk loops: their default, and another."""

Architecture = Literal["LeNet", "ResNet", "transformer", "transformer, two sums", "LSTM"]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[dict[Architecture, Annotated[float, Field(ge=0, le=10)]], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    steps: Annotated[int, Field(ge=1, le=20_000)] | None
    nulls: Annotated[int, Field(ge=2, le=1000)]


def trained(
    drawn: Mapping[str, float], seed: int, steps: int | None, nulls: int
) -> dict[str, tuple[Network, Modularity]]:
    """Train a network of each architecture with walk loops of some strength; measure it."""
    found = {}
    for architecture, strength in drawn.items():
        case = CASES[architecture]()
        trace, _ = train_model(case, "walk_loops", strength, seed, steps or case.steps)
        network = trace()
        found[architecture] = network, modularity(network, nulls, 2, seed)
    return found


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over the networks of each architecture, penalty and strength."""
    by = ["architecture", "penalty", "strength"]
    shown = ["accuracy", "q", "q_null_mean", "share", "strengths_excess", "communities", "ari"]
    found = table.groupby(by, sort=False)[shown].mean().reset_index("strength")
    return found.assign(strength=found.strength.map("{:g}".format))


def means(
    table: pd.DataFrame, penalty: str, strength: float | None, measure: str, of: Sequence[str]
) -> pd.DataFrame:
    """Return the mean of a measure and its interval, by architecture, at a strength or any."""
    rows = table[(table.penalty == penalty) & table.architecture.isin(of)]
    if strength is not None:
        rows = rows[rows.strength == strength]
    return statistics.means(rows, ["architecture"], measure)


def costs(table: pd.DataFrame, penalty: str, strength: float, of: Sequence[str]) -> pd.DataFrame:
    """Return what a penalty costs in accuracy against none, in pairs, by architecture."""
    own = table[(table.penalty == penalty) & (table.strength == strength)]
    own, none = (
        rows.pivot(index="architecture", columns="seed", values="accuracy").loc[[*of]]
        for rows in (own, table[table.penalty == "none"])
    )
    return statistics.intervals(none - own)[["mean", "low", "high"]]


def claims(table: pd.DataFrame, pretrained: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of its tables."""
    every = list(table.architecture.unique())
    others = [name for name in every if name != "ResNet"]
    share, ari, cost = *MEASURES.values(), "accuracy lost"
    at_default = ("walk_loops", DEFAULT)
    return [
        Claim(
            "Without a penalty none of these networks is modular.",
            share, means(table, "none", None, "share", every), below(MODULAR), ".2f",
        ),
        Claim(
            "With walk loops at their default the residual network is.",
            share, means(table, *at_default, "share", ["ResNet"]), above(MODULAR), ".2f",
        ),
        Claim(
            "Its communities are those of the two images.",
            ari, means(table, *at_default, "ari", ["ResNet"]), above(MODULAR), ".2f",
        ),
        Claim(
            "It keeps its accuracy.",
            cost, costs(table, *at_default, ["ResNet"]), below(KEPT), "+.3f",
        ),
        Claim(
            "The other architectures are not modular with the default.",
            share, means(table, *at_default, "share", others), below(MODULAR), ".2f",
        ),
        Claim(
            "LeNet and the transformer that adds once lose accuracy by it.",
            cost, costs(table, *at_default, ["LeNet", "transformer"]), above(KEPT), "+.3f",
        ),
        Claim(
            "The LSTM is modular with walk loops half a decade stronger.",
            share, means(table, "walk_loops", STRONGER, "share", ["LSTM"]), above(MODULAR), ".2f",
        ),
        Claim(
            "A detector of speech that others trained is not modular.",
            share, exact(pretrained.set_index("seed").share), below(MODULAR), ".2f",
        ),
    ]  # fmt: skip
