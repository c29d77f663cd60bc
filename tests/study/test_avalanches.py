"""Branching and avalanches, held against processes with a known answer."""

import numpy as np
import pytest

from modlib.study.avalanches import avalanche_fit, avalanche_sizes, branching_ratio


def branching(mean, times, drive, seed=0):
    """Return the sizes of generations of a branching process with Poisson numbers of children."""
    rng = np.random.default_rng(seed)
    activity = np.zeros(times, dtype=int)
    for t in range(1, times):
        activity[t] = rng.poisson(mean * activity[t - 1]) + rng.poisson(drive)
    return activity


@pytest.mark.parametrize("mean", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("drive", [0.1, 5.0])
def test_the_branching_ratio_of_a_branching_process_is_its_mean_number_of_children(mean, drive):
    activity = np.stack([branching(mean, 40_000, drive, seed) for seed in range(2)])
    assert branching_ratio(activity) == pytest.approx(mean, abs=0.03)


def test_constant_activity_has_no_branching_ratio():
    assert np.isnan(branching_ratio(np.ones((2, 10)))).all()


def test_avalanches_lie_between_silent_times():
    activity = np.array([5, 1, 0, 1, 2, 0, 0, 3, 0, 4, 4])
    assert avalanche_sizes(activity).tolist() == [3, 3]
    assert avalanche_sizes(np.array([0, 1, 0, 0, 2, 1, 1, 0])).tolist() == [1, 4]
    assert avalanche_sizes(np.zeros(3, dtype=int)).tolist() == []


@pytest.mark.parametrize("exponent", [1.5, 2.0, 2.5])
def test_the_exponent_of_a_synthetic_power_law_is_found(exponent):
    u = np.random.default_rng(0).random(10_000)
    # rounding to the nearest whole number leaves the tail's exponent as it is
    sizes = np.floor((1 - u) ** (-1 / (exponent - 1)) * 9.5 + 0.5)
    sizes = sizes[sizes < 1e5]
    found = avalanche_fit(sizes)
    assert found.exponent == pytest.approx(exponent, abs=0.06)
    assert found.ratio > 0
    assert found.p < 0.01
    assert found.share == sum(size >= found.smallest for size in sizes) / len(sizes)


def test_an_exponential_is_told_from_a_power_law():
    found = avalanche_fit(np.random.default_rng(0).geometric(0.05, size=5_000))
    assert found.ratio < 0


def test_a_critical_branching_process_has_avalanches_of_exponent_three_halves():
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(4_000):
        size = active = 1
        while active and size < 3_000:
            active = rng.poisson(active)
            size += active
        if size < 3_000:
            sizes.append(size)
    assert avalanche_fit(np.array(sizes)).exponent == pytest.approx(1.5, abs=0.1)


def test_a_power_law_needs_avalanches():
    with pytest.raises(ValueError, match="50 avalanches"):
        avalanche_fit(np.arange(1, 20))
