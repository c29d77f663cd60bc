"""The grid of settings, against what was fixed of it beforehand."""

from collections import Counter

from modlib.study.hyperparameter_grid import (
    BASE,
    FACTORS,
    GRID_TASKS,
    MOST,
    combinations,
    departures,
    development,
    held_back,
)
from modlib.tasks import TASKS


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
