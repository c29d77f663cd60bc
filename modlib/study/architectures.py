"""Whether networks of other architectures are modular: the page `architectures`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from modlib.batch import pages, statistics
from modlib.batch.claims import UNDECIDED, Claim, Together, above, below, exact, together
from modlib.batch.names import PENALTY_NAMES
from modlib.modularity.measure import Modularity, modularity
from modlib.network.connections import Network
from modlib.penalties import PENALTIES
from modlib.study.model_tasks import CASES
from modlib.study.models import OF_NETWORKS, train_model

MODULAR = 0.5
"""A network counts as modular if its share of the attainable excess is above this, and so, where
modules are known, is its agreement with them."""

KEPT = 0.01
"""A penalty keeps accuracy if it costs less than this."""

NAMES = {"q": "Q", "q_null_mean": "Q of nulls", "ari": "agreement (ARI)"}
"""What tables call the measures that have short names in code."""

SUMS = ["transformer, two sums"]
"""The transformer whose task has modules that are known."""

MEASURES = {"share": "share of the attainable excess", "ari": "agreement with the modules (ARI)"}

DEFAULT = PENALTIES["walk_loops"].strength
"""The strength of walk loops that is meant unless another is named."""

Architecture = Literal["LeNet", "ResNet", "transformer", "transformer, two sums", "LSTM"]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[dict[Architecture, Literal[OF_NETWORKS]], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    steps: Annotated[int, Field(ge=1, le=20_000)] | None
    nulls: Annotated[int, Field(ge=2, le=1000)]


def trained(
    drawn: Mapping[str, str], seed: int, steps: int | None, nulls: int
) -> dict[str, tuple[Network, Modularity]]:
    """Train a network of each architecture with a penalty at its default strength; measure it."""
    found = {}
    for architecture, penalty in drawn.items():
        case, strength = CASES[architecture](), PENALTIES[penalty].strength
        trace, _ = train_model(case, penalty, strength, seed, steps or case.steps)
        network = trace()
        name = f"{architecture}, {PENALTY_NAMES[penalty]}"
        found[name] = network, modularity(network, nulls, 2, seed)
    return found


def is_modular(table: pd.DataFrame) -> pd.Series:
    """Return which networks count as modular."""
    return (table.share > MODULAR) & ((table.ari > MODULAR) | table.ari.isna())


def stronger(table: pd.DataFrame) -> pd.DataFrame:
    """Return the networks with walk loops above their default strength."""
    return table[(table.penalty == "walk_loops") & (table.strength > DEFAULT)]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over the networks of each architecture and penalty, but for `stronger` ones.

    `modular` is the share of them that count as modular.
    """
    by = ["architecture", "penalty", "strength"]
    shown = ["accuracy", "q", "q_null_mean", "share", "strengths_excess", "ari", "modular"]
    table = table.drop(stronger(table).index)
    table = table.assign(modular=is_modular(table).astype(float))
    found = table.groupby(by, sort=False)[shown].mean().reset_index("strength")
    return found.assign(strength=found.strength.map("{:g}".format)).rename(columns=NAMES)


def of_each(table: pd.DataFrame, penalty: str, measure: str, of: Sequence[str]) -> pd.DataFrame:
    """Return a measure of each network, a row per architecture and a column per seed.

    Of walk loops those at their default strength are meant.
    """
    rows = table[(table.penalty == penalty) & table.architecture.isin(of)]
    if penalty == "walk_loops":
        rows = rows[rows.strength == DEFAULT]
    return rows.pivot(index="architecture", columns="seed", values=measure).loc[[*of]]


def means(values: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each row and its interval."""
    return statistics.intervals(values)[["mean", "low", "high"]]


def claims(table: pd.DataFrame, pretrained: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of its tables."""
    every, divided = list(table.architecture.unique()), ["ResNet", "LSTM"]
    others = [name for name in every if name not in divided]
    share, ari, cost = *MEASURES.values(), "accuracy lost"

    def lost(penalty: str, of: Sequence[str]) -> pd.DataFrame:
        none, own = (of_each(table, p, "accuracy", of) for p in ("none", penalty))
        return means(none - own)

    own, none, l1 = (of_each(table, p, "share", divided) for p in ("walk_loops", "none", "l1"))
    penalised = table[table.architecture.isin(divided) & (table.penalty == "walk_loops")]
    penalised = penalised[penalised.strength == DEFAULT]
    agreements = {
        p: means(of_each(table, p, "ari", ["ResNet"])) for p in ("none", "l1", "walk_loops")
    }
    return [
        Claim(
            "Without a penalty none of these networks is modular.",
            share, means(of_each(table, "none", "share", every)), below(MODULAR), ".2f",
        ),
        Claim(
            "Walk loops at their default raise the share in the residual network and the LSTM.",
            f"difference in {share}", means(own - none), above(0), "+.2f",
        ),
        Claim(
            "Less than half of these come to be modular.",
            "share of the networks", exact(is_modular(penalised).mean()), below(0.5), ".2f",
        ),
        Claim(
            "They keep their accuracy.", cost, lost("walk_loops", divided), below(KEPT), "+.3f"
        ),
        Claim(
            "In the residual network they raise it more than L1 does.",
            f"difference in {share}", means(own - l1).loc[["ResNet"]], above(0), "+.2f",
        ),
        Claim(
            "In the LSTM that is not decided.",
            f"difference in {share}", means(own - l1).loc[["LSTM"]], UNDECIDED, "+.2f",
        ),
        Claim(
            "The residual network's communities are those of its two images, with a penalty and"
            " without.",
            ari, pd.concat(agreements), above(MODULAR), ".2f",
        ),
        Claim(
            "LeNet and transformers are not modular with walk loops at their default.",
            share, means(of_each(table, "walk_loops", "share", others)), below(MODULAR), ".2f",
        ),
        Claim(
            "LeNet and the transformer that adds once lose accuracy by them.",
            cost, lost("walk_loops", ["LeNet", "transformer"]), above(KEPT), "+.3f",
        ),
        together(Claim(
            "As steps of their own walk loops at their default divide LeNet.",
            share, means(of_each(table, "walk_loop_steps", "share", ["LeNet"])), above(MODULAR),
            ".2f",
        ), Claim(
            "Its communities are those of the two images.",
            ari, means(of_each(table, "walk_loop_steps", "ari", ["LeNet"])), above(MODULAR), ".2f",
        )),
        Claim(
            "They divide none of the others.",
            share,
            means(of_each(table, "walk_loop_steps", "share", [n for n in every if n != "LeNet"])),
            below(MODULAR), ".2f",
        ),
        Claim(
            "They keep the accuracy of all.", cost, lost("walk_loop_steps", every), below(KEPT),
            "+.3f",
        ),
        Claim(
            "On two sums walk loops in the loss raise the agreement, and the share stays low.",
            "difference in agreement (ARI)",
            means(of_each(table, "walk_loops", "ari", SUMS) - of_each(table, "none", "ari", SUMS)),
            above(0), "+.2f",
        ),
        Claim(
            "A detector of speech that others trained is not modular.",
            share, exact(pretrained.set_index("seed").share), below(MODULAR), ".2f",
        ),
    ]  # fmt: skip
