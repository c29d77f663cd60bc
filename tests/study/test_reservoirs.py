"""Tables of reservoirs, against what their parts give one by one."""

import numpy as np
import pytest
from scipy.optimize import brentq

from modlib.study.avalanches import avalanche_fit, avalanche_sizes, branching_ratio
from modlib.study.clusters import spreading, waking
from modlib.study.dynamics import information_curve, memory_curve, recall
from modlib.study.reservoir_networks import communities_of, narma, threshold_like
from modlib.study.reservoirs import (
    COMMUNITIES,
    DEGREE,
    DELAYS,
    HEARD,
    INTO,
    RATE,
    N,
    activity,
    bits,
    cluster_table,
    edge_table,
    exponent,
    generators,
    input_weights,
    memory_table,
    spreading_table,
    tanh_weights,
    threshold_weights,
)

SEEDS = [3, 8]
TIMES = 260


@pytest.fixture(scope="module")
def memory():
    return memory_table(SEEDS, [0.1], [0.8, 1.1], [0.5], TIMES)


def value(table, measure, **told):
    rows = table[table.measure == measure]
    for name, wanted in told.items():
        rows = rows[rows[name] == wanted]
    assert list(rows.seed) == SEEDS
    return rows.value.to_numpy()


def followed(W, W_in, u, f):
    """Return the states, one network and one step at a time."""
    found = np.zeros((len(W), u.shape[1], N))
    for n in range(len(W)):
        x = np.zeros(N)
        for t in range(u.shape[1]):
            x = found[n, t] = f(x @ W[n] + u[n, t] @ W_in[n])
    return found


def test_each_seed_and_purpose_has_draws_of_its_own():
    drawn = [rng.random() for purpose in (1, 2) for rng in generators(SEEDS, purpose)]
    assert len(set(drawn)) == 4
    assert drawn[:2] == [rng.random() for rng in generators(SEEDS, 1)]


def test_a_network_follows_from_its_seed_alone():
    for made in (tanh_weights, threshold_weights):
        assert np.array_equal(made(SEEDS, 0.1)[1], made([8], 0.1)[0])
    assert np.array_equal(input_weights(SEEDS, "two")[1], input_weights([8], "two")[0])
    assert np.array_equal(bits(SEEDS, 9, 2)[1], bits([8], 9, 2)[0])


@pytest.mark.parametrize("between", [0.0, 0.3])
def test_reservoirs_hear_as_many_others_and_have_the_weights_they_should(between):
    tanh, threshold = tanh_weights(SEEDS, between), threshold_weights(SEEDS, between)
    of = communities_of(N, COMMUNITIES)
    for W in (tanh, threshold):
        assert ((W != 0).sum(1) == DEGREE).all()
        outside = np.mean([(w != 0)[of[:, None] != of].sum() / (w != 0).sum() for w in W])
        assert outside == pytest.approx(between, abs=0.03)
    assert np.abs(np.linalg.eigvals(tanh)).max(-1) == pytest.approx(np.ones(2))
    assert np.abs(threshold).sum(1) == pytest.approx(np.ones((2, N)))
    assert 0.7 < (threshold > 0).sum() / (threshold != 0).sum() < 0.95


def test_inputs_are_heard_by_a_share_of_those_who_may():
    for into, may in INTO.items():
        heard = input_weights(range(20), into) != 0
        assert not heard[:, ~may].any()
        assert heard[:, may].mean() == pytest.approx(HEARD, abs=0.03)
    assert INTO["half"].sum() == N // 2
    assert (INTO["two"].sum(0) == 1).all()


def test_capacity_is_that_of_each_stream_added_up(memory):
    W, W_in = 1.1 * tanh_weights(SEEDS, 0.1), input_weights(SEEDS, "two")
    u = 2.0 * bits(SEEDS, TIMES, 2) - 1
    x = followed(W, W_in, u, np.tanh)
    by_hand = sum(memory_curve(x, u[..., k], DELAYS).sum(-1) for k in (0, 1))
    found = value(memory, "capacity", model="tanh", level=1.1, into="two", between=0.1)
    assert found == pytest.approx(by_hand, rel=1e-6)


def test_threshold_like_reservoirs_hear_bits_as_they_are_with_weights_of_one(memory):
    W_in = (input_weights(SEEDS, "all") != 0).astype(float)
    u = bits(SEEDS, TIMES, 1).astype(float)
    x = followed(threshold_weights(SEEDS, 0.1), W_in, u, threshold_like(0.5))
    by_hand = memory_curve(x, u[..., 0], DELAYS).sum(-1)
    found = value(memory, "capacity", model="threshold", into="all")
    assert found == pytest.approx(by_hand, rel=1e-6)


def test_exponents_are_measured_where_one_half_hears_the_input(memory):
    assert set(memory[memory.measure == "lyapunov"].into) == {"half"}
    u, W_in = 2.0 * bits(SEEDS, TIMES, 1) - 1, input_weights(SEEDS, "half")
    by_hand = exponent(0.8 * tanh_weights(SEEDS, 0.1), u @ W_in, np.tanh)
    assert value(memory, "lyapunov", model="tanh", level=0.8) == pytest.approx(by_hand)
    more = value(memory, "lyapunov", model="tanh", level=1.1)
    assert (by_hand < more).all()


def test_the_exponent_of_a_linear_network_is_the_logarithm_of_its_radius():
    W = 0.7 * np.stack([np.eye(N)] * 2)
    found = exponent(W, np.zeros((2, 400, N)), lambda x: x)
    assert found == pytest.approx(np.log([0.7, 0.7]), abs=1e-6)


def test_the_exponent_is_that_of_where_silent_networks_settle_not_of_their_rest():
    # rest is unstable; each neuron settles at a solution of x = tanh(1.2 x)
    settled = brentq(lambda x: np.tanh(1.2 * x) - x, 0.1, 1)
    found = exponent(1.2 * np.stack([np.eye(N)] * 2), np.zeros((2, 400, N)), np.tanh)
    assert found == pytest.approx(np.log(1.2 * (1 - settled**2)), abs=1e-3)
    assert (found < 0).all()


def test_narma_goes_to_all_communities_of_tanh_reservoirs(memory):
    rows = memory[memory.measure == "narma"]
    assert set(rows.model) == {"tanh"}
    assert set(rows.into) == {"all"}
    u = np.stack([rng.uniform(0, 0.5, size=(TIMES, 1)) for rng in generators(SEEDS, 5)])
    x = followed(0.8 * tanh_weights(SEEDS, 0.1), input_weights(SEEDS, "all"), u, np.tanh)
    by_hand = recall(x, narma(u[..., 0])[..., None])[:, 0]
    assert value(memory, "narma", level=0.8) == pytest.approx(by_hand, rel=1e-6)


def test_from_order_to_chaos_information_and_exponent_are_measured_on_one_stream():
    table = edge_table(SEEDS, [0.9], [0.8, 2.5], TIMES)
    assert len(table) == 2 * 2 * 2
    u, W_in = 2.0 * bits(SEEDS, TIMES, 1) - 1, input_weights(SEEDS, "all")
    x = followed(0.8 * tanh_weights(SEEDS, 0.9), W_in, u, np.tanh)
    by_hand = information_curve(x, u[..., 0], DELAYS).sum(-1)
    assert value(table, "information", level=0.8) == pytest.approx(by_hand, rel=1e-6)
    assert (value(table, "lyapunov", level=0.8) < 0).all()
    assert (value(table, "lyapunov", level=2.5) > 0).all()


def test_clusters_hold_their_pattern_where_they_are_cold_and_lose_it_where_they_are_hot():
    table = cluster_table(SEEDS, [0.0, 0.8], [0.5, 1000.0])
    assert (value(table, "held", level=0.5, between=0.0) > 0.99).all()
    assert np.abs(value(table, "held", level=1000.0, between=0.0)).max() < 0.05
    assert (value(table, "held", level=0.5, between=0.8) < 0.9).all()


def test_avalanches_of_one_kind_are_fitted_together_and_stand_in_every_row():
    table = spreading_table(SEEDS, [0.9], [1.0], 20_000)
    active = activity(SEEDS, 0.9, 1.0, 20_000)
    assert value(table, "branching") == pytest.approx(branching_ratio(active))
    assert value(table, "activity") == pytest.approx([np.mean(a) / N for a in active])
    fit = avalanche_fit(np.concatenate([avalanche_sizes(a) for a in active]))
    for name, wanted in fit._asdict().items():
        assert value(table, f"avalanches_{name}") == pytest.approx([wanted] * 2)


def test_activity_spreads_alike_along_the_connections_of_the_reservoirs():
    heard = 1.0 * (tanh_weights(SEEDS, 0.3) != 0)
    by_hand = spreading(waking(heard, 1.1), RATE, 500, generators(SEEDS, 9))
    assert by_hand.any()
    assert np.array_equal(activity(SEEDS, 0.3, 1.1, 500), by_hand)


def test_an_active_neuron_wakes_as_many_as_the_ratio_on_average():
    active = activity(range(6), 0.9, 0.8, 30_000)
    assert branching_ratio(active).mean() == pytest.approx(0.8, abs=0.04)
