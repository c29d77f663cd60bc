"""Networks made by hand: how they are drawn, and what the measures say of them."""

import numpy as np
import pytest

from modlib.study import measures


def test_parts_have_no_weights_between_them_but_strays():
    for between in (0.0, 0.25):
        chain = measures.parts(8, between)(np.random.default_rng(0))
        part = np.arange(measures.N) >= 8
        across = part[:, None] != part
        assert len(chain) == measures.DEPTH
        for W in chain:
            assert (W[~across] > 0).all()
            assert (W[across] > 0).mean() == pytest.approx(between, abs=0.06)


def test_some_neurons_are_stronger_by_factors_alone():
    W, _ = measures.hubs(1.0)(np.random.default_rng(0))
    plain, _ = measures.hubs(0.0)(np.random.default_rng(0))
    ratios = W / plain
    factors = ratios / ratios[:1]
    np.testing.assert_allclose(factors, factors[:, :1].repeat(measures.N, 1))
    assert np.log(ratios).std() == pytest.approx(2**0.5, rel=0.3)


@pytest.fixture(scope="module")
def made():
    return measures.examples([0, 1], nulls=2, restarts=1)


def test_separate_parts_of_equal_size_have_all_that_is_attainable(made):
    row = made.loc["two equal parts"]
    assert row[["share", "weight within", "agreement"]].tolist() == pytest.approx([1, 1, 1])
    assert row["Q"] == pytest.approx(0.5, abs=0.01)
    stray = made.loc["two equal parts, stray weights"]
    assert stray["agreement"] == pytest.approx(1)
    # as large as the others, and a tenth as many: one in eleven
    assert stray["weight within"] == pytest.approx(10 / 11, abs=0.02)


def test_stronger_neurons_lower_the_share_and_not_the_excess_over_nulls_that_have_them(made):
    row = made.loc["random, and some neurons stronger"]
    assert row["share"] < -0.3
    assert abs(row["excess, strengths kept"]) < 0.02
    assert abs(made.loc["random weights", "share"]) < 0.1


def test_unequal_parts_have_a_smaller_share(made):
    assert (
        made.loc["two parts, seven to one", "share"]
        < made.loc["two parts, three to one", "share"]
        < 0.5
    )


def test_sparse_and_uneven_random_weights_are_drawn_as_they_are_called(made):
    for W in measures.random(0.0, 1 / 16)(np.random.default_rng(0)):
        assert (W > 0).mean() == pytest.approx(1 / 16, abs=0.02)
    for W in measures.random(3.0, 1.0)(np.random.default_rng(0)):
        assert np.log(W).std() == pytest.approx(3, abs=0.2)
    assert made.loc["random, one in sixteen there", "share"] > 0.05


def test_weights_of_published_networks_have_no_share_in_random_order():
    found = measures.in_random_order("two_digits", orders=2, nulls=2, restarts=1)
    assert (found["in random order"].abs() < 0.1).all()
    assert found.share["walk_loops"] > 0.9
    assert (found.lowest <= found.highest).all()
