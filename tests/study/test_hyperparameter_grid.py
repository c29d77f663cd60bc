"""The grid of settings, against what was fixed of it beforehand."""

from collections import Counter

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.study.hyperparameter_grid import (
    BASE,
    FACTORS,
    GRID_TASKS,
    MOST,
    combinations,
    departures,
    development,
    grid_table,
    held_back,
    started,
)
from modlib.tasks import TASKS
from modlib.training.fit import trial


def test_departures_differ_from_the_base_in_one_factor():
    base, *others = departures("planted_0")
    assert base == BASE._replace(task="planted_0")
    changed = [
        [factor for factor in FACTORS if getattr(other, factor) != getattr(base, factor)]
        for other in others
    ]
    assert Counter(factor for each in changed for factor in each) == {
        factor: len(values) - 1 for factor, values in FACTORS.items()
    }


def test_combinations_are_of_each_task_alike_and_cheap_enough():
    drawn = combinations()
    assert Counter(setting.task for setting in drawn) == dict.fromkeys(GRID_TASKS, 20)
    assert len(set(drawn)) == 60
    assert max(setting.multiplications for setting in drawn) <= MOST
    assert drawn == combinations()


def test_what_is_held_back_is_not_developed_on():
    seen, later = development(), held_back()
    assert not set(seen) & set(later)
    assert {setting.task for setting in departures("two_digits")} == {"two_digits"}
    assert (len(seen), len(later)) == (32 + 30, 64 + 30)


def test_multiplications_are_those_of_the_weight_matrices():
    width, examples = 48, 128 * TASKS["two_digits"]().steps
    one_way = examples * (128 * width + width * width + width * 20)
    assert BASE.multiplications == 3 * one_way


def test_networks_start_as_in_other_tables_but_for_their_scale():
    setting = BASE._replace(width=6, layers=1, scale=3.0)
    ones, threes = (weights(started(setting._replace(scale=scale), [0, 1])) for scale in (1, 3))
    for W, V in zip(ones, threes, strict=True):
        torch.testing.assert_close(3 * W, V)


@pytest.mark.parametrize(("method", "penalty"), [("none", "none"), ("penalty", "walk_loops")])
def test_the_base_setting_is_that_of_the_other_tables(method, penalty):
    setting = BASE._replace(steps=0.01)
    rows = grid_table(setting, method, [0, 1], nulls=2, restarts=1)
    run = trial("two_digits", penalty, None, [0, 1], steps=20, nulls=2, restarts=1)
    # not fused, Adam rounds otherwise, and the search may end elsewhere
    for column, tolerance in (("accuracy", 0.002), ("q", 0.003)):
        np.testing.assert_allclose(rows[column], run.table[column], atol=tolerance)


def test_steps_of_walk_loops_are_taken_and_a_setting_is_told():
    setting = BASE._replace(steps=0.02, activation="relu", optimiser="SGD 0.1")
    rows = grid_table(setting, "steps", [4], nulls=2, restarts=1)
    plain = grid_table(setting, "none", [4], nulls=2, restarts=1)
    assert rows.q[0] != plain.q[0]
    told = rows[["activation", "optimiser", "n_steps", "seed", "method"]]
    assert told.values.tolist() == [["relu", "SGD 0.1", 40, 4, "steps"]]


def test_diverged_networks_have_no_measures():
    setting = BASE._replace(steps=0.02, activation="relu", optimiser="SGD 0.2", scale=1e12)
    rows = grid_table(setting, "none", [0], nulls=2, restarts=1)
    assert rows.status[0] == "diverged"
    assert rows[["accuracy", "share", "connected_ari"]].isna().all(axis=None)
