"""Whether layered networks are modular: their Q, and that of the same weights wired otherwise."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from pydantic import AfterValidator, Field, model_validator

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, above, below, between, exact
from modlib.graphs import arrays_of, neuron_graph
from modlib.modularity.louvain import largest_q
from modlib.modularity.nulls import permuted
from modlib.study import runs
from modlib.study.wiring import (
    alternately_wired,
    initial_networks,
    randomly_wired,
)

Chain = Sequence[Float[np.ndarray, "_ _"]]
Depths = Annotated[
    list[Annotated[int, Field(ge=2)]], Field(min_length=1), AfterValidator(pages.distinct)
]
Number = Annotated[int, Field(ge=1)]

TRAINED = "two digits, trained"
"""What the networks are called that were trained for a little while, on two digits."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    n_networks: Number
    n_neurons: Number
    depths: Depths
    shapes: Annotated[
        list[Annotated[str, Field(pattern=r"^[1-9]\d*(-[1-9]\d*)+$")]],
        Field(min_length=1),
        AfterValidator(pages.distinct),
    ]
    n_trained: Number
    trained_steps: Number
    width: Annotated[int, Field(ge=8)]
    module_depths: Depths
    kept: Annotated[float, Field(ge=0.01, le=1)]
    map_depths: Depths
    side: Number
    kernel: Number
    n_convolutions: Number
    feature_maps: Annotated[list[Number], Field(min_length=1), AfterValidator(pages.distinct)]

    @model_validator(mode="after")
    def _fit(self) -> "Parameters":
        if any(self.n_neurons % depth for depth in self.depths):
            raise ValueError(f"depths need to divide n_neurons, {self.n_neurons}: {self.depths}")
        if self.kernel % 2 == 0 or self.kernel > self.side:
            raise ValueError(f"kernel needs to be odd and at most side, {self.side}: {self.kernel}")
        return self


def wiring_table(networks: Mapping[Hashable, Sequence[Chain]]) -> pd.DataFrame:
    """Return the largest Q of each network as it is, and of its weights wired otherwise.

    One row per network: `network`, what it is, and `copy`, which of its kind. As it is `layered`;
    the others are `within` (weights permuted within layers), `alternate` (see `alternately_wired`)
    and `random` (see `randomly_wired`).
    """
    rows = []
    for name, copies in networks.items():
        for copy, chain in enumerate(copies):
            rng, generator = np.random.default_rng(copy), torch.Generator().manual_seed(copy)
            tensors = [torch.as_tensor(W) for W in chain]
            graphs = {
                "layered": neuron_graph(chain),
                "within": neuron_graph(arrays_of(permuted(tensors, generator))),
                "alternate": alternately_wired(chain, rng),
                "random": randomly_wired(chain, rng),
            }
            q = {wiring: largest_q(graph) for wiring, graph in graphs.items()}
            rows.append({"network": name, "copy": copy, **q})
    return pd.DataFrame(rows)


def by_depth(
    n_neurons: int, depths: Sequence[int], seeds: Sequence[int]
) -> dict[str, pd.DataFrame]:
    """Return `wiring_table` of so many neurons in ever more layers of equal size.

    Once with all edges, and once with as few at every depth as where they are fewest.
    """
    shapes = {depth: [n_neurons // depth] * depth for depth in depths}
    few = min((depth - 1) * sizes[0] ** 2 for depth, sizes in shapes.items())
    kinds = {"all edges": None, f"{few} edges at every depth": few}
    return {
        kind: wiring_table({d: initial_networks(shapes[d], seeds, edges) for d in depths})
        for kind, edges in kinds.items()
    }


def means(table: pd.DataFrame, column: str, other: str | None = None) -> pd.DataFrame:
    """Return the mean of a column, or of it minus another, and its interval, by network."""
    values = table.assign(value=table[column] - (table[other] if other else 0))
    found = statistics.intervals(values.pivot(index="network", columns="copy", values="value"))
    return found.rename(lambda name: name if isinstance(name, str) else f"{name} layers")


def claims(
    depths: Mapping[str, pd.DataFrame],
    wirings: pd.DataFrame,
    modules: Mapping[str, pd.DataFrame],
    convolutions: pd.DataFrame,
) -> list[Claim]:
    """Return what the page claims of its tables."""
    every, few = depths.values()
    connected, sparse = modules.values()
    gain = means(wirings, "layered", "random").drop(index=TRAINED)
    n_layers = gain.index.str.count("-") + 1
    unequal = gain.index.map(lambda shape: len(set(shape.split("-"))) > 1)
    own = means(wirings, "layered", "within")

    def deeper(table: pd.DataFrame, column: str, other: str, least: int) -> pd.DataFrame:
        return means(table[table.network >= least], column, other)

    def kinds(kind: str, other: str) -> pd.DataFrame:
        by_kind = convolutions.set_index(["kind", "seed"])
        rows = statistics.intervals((by_kind.loc[kind] - by_kind.loc[other]).T)
        return rows.rename("hidden channels: {}".format)

    q, index = "difference in Q", "difference in adjusted Rand index"
    made = [
        Claim(
            "With at most one hidden layer, networks are less modular than the same weights wired"
            " at random.",
            q, gain[n_layers <= 3], below(0), "+.3f",
        ),
        Claim(
            "So are four layers of unequal size.", q, gain[(n_layers == 4) & unequal], below(0),
            "+.3f",
        ),
        Claim(
            "From four layers of equal size on, networks are more modular.",
            q, deeper(every, "layered", "random", 4), above(0), "+.3f",
        ),
        Claim(
            "With their number of edges held fixed, layers in order are more modular than odd"
            " layers joined to even ones at random, from four layers on.",
            q, deeper(few, "layered", "alternate", 4), above(0), "+.3f",
        ),
        Claim(
            "Leaving out the edges within layers lowers modularity.",
            q, means(few, "alternate", "random"), below(0), "+.3f",
        ),
        Claim(
            "Untrained networks are as modular as with their weights permuted within layers.",
            q, own.drop(index=TRAINED), between(-0.01, 0.01), "+.4f",
        ),
        Claim(
            "A little training on two digits does not change that.",
            q, own.loc[[TRAINED]], between(-0.02, 0.02), "+.4f",
        ),
        Claim(
            "With four fully connected layers, communities agree with pairs of layers better than"
            " with single layers.",
            index, means(connected[connected.network == 4], "pairs", "layers"), above(0), "+.2f",
        ),
        Claim(
            "In deeper ones they agree better with the best runs of layers than with pairs.",
            index, deeper(connected, "runs", "pairs", 5), above(0), "+.2f",
        ),
        Claim(
            "No other number of equal layers than four, from three to forty, has pairs as its best"
            " runs.",
            "numbers of layers", exact(len({*runs.depths_of_pairs(40)} - {4})), below(1), ".0f",
        ),
        Claim(
            "Communities may divide layers: they have a larger Q than the best runs.",
            q, means(connected, "q", "q_runs"), above(0), "+.3f",
        ),
        Claim(
            "In sparse networks communities agree little with pairs of layers.",
            "adjusted Rand index", means(sparse, "pairs"), below(0.5), ".2f",
        ),
        Claim(
            "Convolutions are more modular than fully connected layers of the same size.",
            q, kinds("local, shared", "fully connected"), above(0), "+.2f",
        ),
        Claim(
            "Locality is a reason.", q, kinds("local, shared", "not local, shared"), above(0.05),
            "+.2f",
        ),
        Claim(
            "Sharing the weights of local kernels does not raise modularity by more than a trace.",
            q, kinds("local, shared", "local, not shared"), below(0.01), "+.3f",
        ),
    ]  # fmt: skip
    return [claim for claim in made if not claim.values.empty]
