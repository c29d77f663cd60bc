"""Communities of any weighted graph, layered or not, by the Louvain method.

NetworKit, which has it, comes with an extra; importing it sets a style of matplotlib's.
"""

import numpy as np
from jaxtyping import Int
from scipy import sparse

from modlib import require_extra
from modlib.graphs import in_order_of_appearance, newman_q

require_extra("batch", "networkit")

import networkit as nk  # noqa: E402


def communities_of(adjacency: sparse.csr_array, restarts: int = 3) -> Int[np.ndarray, " n_neurons"]:
    """Return the partition of largest Q that a number of searches find.

    Source: Blondel et al. (2008), doi 10.1088/1742-5468/2008/10/P10008, with the refinement of
    Staudt & Meyerhenke (2016), doi 10.1109/TPDS.2015.2390633, as implemented in NetworKit.
    """
    edges, n = sparse.triu(adjacency).tocoo(), len(adjacency.indptr) - 1
    if not edges.data.any():
        return np.arange(n)
    # GraphFromCoo reads its arrays as 64-bit numbers, whatever they are
    ends = edges.row.astype(np.uint64), edges.col.astype(np.uint64)
    weights = edges.data.astype(np.float64) / edges.data.max()
    graph = nk.GraphFromCoo((weights, ends), n=n, weighted=True)
    threads = nk.getMaxNumberOfThreads()
    nk.setNumberOfThreads(1)
    found = []
    for restart in range(restarts):
        nk.setSeed(restart, useThreadId=False)
        search = nk.community.PLM(graph, refine=True, par="none randomized").run()
        found.append(in_order_of_appearance(search.getPartition().getVector()))
    nk.setNumberOfThreads(threads)
    return max(found, key=lambda communities: newman_q(adjacency, communities))


def largest_q(adjacency: sparse.csr_array, restarts: int = 3) -> float:
    """Return the largest Q that `communities_of` finds in a graph."""
    return newman_q(adjacency, communities_of(adjacency, restarts))
