"""The three-node procedure: its graphs and measures against hand-made cases, and its page."""

from itertools import product

import numpy as np
import pytest

from modlib.study import triads


def test_row_distance_is_total_variation_without_the_two_nodes():
    W = np.random.default_rng(0).uniform(size=(5, 5))
    np.fill_diagonal(W, 0.0)
    P = W / W.sum(1, keepdims=True)
    apart = [
        sum(abs(P[i, k] - P[j, k]) for k in range(5) if k not in (i, j)) / 2
        for i, j in product(range(5), repeat=2)
        if i != j
    ]
    assert triads.row_distance(W) == pytest.approx(np.mean(apart))
    alike = np.ones((4, 4)) - np.eye(4)
    assert triads.row_distance(alike) == pytest.approx(0, abs=1e-15)


def test_starting_graphs_have_the_edges_they_promise():
    graphs = triads.starting_graphs(40, 0.1, 4, seed=0)
    shares = [
        triads.inside_share(
            triads.adjacency(triads.starting_graphs(40, 0.1, 4, seed)["planted"]), 4
        )
        for seed in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.75, abs=0.03)  # 150 edges each: error 0.008
    assert graphs["complete"].number_of_edges() == 40 * 39
    with pytest.raises(ValueError, match="7 equal blocks of 40 nodes"):
        triads.starting_graphs(40, 0.1, 7, seed=0)


def test_graph_measures_see_planted_communities_and_hubs():
    blocks = np.kron(np.eye(4), np.ones((5, 5))) - np.eye(20)
    found = triads.graph_measures(blocks, nulls=3, seed=0)
    assert found["q"] == pytest.approx(3 / 4)
    assert found["excess"] > 0.3
    assert found["excess_edges"] == pytest.approx(0)
    assert found["edges"] == 80
    star = np.zeros((20, 20))
    star[1:, 0] = 1.0
    assert triads.graph_measures(star, nulls=3, seed=0)["hubs"] == pytest.approx(1 / 2)
    single = np.zeros((20, 20))
    single[0, 1] = 1.0
    assert triads.graph_measures(single, nulls=3, seed=0)["hubs"] == 1


def test_the_mean_field_follows_expected_gain():
    graph = triads.starting_graphs(8, 0.1, 2, seed=0)["complete"]
    rows = triads.row_course(graph, [0.0, 1.0], [1.0], [0, 1, 2])
    field = rows[rows.increment == 0].set_index("added").distance
    W, A = triads.adjacency(graph), np.ones((8, 8)) - np.eye(8)
    assert field[0] == pytest.approx(triads.row_distance(W))
    for _ in range(100):
        W += 0.01 * (A @ (W / W.sum(1, keepdims=True))) * A
    assert field[1] == pytest.approx(triads.row_distance(W))
