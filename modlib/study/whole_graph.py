"""The same networks by Newman's Q of the whole graph, and by that of layered networks.

Newman's Q expects edges between any two neurons, most of which a layered network cannot have. It is
taken of weights as they are, as others take it, and of rescaled neurons, as the other measure takes
them: so that what the null does is told from what the rescaling does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.batch import statistics
from modlib.batch.claims import Claim, Together, above, below, not_below, together
from modlib.batch.storage import Trained
from modlib.graphs import neuron_graph, newman_q
from modlib.modularity.agreement import agreement
from modlib.modularity.gauge import balanced, chained
from modlib.modularity.louvain import communities_of, largest_q
from modlib.modularity.measure import modularity
from modlib.modularity.nulls import permuted

EITHER = {
    "share": "share of the attainable excess",
    "ari": "agreement",
    "newman_excess": "excess, whole graph",
    "newman_ari": "agreement, whole graph",
    "rescaled_excess": "excess, whole graph, rescaled",
    "rescaled_ari": "agreement, whole graph, rescaled",
}
"""What is compared of the same networks by either measure, and what it is called."""

DIGITS = ("two_digits", "four_digits")


class WholeGraph(NamedTuple):
    """Newman's modularity of one network, its excess over permuted nulls, and the communities."""

    q: float
    excess: float
    communities: Int[np.ndarray, " n_neurons"]


def newman(
    chain: Sequence[Float[Tensor | np.ndarray, "_ _"]], nulls: int, restarts: int, seed: int
) -> WholeGraph:
    """Measure one network's graph of neurons, searched by the Louvain method."""
    weights, generator = [torch.as_tensor(W).detach().abs() for W in chain], torch.Generator()
    generator.manual_seed(seed)
    graph, *null_graphs = (
        neuron_graph([W.numpy() for W in matrices])
        for matrices in [weights, *(permuted(weights, generator) for _ in range(nulls))]
    )
    communities = communities_of(graph, restarts)
    null_q = [largest_q(one, restarts) for one in null_graphs]
    q = newman_q(graph, communities)
    return WholeGraph(q, q - float(np.mean(null_q)), communities)


def rescaled(
    chain: Sequence[Float[Tensor | np.ndarray, "n_stack _ _"]],
) -> list[Float[Tensor, "n_stack _ _"]]:
    """Return absolute weights with as much entering each hidden neuron as leaves it.

    Each matrix has the sum 1, unless all its weights are zero.
    """
    even = balanced([torch.as_tensor(W).double().abs() for W in chain], chained(len(chain)))
    totals = [W.sum((-2, -1), keepdim=True) for W in even]
    return [W / total.where(total > 0, 1.0) for W, total in zip(even, totals, strict=True)]


def whole_graph_table(trained: Trained, nulls: int, restarts: int) -> pd.DataFrame:
    """Return one row per network of a stack: both measures, and the agreement of their communities.

    `q`, `excess`, `share` and `ari` are those of `modularity`; `newman_q`, `newman_excess` and
    `newman_ari` those of the whole graph, over as many nulls; `rescaled_excess` and `rescaled_ari`
    the same of rescaled neurons.
    """
    task, seeds, chain = trained.task, trained.network.seeds, trained.chain
    found = modularity(chain, nulls, restarts, seeds)
    whole, even = (
        [newman([W[n] for W in each], nulls, restarts, seed) for n, seed in enumerate(seeds)]
        for each in (chain, rescaled(chain))
    )
    modules = task.input_modules, task.output_modules
    return pd.DataFrame(
        {
            "seed": seeds,
            "q": found.q,
            "excess": found.excess,
            "share": found.share,
            "ari": agreement(found.communities, *modules),
            "newman_q": [one.q for one in whole],
            "newman_excess": [one.excess for one in whole],
            "newman_ari": agreement(np.stack([one.communities for one in whole]), *modules),
            "rescaled_excess": [one.excess for one in even],
            "rescaled_ari": agreement(np.stack([one.communities for one in even]), *modules),
        }
    )


def either(table: pd.DataFrame) -> pd.DataFrame:
    """Return what either measure says of each penalty's networks, by task and penalty.

    For each of `EITHER` the mean, and with `_low` and `_high` the ends of its interval.
    """
    found = pd.DataFrame()
    for measure in EITHER:
        ends = statistics.means(table, ["task", "penalty"], measure)
        found[[measure, f"{measure}_low", f"{measure}_high"]] = ends
    return found


def places(found: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return the means of `either` on one task, the largest share first.

    With them the place of each penalty by the share, and by the excess of the whole graph.
    """
    means = found.loc[task, list(EITHER)].sort_values("share", ascending=False)
    return means.assign(
        **{
            "place by share": means.share.rank(ascending=False, method="min").astype(int),
            "place by whole graph": means.newman_excess.rank(ascending=False, method="min").astype(
                int
            ),
        }
    ).rename(columns=EITHER)


def values(measured: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure of the same networks, one row per task and penalty, one column per seed."""
    return measured.pivot(index=["task", "penalty"], columns="seed", values=measure)


def of_penalties(measured: pd.DataFrame, measure: str, penalties: Sequence[str]) -> pd.DataFrame:
    """Return, with intervals, a measure of some penalties on each task."""
    return statistics.intervals(values(measured, measure).query("penalty in @penalties"))


def beyond_l1(measured: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return, with intervals, what soft modularity has less what L1 has, on each task."""
    of = values(measured, measure).unstack("task")
    return statistics.intervals((of.loc["soft_modularity"] - of.loc["l1"]).unstack("seed"))


def gained(measured: pd.DataFrame, least: float = -1) -> pd.DataFrame:
    """Return, with intervals, the agreement with known modules less that of the whole graph's.

    Of those penalties and tasks where one of the two is, on the mean, at least so large.
    """
    layered, whole = values(measured, "ari"), values(measured, "newman_ari")
    larger = np.maximum(layered.mean(axis=1), whole.mean(axis=1))
    return statistics.intervals((layered - whole)[larger >= least])


def claims(measured: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page `depth` claims of the table."""
    by_scale = measured.assign(scale=measured.newman_excess - measured.rescaled_excess)
    lead = statistics.against_in_each(measured, ["task"], "walk_loops", "newman_excess")
    return [
        together(Claim(
            "By the whole graph of weights as they are soft modularity has more excess than L1 on"
            " each of these tasks.",
            "difference in excess", beyond_l1(measured, "newman_excess"), above(0), "+.2f",
        ), Claim(
            "With neurons rescaled its lead is smaller, or none.",
            "what rescaling takes from the difference in excess", beyond_l1(by_scale, "scale"),
            above(0), "+.2f",
        ), Claim(
            "Of what is attainable for layered networks it has a smaller share than L1.",
            "difference of shares", beyond_l1(measured, "share"), below(0), "+.2f",
        )),
        Claim(
            "Walk loops, learned places and hard-wired modules have nearly all of it.",
            "share",
            of_penalties(measured, "share", ["walk_loops", "learned_places", "hard_wired"]),
            above(0.95), ".2f",
        ),
        Claim(
            "By the whole graph's excess, too, walk loops lead all that are not told the modules.",
            "difference in excess", lead.drop("hard_wired", level="penalty"), above(0), "+.2f",
        ),
        together(Claim(
            "Without a penalty, communities agree more with the digits than the whole graph's.",
            "difference in agreement (ARI)",
            gained(measured).loc[[(task, "none") for task in DIGITS]], above(0.1), "+.2f",
        ), Claim(
            "Where either measure agrees by more than a half, the layered one agrees as well.",
            "difference in agreement (ARI)", gained(measured, least=0.5), not_below(-1e-6), "+.2f",
        )),
    ]  # fmt: skip
