"""The same networks by Newman's Q of the whole graph, and by that of layered networks.

Newman's Q expects edges between any two neurons, most of which a layered network cannot have.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.agreement import agreement
from modlib.batch.storage import Trained
from modlib.graphs import neuron_graph, newman_q
from modlib.louvain import communities_of, largest_q
from modlib.modularity import modularity
from modlib.nulls import permuted


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


def whole_graph_table(trained: Trained, nulls: int, restarts: int) -> pd.DataFrame:
    """Return one row per network of a stack: both measures, and the agreement of their communities.

    `q`, `excess`, `share` and `ari` are those of `modularity`; `newman_q`, `newman_excess` and
    `newman_ari` those of the whole graph, over as many nulls.
    """
    task, seeds = trained.task, trained.network.seeds
    found = modularity(trained.chain, nulls, restarts, seeds)
    whole = [
        newman([W[n] for W in trained.chain], nulls, restarts, seed) for n, seed in enumerate(seeds)
    ]
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
        }
    )
