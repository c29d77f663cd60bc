"""Clusters of noisy neurons, held against exact answers and loops."""

import numpy as np
import pytest

from modlib.study.clusters import clustered_graph, reverberation, spreading, waking
from modlib.study.reservoir_networks import communities_of, modular_sources, weights_of


def rngs(n, seed=0):
    return [np.random.default_rng((seed, i)) for i in range(n)]


def test_without_rewiring_clusters_are_complete_and_apart():
    A = clustered_graph(12, 3, 0.0, rngs(1)[0])
    assert np.array_equal(A, np.kron(np.eye(3), np.ones((4, 4))) - np.eye(12))


def test_rewired_edges_leave_their_cluster():
    of = communities_of(60, 6)
    within = of[:, None] == of
    A = clustered_graph(60, 6, 0.3, rngs(1)[0])
    whole = clustered_graph(60, 6, 0.0, rngs(1)[0])
    assert np.array_equal(A, A.T)
    assert A[within].sum() / whole.sum() == pytest.approx(0.7, abs=0.05)
    assert A.sum() / whole.sum() == pytest.approx(1.0, abs=0.03)  # but for edges that fell together
    assert not clustered_graph(60, 6, 1.0, rngs(1)[0])[within].any()


def test_either_end_of_an_edge_may_be_rewired():
    degrees = clustered_graph(300, 30, 1.0, rngs(1)[0]).sum(0).reshape(30, 10)
    # edges are listed from their end with the smaller number
    assert degrees[:, :5].mean() == pytest.approx(degrees[:, 5:].mean(), abs=1.0)


def test_a_pair_of_neurons_forgets_as_it_must():
    n = 4_000
    A = clustered_graph(n, n // 2, 0.0, rngs(1)[0])[None]
    start = np.ones((1, n))
    found = reverberation(A, start, 0.8, 5, rngs(1)).mean(-1)[0]
    assert found == pytest.approx(np.tanh(1 / 0.8) ** np.arange(1, 6), abs=0.04)


def test_without_noise_clusters_hold_what_they_were_given():
    A = clustered_graph(20, 4, 0.0, rngs(1)[0])[None]
    start = np.repeat([1.0, -1.0, -1.0, 1.0], 5)[None]
    assert (reverberation(A, start, 1e-3, 30, rngs(1)) == start).all()


def test_neurons_without_neighbours_forget_at_once():
    found = reverberation(np.zeros((2, 500, 500)), np.ones((2, 500)), 1.0, 3, rngs(2))
    assert found.mean(-1) == pytest.approx(0, abs=0.15)


def test_a_temperature_has_to_be_positive():
    with pytest.raises(ValueError, match="temperature above 0"):
        reverberation(np.zeros((1, 2, 2)), np.ones((1, 2)), 0.0, 3, rngs(1))


def test_spreading_is_the_chance_of_any_source_to_wake_a_neuron():
    W = np.stack([rng.normal(size=(30, 30)) * (rng.random((30, 30)) < 0.2) for rng in rngs(2)])
    wakes = waking(W, 1.5)
    found = spreading(wakes, 0.02, 50, rngs(2, seed=1))
    for network, rng in enumerate(rngs(2, seed=1)):
        active = [False] * 30
        for t in range(50):
            drawn = rng.random(30)
            asleep = [
                0.98 * np.prod([1 - active[i] * wakes[network, i, j] for i in range(30)])
                for j in range(30)
            ]
            active = [d >= a for d, a in zip(drawn, asleep, strict=True)]
            assert found[network, t] == sum(active)
    assert found.max() > 5


def test_a_certain_wake_is_certain():
    ring = np.roll(np.eye(5), 1, axis=1)[None]
    active = spreading(ring, 0.05, 400, rngs(1))[0]
    # what once woke goes round for ever
    assert (np.diff(active) >= 0).all()
    assert active[-1] == 5


def test_an_active_neuron_wakes_as_many_as_the_ratio_says_on_average():
    sources = np.stack([modular_sources(30, 3, 0.2, 4, rng) for rng in rngs(2)])
    W = np.stack([weights_of(of, -3.0 * np.ones((30, 4))) for of in sources])
    wakes = waking(W, 1.5)
    assert wakes[W != 0] == pytest.approx(1.5 / 4)
    assert not wakes[W == 0].any()
    uneven = waking(np.random.default_rng(0).exponential(size=(2, 30, 30)), 0.9)
    assert uneven.sum(-1).mean(-1) == pytest.approx(0.9)
    assert waking(np.eye(3)[None] * [1, 1, 7], 0.9).max() == 1.0


def test_spreading_needs_weights_and_probabilities():
    with pytest.raises(ValueError, match=r"1 networks without any, and 1\.0"):
        waking(np.stack([np.eye(3), np.zeros((3, 3))]), 1.0)
    with pytest.raises(ValueError, match="at least 0, got 0 networks without any, and -1"):
        waking(np.eye(3)[None], -1.0)
    with pytest.raises(ValueError, match=r"with probabilities, got 0\.0 to 1\.5"):
        spreading(1.5 * np.eye(3)[None], 0.1, 3, rngs(1))
