"""The mean field of the three-node procedure against its definition."""

from itertools import product

import numpy as np
import pytest

from modlib.study import closure, mean_field
from modlib.triads import expected_gain


def test_row_distance_is_total_variation_without_the_two_nodes():
    W = np.random.default_rng(0).uniform(size=(5, 5))
    np.fill_diagonal(W, 0.0)
    P = W / W.sum(1, keepdims=True)
    apart = [
        sum(abs(P[i, k] - P[j, k]) for k in range(5) if k not in (i, j)) / 2
        for i, j in product(range(5), repeat=2)
        if i != j
    ]
    assert mean_field.row_distance(W) == pytest.approx(np.mean(apart))
    alike = np.ones((4, 4)) - np.eye(4)
    assert mean_field.row_distance(alike) == pytest.approx(0, abs=1e-15)


def test_the_mean_field_follows_expected_gain():
    graph = closure.starting_graphs(8, 0.1, 2, seed=0)["complete"]
    rows = mean_field.row_course(graph, [0.0, 1.0], [1.0], [0, 1, 2])
    field = rows[rows.increment == 0].set_index("added").distance
    W, A = closure.adjacency(graph), np.ones((8, 8)) - np.eye(8)
    assert field[0] == pytest.approx(mean_field.row_distance(W))
    for _ in range(100):
        W += 0.01 * (A @ (W / W.sum(1, keepdims=True))) * A
    assert field[1] == pytest.approx(mean_field.row_distance(W))


def test_gains_are_observed_within_their_errors():
    graph = closure.starting_graphs(8, 0.3, 2, seed=0)["random"]
    gains = mean_field.gain_table(graph, 400)
    assert len(gains) == 8 * 7
    assert gains.observed.sum() <= 1
    assert ((gains.observed - gains.expected).abs() <= 4 * gains.error).all()
    shares = mean_field.inside_table(2, [3, 5], n_nodes=16, density=0.2)
    W = closure.adjacency(closure.starting_graphs(16, 0.2, 2, seed=5)["planted"])
    assert shares.weight[5] == (W[:8, :8].sum() + W[8:, 8:].sum()) / W.sum()
    G = expected_gain(W)
    assert shares.gain[5] == pytest.approx((G[:8, :8].sum() + G[8:, 8:].sum()) / G.sum())
