"""The search for communities against known ones, an exhaustive search, and another library."""

from itertools import product

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from modlib.graphs import neuron_graph, newman_q
from modlib.modularity.louvain import communities_of, largest_q
from modlib.study.convolutions import unrolled, window


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_the_best_of_all_partitions_of_seven_nodes(seed):
    W = np.triu(np.random.default_rng(seed).uniform(size=(7, 7)) ** 3, 1)
    graph = sparse.csr_array(W + W.T)
    every = {
        newman_q(graph, np.array(labels))
        for labels in product(*(range(min(place + 1, 4)) for place in range(7)))
    }
    found = communities_of(graph, restarts=10)
    assert newman_q(graph, found) == pytest.approx(max(every), abs=1e-12)
    parts = [set(np.flatnonzero(found == label).tolist()) for label in np.unique(found)]
    of_networkx = nx.community.modularity(nx.from_numpy_array(W + W.T), parts)
    assert largest_q(graph, restarts=10) == pytest.approx(of_networkx)


def test_a_graph_without_edges_has_none_and_the_same_search_the_same_answer():
    assert communities_of(sparse.csr_array((3, 3))).tolist() == [0, 1, 2]
    graph = sparse.csr_array(np.ones((9, 9)) - np.eye(9))
    assert np.array_equal(communities_of(graph), communities_of(graph))


def test_it_ends_where_weights_have_few_levels():
    rng = np.random.default_rng(0)
    kernels = [rng.uniform(-1, 1, (1, 1, 9)) for _ in range(3)]
    graph = neuron_graph([unrolled(kernel, window(3), 4) for kernel in kernels])
    assert 0.1 < largest_q(graph) < 0.5
