"""The original procedure on graphs in which chance has one way to go, or known odds."""

import inspect
import math

import networkx as nx
import numpy as np
import pytest

from modlib import close_triads
from modlib.triads import expected_gain


def digraph(**weights):
    """Return a graph from names such as `uv=2.0`, an edge from u to v of weight 2."""
    graph = nx.DiGraph()
    graph.add_weighted_edges_from((*edge, weight) for edge, weight in weights.items())
    return graph


def weights(graph):
    return {u + v: weight for u, v, weight in graph.edges(data="weight")}


def total(graph):
    return graph.size(weight="weight")


def five_sigma(n, p):
    return 5 * (n * p * (1 - p)) ** 0.5


def test_one_step_closes_the_triad_of_parent_head_and_child():
    path = digraph(ph=2.0, hc=3.0)
    after = [weights(close_triads(path, 1, seed, increment=0.5)) for seed in range(400)]
    closed = {"ph": 2.0, "hc": 3.0, "pc": 0.5}
    assert all(graph in (closed, weights(path)) for graph in after)
    # edges are drawn uniformly, whatever their weight; c has no child
    assert abs(after.count(closed) - 200) < five_sigma(400, 0.5)


def test_the_expected_gain_adds_up_every_edge_and_child_by_its_chance():
    W = np.array([[0, 2, 1, 0], [3, 0, 1, 0], [0, 0, 0, 4], [0, 0, 0, 0]], dtype=float)
    expected = np.zeros_like(W)
    edges = np.argwhere(W)
    for parent, head in edges:
        for child in np.flatnonzero(W[head]):
            if child != parent:
                chance = W[head, child] / W[head].sum() / len(edges)
                expected[parent, child] += 0.5 * chance
    assert expected_gain(W, increment=0.5) == pytest.approx(expected, abs=1e-15)


def test_single_steps_gain_on_average_what_is_expected():
    graph = digraph(ab=2.0, bc=1.0, ca=3.0, ac=1.0)
    W = nx.to_numpy_array(graph)
    after = [nx.to_numpy_array(close_triads(graph, 1, seed), list(graph)) for seed in range(2_000)]
    # a share of 2,000 steps is known to five standard deviations, 0.056 at most
    assert np.mean(after, axis=0) - W == pytest.approx(expected_gain(W), abs=0.056)


def test_a_closing_edge_that_is_there_grows():
    # every draw but that of ac finds b, with its single child c
    graph = digraph(ab=1.0, bc=1.0, ac=5.0)
    after = weights(close_triads(graph, 3_000, seed=0))
    assert after["ab"] == after["bc"] == 1
    assert abs(after["ac"] - 5 - 1_000) < five_sigma(3_000, 1 / 3)


def test_children_are_drawn_in_proportion_to_weight():
    # a and b have no children, so that only ph, one edge of five once all are made, closes
    graph = digraph(ph=1.0, ha=1.0, hb=3.0, pa=1.0, pb=1.0)
    after = weights(close_triads(graph, 20_000, seed=1))
    a, b = after["pa"] - 1, after["pb"] - 1
    assert abs(a + b - 4_000) < five_sigma(20_000, 0.2)
    assert abs(b - 0.75 * (a + b)) < five_sigma(a + b, 0.75)


def test_a_child_that_is_the_parent_itself_strengthens_nothing():
    graph = digraph(ab=1.0, ba=2.0)
    assert weights(close_triads(graph, 50, seed=0)) == weights(graph)


def test_the_graph_given_is_left_alone():
    graph = nx.gnp_random_graph(10, 0.3, seed=0, directed=True)
    before = nx.to_dict_of_dicts(graph.copy())
    close_triads(graph, 100, seed=0, decay=0.1, threshold=0.5)
    assert nx.to_dict_of_dicts(graph) == before


def test_nodes_keep_their_names_order_and_attributes():
    graph = nx.DiGraph()
    graph.add_nodes_from(["z", "a", "lonely"], colour="red")
    graph.add_edge("z", "a")
    after = close_triads(graph, 0, seed=0)
    assert list(after.nodes(data=True)) == list(graph.nodes(data=True))
    # a missing weight counts as 1
    assert list(after.edges(data="weight")) == [("z", "a", 1.0)]


def test_a_seed_fixes_the_outcome():
    graph = nx.gnp_random_graph(20, 0.2, seed=1, directed=True)
    first, again, other = (close_triads(graph, 200, seed, decay=0.05) for seed in (3, 3, 4))
    assert list(first.edges(data=True)) == list(again.edges(data=True))
    assert list(first.edges(data=True)) != list(other.edges(data=True))


def test_decay_takes_a_fraction_of_one_edge_a_step():
    star = digraph(pa=1.0, pb=1.0, pc=1.0)
    after = sorted(weights(close_triads(star, 1, seed=0, decay=0.25)).values())
    assert after == [0.75, 1.0, 1.0]


def test_decay_draws_edges_uniformly():
    star = digraph(pa=1.0, pb=4.0)
    shrunk = [weights(close_triads(star, 1, seed, decay=0.5))["pa"] == 0.5 for seed in range(400)]
    assert abs(sum(shrunk) - 200) < five_sigma(400, 0.5)


@pytest.mark.parametrize(("threshold", "edges"), [(0.5, 3), (0.51, 2)])
def test_edges_are_removed_below_the_threshold_alone(threshold, edges):
    star = digraph(pa=1.0, pb=1.0, pc=1.0)
    after = close_triads(star, 1, seed=0, decay=0.5, threshold=threshold)
    assert after.number_of_edges() == edges
    assert set(after) == set(star)


def test_decay_bounds_the_total_weight():
    n, increment, decay = 6, 1.0, 0.1
    graph = nx.complete_graph(n, create_using=nx.DiGraph)
    bound = n * (n - 1) * increment / decay
    bounded = total(close_triads(graph, 20_000, seed=0, increment=increment, decay=decay))
    # most steps close a triad, but not those whose child is the parent
    assert bound / 2 < bounded < bound
    assert total(close_triads(graph, 20_000, seed=0, increment=increment)) > 10 * bound


def test_a_long_run_with_removal_keeps_no_edge_below_the_threshold():
    graph = nx.gnp_random_graph(30, 0.2, seed=2, directed=True)
    after = close_triads(graph, 20_000, seed=0, decay=0.2, threshold=0.5)
    assert set(graph.edges) - set(after.edges)
    assert set(after.edges) - set(graph.edges)
    assert min(weight for _, _, weight in after.edges(data="weight")) >= 0.5
    assert nx.number_of_selfloops(after) == 0


def test_the_last_edge_is_spared():
    after = close_triads(digraph(pa=1.0), 10_000, seed=0, decay=0.5, threshold=0.5)
    assert weights(after) == {"pa": 1.0}


def test_a_large_graph_closes_a_triad_in_nearly_every_step():
    graph = nx.gnp_random_graph(100, 0.1, seed=0, directed=True)
    gained = total(close_triads(graph, 100_000, seed=0)) - total(graph)
    assert gained == round(gained)
    assert 90_000 < gained <= 100_000


def test_weights_that_only_fall_stay_finite_and_above_zero():
    graph = nx.DiGraph([(0, 1), (1, 2), (3, 4), (4, 5)])
    closed = close_triads(graph, 60_000, 0, decay=0.1)
    weights = np.array([weight for *_, weight in closed.edges.data("weight")])
    assert closed.edges == {*graph.edges, (0, 2), (3, 5)}
    assert np.isfinite(weights).all()
    assert (weights > 0).all()


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.path_graph(3), "needs a directed graph with edges"),
        (nx.empty_graph(3, create_using=nx.DiGraph), "needs a directed graph with edges"),
        (digraph(ab=-1.0, bc=1.0), "needs finite weights above zero"),
        (digraph(ab=0.0, bc=1.0), "needs finite weights above zero"),
        (digraph(ab=float("nan"), bc=1.0), "needs finite weights above zero"),
        (digraph(ab=float("inf"), bc=1.0), "needs finite weights above zero"),
        (digraph(ab=5e-324, bc=1.0), "needs finite weights above zero"),
        (nx.MultiDiGraph([("a", "b"), ("a", "b")]), "needs a directed graph with edges"),
    ],
)
def test_a_graph_that_does_not_suit_is_refused(graph, message):
    # unwrapped, because the checked annotation refuses an undirected graph before it does
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(close_triads)(graph, 1, seed=0)


@pytest.mark.parametrize(
    "setting",
    [{"steps": -1}, {"increment": 0.0}, {"decay": -0.1}, {"decay": 1.0}, {"increment": math.inf}],
)
def test_a_setting_out_of_range_is_refused(setting):
    with pytest.raises(
        ValueError, match="steps >= 0, a finite increment > 0 and 0 <= decay < 1, got"
    ):
        close_triads(digraph(ab=1.0), **{"steps": 1, "seed": 0, **setting})
