"""The model of Kumpula et al. where chance has one way to go."""

import networkx as nx
import numpy as np

from modlib.study.local_search import local_search


def test_local_search_grows_symmetric_weights_the_same_each_time():
    W = local_search(20, 50, seed=3)
    assert np.array_equal(W, W.T)
    assert W.diagonal().sum() == 0
    assert W.any()
    assert np.array_equal(W, local_search(20, 50, seed=3))
    assert not np.array_equal(W, local_search(20, 50, seed=4))


def test_local_search_without_gain_or_closing_only_links_lonely_nodes_once():
    W = local_search(20, 30, seed=0, gain=0.0, closing=0.0, random_links=0.0, deletion=0.0)
    assert set(np.unique(W)) == {0.0, 1.0}
    graph = nx.from_numpy_array(W)
    assert nx.is_forest(graph)
    assert min(degree for _, degree in graph.degree) >= 1


def test_local_search_closes_triads_and_deletes_all_links():
    settings = {"gain": 0.0, "random_links": 0.0, "deletion": 0.0}
    closed = nx.from_numpy_array(local_search(20, 200, seed=0, closing=1.0, **settings))
    pieces = list(nx.connected_components(closed))
    assert all(nx.density(closed.subgraph(piece)) == 1 for piece in pieces)
    assert not local_search(20, 5, seed=0, deletion=1.0).any()
