"""The same networks by Newman's Q of the whole graph, and by that of layered networks.

Newman's Q expects edges between any two neurons, most of which a layered network cannot have.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Generator, Tensor

from modlib.agreement import agreement
from modlib.batch.storage import Trained
from modlib.graphs import neuron_graph, newman_q
from modlib.louvain import communities_of, largest_q
from modlib.modularity import modularity
from modlib.nulls import permuted


def whole_graph_table(trained: Trained, nulls: int, restarts: int) -> pd.DataFrame:
    """Return one row per network of a stack: both measures, and the agreement of their communities.

    `q`, `excess`, `share` and `ari` are those of `modularity`; `newman_q`, `newman_excess` and
    `newman_ari` those of the whole graph, searched by the Louvain method, over as many nulls.
    """
    chain, task = trained.chain, trained.task
    found = modularity(chain, nulls, restarts, trained.network.seeds)
    whole = [
        _of_one([W[n] for W in chain], nulls, restarts, seed)
        for n, seed in enumerate(trained.network.seeds)
    ]
    q, excess, communities = (np.array(column) for column in zip(*whole, strict=True))
    modules = task.input_modules, task.output_modules
    return pd.DataFrame(
        {
            "seed": trained.network.seeds,
            "q": found.q,
            "excess": found.excess,
            "share": found.share,
            "ari": agreement(found.communities, *modules),
            "newman_q": q,
            "newman_excess": excess,
            "newman_ari": agreement(communities, *modules),
        }
    )


def _of_one(
    chain: list[Float[Tensor, "_ _"]], nulls: int, restarts: int, seed: int
) -> tuple[float, float, np.ndarray]:
    """Return Newman's Q of a network's graph, its excess, and the communities."""
    generator = Generator().manual_seed(seed)
    graph = neuron_graph(chain)
    communities = communities_of(graph, restarts)
    q = newman_q(graph, communities)
    null_q = [largest_q(neuron_graph(permuted(chain, generator)), restarts) for _ in range(nulls)]
    return q, q - float(np.mean(null_q)), communities
