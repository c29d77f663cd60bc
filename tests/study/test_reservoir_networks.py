"""Reservoirs, held against loops and against cases with a known answer."""

import numpy as np
import pytest

from modlib.study.dynamics import memory_curve
from modlib.study.reservoir_networks import (
    communities_of,
    modular_sources,
    narma,
    of_radius,
    states,
    threshold_like,
    weights_of,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_communities_are_equal_and_in_order():
    assert communities_of(6, 3).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("between", [0.0, 0.3, 1.0])
def test_each_neuron_hears_as_many_others_and_the_share_in_other_communities(between):
    heard = modular_sources(400, 8, between, 6, rng())
    of = communities_of(400, 8)
    assert heard.shape == (400, 6)
    assert all(len(set(row)) == 6 and j not in row for j, row in enumerate(heard))
    assert np.mean(of[heard] != of[:, None]) == pytest.approx(between, abs=0.03)


@pytest.mark.parametrize(("between", "degree"), [(-0.1, 2), (1.1, 2), (0.5, 5), (0.5, 0)])
def test_modular_networks_need_a_share_and_a_degree_that_fit(between, degree):
    with pytest.raises(ValueError, match="share between communities"):
        modular_sources(10, 2, between, degree, rng())


def test_a_weight_lies_where_its_source_feeds_its_neuron():
    W = weights_of(np.array([[1, 2], [2, 0], [0, 1]]), np.arange(6.0).reshape(3, 2) + 1)
    assert W.tolist() == [[0, 4, 5], [1, 0, 6], [2, 3, 0]]


def test_weights_get_the_spectral_radius_asked_for():
    W = of_radius(rng().normal(size=(3, 8, 8)), 0.9)
    assert np.abs(np.linalg.eigvals(W)).max(-1) == pytest.approx(0.9)


def test_states_follow_the_definition_one_neuron_at_a_time():
    W, W_in, u = (rng(s).normal(size=z) for s, z in enumerate([(2, 3, 3), (2, 2, 3), (2, 5, 2)]))
    found = states(W, W_in, u)
    for n in range(2):
        x = [0.0] * 3
        for t in range(5):
            x = [
                np.tanh(
                    sum(x[i] * W[n, i, j] for i in range(3))
                    + sum(u[n, t, k] * W_in[n, k, j] for k in range(2))
                )
                for j in range(3)
            ]
            assert found[n, t] == pytest.approx(x)


def test_a_reservoir_that_is_a_line_remembers_as_long_as_it_is():
    W, W_in = np.eye(6, k=1)[None], np.eye(6)[None, :1]
    u = rng().normal(size=(1, 3_000, 1))
    x = states(W, W_in, u, lambda drive: drive)
    assert memory_curve(x, u[..., 0], range(15)).sum() == pytest.approx(6, abs=0.1)


def test_threshold_like_neurons_fire_above_their_threshold():
    fire = threshold_like(0.4)
    assert fire(np.array([0.0, 0.4, 0.8])) == pytest.approx([0, 0.5, 1], abs=1e-3)


def test_narma_follows_its_recursion():
    u = rng().uniform(0, 0.5, size=(2, 60))
    found = narma(u)
    for n in range(2):
        y = [0.0] * 60
        for t in range(9, 59):
            past = sum(y[t - i] for i in range(10))
            y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * past + 1.5 * u[n, t - 9] * u[n, t] + 0.1
        assert found[n] == pytest.approx(y)


def test_narma_refuses_inputs_that_let_it_diverge():
    with pytest.raises(ValueError, match="inputs from 0"):
        narma(np.array([0.1, 0.6]))
