"""Comparison: what counts as different, against other people's tests, and what does not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from modlib.batch.comparison import LEAST, inexact, measures, paired_p, quantities, unlikely

KEYS, COLUMNS = ["penalty", "seed"], ["q", "ari"]


def rows(penalties=("l1",), n=20):
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([penalties, range(n)], names=KEYS)
    return pd.DataFrame(rng.normal(size=(len(index), 2)), index, COLUMNS).reset_index()


def moved(table, by, spread=0.3):
    noise = np.random.default_rng(1).normal(size=len(table)) * spread
    return table.assign(q=table.q + by + noise)


def one_situation(table):
    return np.zeros(len(table), dtype=int)


def test_p_is_that_of_the_paired_t_test():
    table = rows()
    again = moved(table, 0.1)
    p, _ = paired_p(*(of[COLUMNS].to_numpy() for of in (table, again)), one_situation(table))
    assert p == pytest.approx(stats.ttest_rel(table.q, again.q).pvalue, rel=1e-9)


def test_equal_differences_are_held_against_the_spread_over_seeds():
    table = rows()
    again = table.assign(q=table.q + 0.2)
    p, same = paired_p(*(of[COLUMNS].to_numpy() for of in (table, again)), one_situation(table))
    t = 0.2 * np.sqrt(20) / (LEAST * table.q.std())
    assert p == pytest.approx(2 * stats.t.sf(t, 19), rel=1e-6)
    assert same == 1


def test_the_spread_over_seeds_is_that_within_situations():
    table = rows(["l1", "l2"], 3)
    far = table.assign(q=table.q + 100 * (table.penalty == "l2"))
    again = [of.assign(q=of.q + 0.1) for of in (table, far)]
    found = [quantities(*both, KEYS, ["q"]) for both in zip((table, far), again, strict=True)]
    assert found[0].p.item() == pytest.approx(found[1].p.item(), rel=1e-6)
    within = table.groupby("penalty").q.var().mean() ** 0.5
    t = 0.1 * np.sqrt(6) / (LEAST * within)
    assert found[0].p.item() == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-6)


def test_six_digits_are_no_difference_and_seven_in_all_rows_are_none_either():
    table = rows()
    near = table.assign(q=table.q * (1 + 1e-5))
    assert quantities(table, near, KEYS, COLUMNS).p.tolist() == [1, 1]
    assert inexact(table, near, COLUMNS) == []
    (line,) = inexact(table, table.assign(q=table.q.where(table.seed != 3, 9.0)), COLUMNS)
    assert f"most apart {table.q[3]:.6g} and 9 (published, now)" in line


def test_each_situation_is_judged_alone_if_it_has_seeds_enough():
    table = rows(["l1", "l2"])
    again = table.assign(q=table.q + 2.0 * (table.penalty == "l2") - 2.0 * (table.penalty == "l1"))
    assert len(unlikely(quantities(table, again, KEYS, COLUMNS), 0.003)) == 2
    found = quantities(table[::10], again[::10], KEYS, COLUMNS)
    assert list(found.index) == [("all situations", "q"), ("all situations", "ari")]


def test_lines_tell_means_and_situation_and_are_corrected_for_the_number_of_quantities():
    table = rows()
    found = quantities(table, moved(table, 0.5), KEYS, COLUMNS)
    (line,) = unlikely(found, 0.05)
    means = table.q.mean(), moved(table, 0.5).q.mean()
    assert line.startswith(
        f"    q: means {means[0]:.6g} and {means[1]:.6g} (published, now), l1; p"
    )
    p = found.p["l1", "q"]
    assert unlikely(found, 1.99 * p) == []
    assert len(unlikely(found, 2.01 * p)) == 1


def test_what_is_no_longer_defined_differs_and_one_network_more_or_less_does_not():
    table = rows()
    lost = table.assign(ari=np.nan)
    for both in ((table, lost), (lost, table)):
        (line,) = unlikely(quantities(*both, KEYS, COLUMNS), 0.003)
        assert line.startswith("    ari (whether defined): means")
        assert len(inexact(*both, COLUMNS)) == 1
    one = table.assign(ari=table.ari.where(table.seed != 3))
    assert unlikely(quantities(table, one, KEYS, COLUMNS), 0.05) == []


def test_measures_are_numbers_but_for_keys_and_seconds():
    assert measures(rows().assign(seconds=1.0, note="x"), KEYS) == COLUMNS
    assert unlikely(quantities(rows(), rows(), KEYS, []), 0.05) == []
