"""Intervals of means and of paired differences, against their definitions."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from modlib.batch import statistics
from modlib.batch.statistics import (
    FEWEST_PAIRS,
    against,
    holm,
    interval,
    interval_text,
    intervals,
    mean_interval,
    paired,
)

VALUES = np.random.default_rng(0).lognormal(size=40)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_interval_is_scipys_bca_bootstrap_of_the_mean(seed):
    expected = stats.bootstrap(
        (VALUES,),
        np.mean,
        confidence_level=0.95,
        n_resamples=2_000,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    assert tuple(interval(VALUES, seed)) == (expected.low, expected.high)
    assert interval(VALUES).tolist() == interval(VALUES.tolist(), seed=0).tolist()


def bca(values, resamples=20_000):
    """The definition (Efron 1987), with resamples of its own: the ends of the 95 % interval."""
    n, rng = len(values), np.random.default_rng(99)
    means = sorted(sum(rng.choice(values, n)) / n for _ in range(resamples))
    mean = sum(values) / n
    below = sum(m < mean for m in means) + 0.5 * sum(m == mean for m in means)
    bias = stats.norm.ppf(below / resamples)
    without = [(sum(values) - v) / (n - 1) for v in values]
    away = [sum(without) / n - w for w in without]
    acceleration = sum(d**3 for d in away) / (6 * sum(d**2 for d in away) ** 1.5)
    ends = []
    for z in (-1.959964, 1.959964):
        share = stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
        ends.append(means[int(share * resamples)])
    return ends


RNG = np.random.default_rng(5)


AS_PUBLISHED = {
    "differences of accuracy, in two thousandths": RNG.integers(-4, 9, 20) / 2_000,
    "skewed differences of 1e-3": 1e-3 * RNG.lognormal(size=20),
    "an excess of 0.01": 0.01 + 0.003 * RNG.normal(size=20),
    "five networks": np.array([0.101, 0.104, 0.0985, 0.11, 0.1015]),
    "one that differs in the sixth digit": np.array([0.25] * 10 + [0.250001] * 3),
}


@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_intervals_of_values_as_published_are_those_of_the_definition(name):
    values = AS_PUBLISHED[name]
    low, high = interval(values)
    expected = bca(values.tolist())
    # 2,000 resamples place a 2.5 % quantile to about four parts in a hundred of the width
    assert (low, high) == pytest.approx(expected, abs=0.07 * (expected[1] - expected[0]), rel=0)
    assert low < values.mean() < high


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
def test_intervals_scale_with_their_values_however_small(scale):
    assert interval(scale * VALUES) == pytest.approx(scale * interval(VALUES), rel=1e-9)


def test_a_constant_row_has_its_value_and_leaves_the_others_alone():
    small = AS_PUBLISHED["skewed differences of 1e-3"]
    rows = np.stack([np.full(20, 0.125), small, np.zeros(20), 0.01 + small])
    ends = interval(rows)
    assert ends[:, 0].tolist() == [0.125, 0.125]
    assert ends[:, 2].tolist() == [0.0, 0.0]
    for row in (1, 3):
        assert ends[:, row] == pytest.approx(interval(rows[row]), rel=1e-9)
    assert interval(np.full((2, 3), 0.5)).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_rows_keep_their_intervals_where_some_networks_are_missing():
    values = pd.DataFrame(0.01 * RNG.normal(size=(5, 8)), index=list("abcde"))
    values.loc["b", [0, 3]] = math.nan
    values.loc["c", range(5)] = math.nan
    values.loc["d", range(6)] = math.nan
    found = intervals(values)
    assert found.networks.to_dict() == {"a": 8, "b": 6, "c": 3, "d": 2, "e": 8}
    for name, row in values.iterrows():
        there = row.dropna().to_numpy()
        assert found["mean"][name] == pytest.approx(there.mean())
        if name == "d":
            assert found.loc[name, ["low", "high"]].isna().all()
        else:
            ends = found.loc[name, ["low", "high"]].astype(float)
            # sums in another order break ties between a resample's mean and the mean otherwise
            width = float(ends.high - ends.low)
            assert ends.tolist() == pytest.approx(interval(there).tolist(), abs=0.01 * width)


def test_rows_without_three_networks_have_a_mean_and_no_ends():
    found = intervals(pd.DataFrame([[0.1, 0.3], [0.2, math.nan]]))
    assert found.columns.tolist() == ["networks", "mean", "low", "high"]
    assert found["mean"].tolist() == pytest.approx([0.2, 0.2])
    assert found[["low", "high"]].dtypes.tolist() == [float, float]
    assert found[["low", "high"]].isna().all(axis=None)


def signed_rank(pairs):
    """Wilcoxon's p by all signs that the ranks could have had."""
    ranks = stats.rankdata(np.abs(pairs))
    own = sum(rank for rank, pair in zip(ranks, pairs, strict=True) if pair > 0)
    middle = ranks.sum() / 2
    far = [
        abs(sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) - middle)
        >= abs(own - middle)
        for signs in product([False, True], repeat=len(pairs))
    ]
    return sum(far) / len(far)


def holm_by_steps(p):
    """Holm's corrected p: the largest of the steps up to one's own."""
    return [min(1.0, max((len(p) - sum(r < q for r in p)) * q for q in p if q <= own)) for own in p]


def test_paired_differences_as_small_as_published_have_the_p_of_their_signs():
    shifts = np.array([0, 0.5, 1, 2, 0.2, -1.5])[:, None]
    pairs = pd.DataFrame(1e-3 * (RNG.normal(size=(6, 9)) + shifts))
    pairs.loc[4, range(3)] = math.nan  # six are left
    pairs.loc[5, range(4)] = math.nan  # five
    found = statistics.paired(pairs)
    p = [signed_rank(row.dropna().to_numpy()) for _, row in pairs.iloc[:5].iterrows()]
    assert found.p[:5].tolist() == pytest.approx(holm_by_steps(p))
    assert math.isnan(found.p[5])
    assert found.networks.tolist() == [9, 9, 9, 9, 6, 5]
    tied = pd.DataFrame([[1.0, 1, -1, 2, 2, 3, 0, 0], [0, 0, 0, 0, 0, 0, 0, 2.0]])
    ranked = [signed_rank(row[row != 0].to_numpy()) for _, row in tied.iterrows()]
    assert statistics.paired(tied).p.tolist() == pytest.approx(holm_by_steps(ranked))
    constant = statistics.paired(pd.DataFrame(np.zeros((1, 8))))
    assert constant.loc[0, ["mean", "low", "high", "p"]].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_holms_correction_is_that_of_its_steps(seed):
    # some come to more than 1
    p = np.random.default_rng(seed).uniform(0, 0.6, size=7)
    assert holm(pd.Series(p)).tolist() == pytest.approx(holm_by_steps(p.tolist()))


def test_an_interval_of_many_symmetric_values_is_that_of_the_normal_distribution():
    values = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    half_width = 1.96 * values.std() / 20
    # 2,000 resamples place a 2.5 % quantile to about four parts in a hundred
    assert interval(values) == pytest.approx((-half_width, half_width), rel=0.05)


def test_each_row_has_its_own_interval():
    rows = np.stack([[VALUES, 2 * VALUES], [np.ones(40), VALUES[::-1]]])
    found = interval(rows)
    assert found.shape == (2, 2, 2)
    for place in np.ndindex(2, 2):
        assert found[:, *place] == pytest.approx(interval(rows[place]))


def test_the_interval_of_equal_values_is_that_value():
    assert interval([0.3, 0.3, 0.3]).tolist() == [0.3, 0.3]


@pytest.mark.parametrize("values", [[0.1, 0.2], [], [0.1, 0.2, math.nan], [0.1, 0.2, math.inf]])
def test_an_interval_of_too_little_is_refused(values):
    with pytest.raises(ValueError, match="three finite values or more, got"):
        interval(values)


def test_holms_correction_by_hand():
    corrected = holm(pd.Series([0.04, 0.01, math.nan, 0.03, 0.5]))
    # sorted .01 .03 .04 .5, times 4 3 2 1; .04 * 2 = .08 is raised to .03 * 3 = .09
    assert corrected.tolist()[:2] == pytest.approx([0.09, 0.04])
    assert math.isnan(corrected[2])
    assert corrected.tolist()[3:] == pytest.approx([0.09, 0.5])


def test_one_penalty_against_each_other_in_pairs_of_seeds():
    rng = np.random.default_rng(1)
    values = {penalty: rng.normal(size=FEWEST_PAIRS) for penalty in ("own", "first", "second")}
    rows = pd.concat(
        pd.DataFrame({"penalty": penalty, "seed": range(FEWEST_PAIRS), "kept": of_penalty})
        for penalty, of_penalty in values.items()
    ).sample(frac=1, random_state=0)
    found = against(rows, "own", "kept")
    assert found.index.tolist() == ["first", "second"]
    p = []
    for rival, row in found.iterrows():
        pairs = values["own"] - values[rival]
        assert row.networks == FEWEST_PAIRS
        assert row["mean"] == pytest.approx(pairs.mean())
        assert (row.low, row.high) == pytest.approx(interval(pairs))
        p.append(stats.wilcoxon(pairs).pvalue)
    assert found.p.tolist() == pytest.approx(holm(pd.Series(p)).tolist())


def test_differences_need_the_penalty_and_each_seed_once():
    rows = pd.DataFrame({"penalty": ["a", "b"], "seed": [0, 0], "kept": [0.1, 0.2]})
    twice = pd.concat([rows, rows.assign(kept=0.3)])  # with another value
    for wrong, own in ((rows, "c"), (twice, "a")):
        with pytest.raises(ValueError, match="one row per penalty and seed"):
            against(wrong, own, "kept")


def test_a_mean_and_its_interval_are_text_in_one_form():
    row = pd.Series({"networks": 5, "mean": 0.123, "low": -0.04, "high": 1.0, "p": 0.5})
    assert interval_text(row) == "0.12 [-0.04, 1.00]"
    assert interval_text(row, "+.1f") == "+0.1 [-0.0, +1.0]"
    assert interval_text(row, "+.1%") == "+12.3 [-4.0, +100.0]"


def test_a_mean_has_the_interval_of_its_values():
    values = [0.1, 0.3, 0.2, 0.9]
    low, high = interval(values)
    assert mean_interval(values).to_dict() == {"mean": 0.375, "low": low, "high": high}


def test_means_and_differences_are_those_of_each_situation():
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(
        [
            {"task": task, "penalty": penalty, "seed": seed, "value": rng.normal(), "other": 9.0}
            for task in ("b", "a")
            for penalty in ("own", "rival")
            for seed in range(8)
        ]
    )
    means = statistics.means(rows, ["task", "penalty"], "value")
    wide = rows.pivot(index=["task", "penalty"], columns="seed", values="value")
    for key, values in wide.iterrows():
        low, high = statistics.interval(values.to_numpy())
        assert means.loc[key, "mean"] == pytest.approx(values.mean())
        # situations share their resamples, which one by itself draws anew
        assert means.loc[key, ["low", "high"]].tolist() == pytest.approx([low, high], abs=0.02)
    pairs = statistics.against_in_each(rows, ["task"], "own", "value")
    # in the order of the table
    assert list(pairs.index) == [("b", "rival"), ("a", "rival")]
    assert pairs.index.names == ["task", "penalty"]
    difference = wide.loc[("a", "own")] - wide.loc[("a", "rival")]
    assert pairs.loc[("a", "rival"), "mean"] == pytest.approx(difference.mean())
    points = statistics.in_points(pairs)
    assert points["mean"].tolist() == pytest.approx((100 * pairs["mean"]).tolist())
    assert points.p.equals(pairs.p)


def test_p_of_tied_pairs_is_that_of_all_signs_by_scipy():
    rng = np.random.default_rng(0)
    for n in (6, 9, 11):
        pairs = rng.integers(-4, 6, n).astype(float)
        ranked = pairs[pairs != 0]
        assert len(np.unique(np.abs(ranked))) < n
        reference = stats.permutation_test(
            (ranked,),
            lambda x, axis: (np.sign(x) * stats.rankdata(np.abs(x), axis=axis)).sum(axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=2 ** len(ranked),
        )
        assert paired(pd.DataFrame([pairs])).p[0] == pytest.approx(reference.pvalue, rel=1e-12)
