"""Memory and Lyapunov exponents, each held against a case with a known answer."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from modlib.study.dynamics import information_curve, lyapunov_exponent, memory_curve, recall


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def delay_line(u, length):
    """Return the states of a line of neurons that hand a signal on."""
    return np.stack([np.roll(u, d, axis=-1) for d in range(length)], axis=-1)


def test_the_memory_capacity_of_a_delay_line_is_its_length():
    u = noise(3, 4_000)
    curve = memory_curve(delay_line(u, 7), u, range(20))
    assert curve[:, :7] == pytest.approx(1.0)
    assert curve[:, 7:].max() < 0.02
    assert curve.sum(-1) == pytest.approx(7, abs=0.1)


def test_a_noisy_line_recalls_the_share_of_variance_that_is_signal():
    u = noise(2, 40_000)
    states = delay_line(u, 3) + 0.5 * noise(2, 40_000, 3, seed=1)
    assert memory_curve(states, u, range(3)) == pytest.approx(1 / 1.25, abs=0.01)


def test_recall_agrees_with_least_squares_for_one_network_at_a_time():
    x, y = noise(2, 300, 5), noise(2, 300, 3, seed=1)
    y[..., 0] += x[..., 2]
    found = recall(x, y, washout=20)
    for n in range(2):
        design = np.c_[x[n, 20:], np.ones(280)]
        readout = np.linalg.lstsq(design[:140], y[n, 20:160], rcond=None)[0]
        told = design[140:] @ readout
        for k in range(3):
            r = np.corrcoef(told[:, k], y[n, 160:, k])[0, 1]
            assert found[n, k] == pytest.approx(r**2, abs=1e-6)


def bits(*shape, seed=0):
    return np.random.default_rng(seed).integers(2, size=shape) * 2.0 - 1


def test_a_delay_line_transmits_a_bit_at_each_delay_of_its_length_and_nothing_beyond():
    u = bits(3, 4_000)
    curve = information_curve(delay_line(u, 7), u, range(20))
    assert curve[:, :7] == pytest.approx(1.0, abs=0.003)
    assert abs(curve[:, 7:]).max() < 0.01
    assert curve[:, 7:].mean() == pytest.approx(0.0, abs=0.001)  # not biased


@pytest.mark.parametrize("values", [(-1.0, 1.0), (0.0, 1.0), (3.0, 8.0)])
def test_a_binary_symmetric_channel_transmits_its_capacity(values):
    u = np.where(bits(2, 40_000) > 0, values[1], values[0])
    flipped = np.random.default_rng(1).random(u.shape) < 0.1
    x = np.where(flipped, sum(values) - u, u)[..., None]
    capacity = 1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)
    assert information_curve(x, u, [0]) == pytest.approx(capacity, abs=0.02)


def test_information_agrees_with_that_of_another_library():
    u = bits(2, 400, seed=3)
    x = delay_line(u, 2) + 1.5 * noise(2, 400, 2, seed=4)
    found = information_curve(x, u, [0, 1, 5], washout=20)
    for n in range(2):
        for k, delay in enumerate([0, 1, 5]):
            past = np.roll(u[n], delay)[20:]
            design = np.c_[x[n, 20:], np.ones(380)]
            readout = np.linalg.lstsq(design[:190], past[:190], rcond=None)[0]
            nats = mutual_info_score(past[190:] > 0, design[190:] @ readout > 0)
            assert found[n, k] == pytest.approx((nats - 1 / 380) / np.log(2), abs=1e-6)


def test_information_needs_bits():
    with pytest.raises(ValueError, match="needs two values, got 500"):
        information_curve(noise(1, 500, 3), noise(1, 500), [1])
    with pytest.raises(ValueError, match="between 0 and the washout"):
        information_curve(noise(1, 500, 3), bits(1, 500), [101])


def test_silence_recalls_nothing():
    u = noise(1, 500)
    assert not memory_curve(np.zeros((1, 500, 4)), u, range(3)).any()


def test_delays_may_not_exceed_the_washout():
    u = noise(1, 500)
    with pytest.raises(ValueError, match="between 0 and the washout"):
        memory_curve(delay_line(u, 2), u, [11], washout=10)
    with pytest.raises(ValueError, match="four times"):
        memory_curve(delay_line(u, 2), u, [1], washout=498)


def test_the_logistic_map_has_the_exponent_ln_2():
    start = np.array([[0.3], [0.77]])
    found = lyapunov_exponent(lambda x, t: 4 * x * (1 - x), start, times=20_000)
    assert found == pytest.approx(np.log(2), abs=0.01)


def test_a_linear_map_has_the_logarithm_of_its_spectral_radius():
    W = np.stack([radius * np.linalg.qr(noise(6, 6))[0] for radius in (0.5, 0.9, 1.3)])

    def step(x, t):
        return (x[:, None] @ W)[:, 0]

    found = lyapunov_exponent(step, np.zeros((3, 6)), times=200, washout=0)
    assert found == pytest.approx(np.log([0.5, 0.9, 1.3]), abs=1e-6)


def test_the_washout_turns_the_difference_towards_the_direction_that_grows_fastest():
    rates = np.array([0.5, 0.9, 0.2])
    found = lyapunov_exponent(lambda x, t: rates * x, np.ones((2, 3)), times=50, washout=100)
    assert found == pytest.approx(np.log(0.9), abs=1e-6)


def test_the_henon_map_has_its_published_exponent():
    def step(x, t):
        return np.stack([1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]], axis=-1)

    found = lyapunov_exponent(step, np.array([[0.1, 0.1], [0.0, 0.2]]), times=20_000)
    assert found == pytest.approx(0.419, abs=0.01)


def test_what_happens_during_the_washout_does_not_count():
    def step(x, t):
        return np.where(x > 1, x - 1, x / 2)

    # nearby states keep their distance for 50 steps
    found = lyapunov_exponent(step, np.full((1, 2), 50.2), times=100, washout=60)
    assert found == pytest.approx(np.log(0.5), abs=1e-6)
    assert lyapunov_exponent(step, np.full((1, 2), 50.2), times=100, washout=0) > 0.9 * np.log(0.5)


def test_an_exponent_needs_time():
    with pytest.raises(ValueError, match="must be positive"):
        lyapunov_exponent(lambda x, t: x, np.zeros((1, 2)), times=0)
