"""Modularity of layered networks beside that of the whole graph: at any depth, in any gauge."""

from collections.abc import Hashable, Mapping, Sequence
from numbers import Real
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import AfterValidator, Field
from sklearn.metrics import adjusted_rand_score, homogeneity_score

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, Together, above, below, between, exact, together
from modlib.graphs import neuron_graph, newman_q
from modlib.modularity.measure import modularity
from modlib.study import deep, whole_graph
from modlib.study.runs import best_runs
from modlib.study.whole_graph import newman

Chain = Sequence[Float[np.ndarray, "_ _"]]

SEARCHES = 3
"""So often the whole graph is searched, for the best of what is found."""

MEASURES = {
    "layered": "each matrix, its own sums",
    "whole": "whole graph (Newman)",
    "rescaled": "whole graph, rescaled",
}

FOUND = ("excess", "agreement", "homogeneity")
"""What either measure is asked for."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    n_networks: Annotated[int, Field(ge=1)]
    depths: Annotated[
        list[Annotated[int, Field(ge=1, le=30)]],
        Field(min_length=1),
        AfterValidator(pages.distinct),
    ]
    width: Annotated[int, Field(ge=4, le=200)]
    ratio: Annotated[float, Field(ge=1, le=1000)]
    spreads: Annotated[
        list[Annotated[float, Field(gt=0, le=5)]],
        Field(min_length=1),
        AfterValidator(pages.distinct),
    ]
    nulls: Annotated[int, Field(ge=2, le=1000)]
    task: Literal["planted_0", "two_digits", "four_digits"]


def planted(depth: int, width: int, ratio: float, seed: int) -> list[Float[np.ndarray, "_ _"]]:
    """Return random weights, those within either half of all layers `ratio` times as large."""
    rng, module = np.random.default_rng(seed), np.arange(width) // (width / 2)
    same = np.where(module[:, None] == module, ratio, 1.0)
    return [np.abs(rng.standard_normal((width, width))) * same for _ in range(depth)]


def rescaled(width: int, spread: float, seed: int) -> list[Float[np.ndarray, "_ _"]]:
    """Return random W and V, the weights into each hidden neuron times what those out of it lose.

    The factors are log-normal. Where neurons are rectified, the function stays as it was.
    """
    rng = np.random.default_rng(seed)
    W, V = rng.standard_normal((2, width, width))
    factors = np.exp(spread * rng.standard_normal(width))
    return [W * factors, V / factors[:, None]]


def both(networks: Mapping[Hashable, Sequence[Chain]], nulls: int) -> dict[str, pd.DataFrame]:
    """Return what either measure says of networks: `excess`, `agreement` and `homogeneity`.

    Of each a table of one row per network: `network`, what it is; `copy`, which of its kind; and a
    column for each of `MEASURES`, the last of neurons through which as much enters as leaves. The
    agreement is with the two halves of each layer, of all neurons; communities are homogeneous
    where each lies in one half, however many there are.
    """
    rows = []
    for name, copies in networks.items():
        for copy, chain in enumerate(copies):
            sizes = [len(chain[0]), *(W.shape[1] for W in chain)]
            halves = np.concatenate([np.arange(n) // (n / 2) for n in sizes])
            even = whole_graph.rescaled([W[None] for W in chain])
            found = {
                "layered": modularity(chain, nulls, seed=copy),
                "whole": newman(chain, nulls, SEARCHES, copy),
                "rescaled": newman([W[0] for W in even], nulls, SEARCHES, copy),
            }
            for measure, one in found.items():
                alike = (
                    # rounded, so that equal networks differ in no last digit
                    round(float(score(halves, one.communities)), 9)
                    for score in (adjusted_rand_score, homogeneity_score)
                )
                rows.append((name, copy, measure, float(one.excess), *alike))
    table = pd.DataFrame(rows, columns=["network", "copy", "measure", *FOUND])
    return {
        value: table.pivot(index=["network", "copy"], columns="measure", values=value).reset_index()
        for value in FOUND
    }


def constant(depths: Sequence[int], width: int) -> pd.DataFrame:
    """Return, for equal weights of so many matrices, the Q of the best runs of whole layers."""
    chains = {depth: [np.ones((width, width))] * depth for depth in depths}
    q = {depth: newman_q(neuron_graph(c), best_runs(c)) for depth, c in chains.items()}
    rows = pd.Series(q, name="Newman's Q, runs of layers").rename_axis("matrices").to_frame()
    rows["Q of layered networks"] = [float(modularity(c, 2).q) for c in chains.values()]
    return rows


def deepest(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over the deepest trained networks that learned, and how many did.

    One row per task and penalty, of networks whose weights start with variance 1 / n; `learned` is
    a share, and `learned, usual start` that of the others.
    """
    starts = (deep.from_start(table[table.depth == table.depth.max()], s) for s in deep.STARTS)
    usual, found = (rows.groupby(["task", "penalty"], sort=False) for rows in starts)
    columns = ["learned", "share", "within", "assortativity", "through", "ari", "newman_ari"]
    means = found[columns].mean()
    means.insert(1, "learned, usual start", usual.learned.mean())
    names = {"assortativity": "least assortativity", "ari": "agreement", "within": "weight within"}
    return means.rename(columns=names | {"newman_ari": "agreement, whole graph"})


def means(table: pd.DataFrame, column: str, of: Real) -> pd.DataFrame:
    """Return the mean of a measure in networks of one kind, and its interval."""
    values = table[table.network == of].set_index("copy")[column]
    return statistics.intervals(values.to_frame(of).T)


def claims(
    by_depth: Mapping[str, pd.DataFrame],
    by_spread: Mapping[str, pd.DataFrame],
    equal: pd.DataFrame,
    measured: pd.DataFrame,
    trained: pd.DataFrame,
) -> list[Claim | Together]:
    """Return what the page claims of its tables."""
    excess, agree, alike = by_depth.values()
    deepest, shallowest = excess.network.max(), excess.network.min()
    widest = by_spread["excess"].network.max()
    layered = excess.pivot(index="network", columns="copy", values="layered")
    change = statistics.intervals(layered.loc[[deepest]] - layered.loc[shallowest])
    ari, q = "adjusted Rand index", "excess"
    return [
        together(Claim(
            "At the largest depth the communities are the two modules.",
            ari, means(agree, "layered", deepest), above(0.95), ".2f",
        ), Claim(
            "Those of the whole graph are not.", ari, means(agree, "whole", deepest), below(0.5),
            ".2f",
        )),
        together(Claim(
            "At the smallest depth those of the whole graph lie within the modules.",
            "homogeneity", means(alike, "whole", shallowest), above(0.95), ".2f",
        ), Claim(
            "At the largest they mix them.",
            "homogeneity", means(alike, "whole", deepest), below(0.5), ".2f",
        )),
        together(Claim(
            "The excess does not fall with depth.", f"difference in {q}", change, above(-0.01),
            "+.3f",
        ), Claim(
            "That of the whole graph is next to nothing then.",
            q, means(excess, "whole", deepest), below(0.02), ".3f",
        )),
        together(Claim(
            "Random normal weights have no excess, however their neurons are rescaled.",
            q, means(by_spread["excess"], "layered", widest), between(-0.02, 0.02), "+.3f",
        ), Claim(
            "By the whole graph they have.", q, means(by_spread["excess"], "whole", widest),
            above(0.05), "+.3f",
        ), Claim(
            "Rescaled back, they have none by the whole graph, either.",
            q, means(by_spread["excess"], "rescaled", widest), between(-0.02, 0.02), "+.3f",
        )),
        Claim(
            "Equal weights have no modularity at any depth.",
            "largest Q", exact(equal["Q of layered networks"].abs().max()), below(1e-9), ".3f",
        ),
        *whole_graph.claims(measured),
        *deep.claims(trained),
    ]  # fmt: skip
