"""Digits side by side and the need of examples, held against loops and numbers by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from modlib.chain import weights
from modlib.study import samples
from modlib.tasks import TASKS
from modlib.training.fit import fit


def images_of(examples, count):
    return {tuple(image) for image in examples.x.unflatten(1, (count, -1)).flatten(0, 1).tolist()}


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_a_task_has_an_image_a_head_and_neurons_for_each_digit(count):
    task = samples.digits(count, 30)
    data = task.draw(3)
    assert data.train.x.shape == (30, 64 * count)
    assert task.heads == (10,) * count
    assert task.hidden == (samples.HIDDEN * count,) * 2
    assert not images_of(data.train, count) & images_of(data.test, count)


def test_up_to_four_digits_the_examples_are_those_of_the_registered_tasks():
    for count, name in {1: "digits", 2: "two_digits", 4: "four_digits"}.items():
        own, other = samples.digits(count, 10_000).draw(3), TASKS[name]().draw(3)
        assert torch.equal(own.train.x, other.train.x)
        assert torch.equal(own.test.targets, other.test.targets)


def test_more_examples_hold_the_fewer():
    few, many = (samples.digits(2, n).draw(3).train for n in (20, 50))
    assert torch.equal(few.x, many.x[:20])
    assert torch.equal(few.targets, many.targets[:20])


@pytest.mark.parametrize("count", [1, 2, 6])
def test_given_modules_are_of_one_size_whatever_the_number_of_digits(count):
    made = []

    def trained(*given, **settings):
        made.append(fit(*given, **settings))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "trial", trained)
        rows = samples.learned(count, 20, "hard_wired", [1.0], [3], steps=1)
    assert rows.penalty.tolist() == ["hard_wired"]
    first, *others = ((W[0] != 0).sum().item() / count for W in weights(made[0].network))
    assert others == [samples.HIDDEN**2, samples.HIDDEN * 10]
    live = samples.digits(1, 20).live.sum()
    assert samples.HIDDEN * live <= first <= samples.HIDDEN * 64


def test_tasks_without_a_digit_or_an_example_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        samples.digits(0, 10)
    with pytest.raises(ValueError, match="2 digits needs n_train >= 1, got 0"):
        samples.digits(2, 0)


def test_the_need_is_interpolated_over_logarithms_by_hand():
    curve = pd.Series([0.5, 0.7, 0.9, 0.8], [10, 100, 1_000, 10_000])
    assert samples.need(curve, 0.7) == pytest.approx(100)
    assert samples.need(curve, 0.8) == pytest.approx(10**2.5)
    by_numpy = 10 ** np.interp(0.86, [0.5, 0.7, 0.9], [1, 2, 3])
    assert samples.need(curve, 0.86) == pytest.approx(by_numpy)
    # what is reached once is reached, though not by the most examples
    assert samples.need(curve, 0.9) == pytest.approx(1_000)


def test_a_need_beyond_the_numbers_tried_is_told():
    curve = pd.Series([0.5, 0.7], [10, 100])
    assert samples.need(curve, 0.71) == math.inf
    assert samples.need(curve, 0.5) == samples.need(curve, 0.4) == 0


def test_no_more_examples_are_tried_once_all_networks_reach_the_target(monkeypatch):
    reached = {10: [0.95, 0.5], 20: [0.8, 0.9], 40: [0.9, 0.95], 80: [1.0, 1.0]}
    told = []

    def learned(count, n_train, penalty, strengths, seeds, **settings):
        told.append((count, penalty, strengths, seeds, settings))
        return pd.DataFrame({"examples": n_train, "accuracy": reached[n_train]})

    monkeypatch.setattr(samples, "learned", learned)
    rows = samples.until_reached(3, list(reached), 0.9, "l1", 0.1, [0, 1], steps=7)
    assert pd.concat(rows).examples.unique().tolist() == [10, 20, 40]
    assert told == [(3, "l1", [0.1], [0, 1], {"steps": 7})] * 3
    reached[40][1] = np.nan
    assert len(list(samples.until_reached(3, [10, 40, 80], 0.9, "l1", 0.1, [0, 1]))) == 3


def test_rows_say_what_was_learned_from_how_much():
    rows = samples.learned(2, 30, "l2", [0.0, 0.1], [3], steps=2, nulls=2, restarts=1)
    assert rows[["digits", "examples", "strength", "seed", "steps"]].values.tolist() == [
        [2, 30, 0.0, 3, 2],
        [2, 30, 0.1, 3, 2],
    ]
    run = fit(samples.digits(2, 30), "l2", [0.1], [3], steps=2)
    test = run.data[0].test
    outputs = run.network(test.x[None])[0].unflatten(1, (2, 10))
    hits = (outputs.argmax(2) == test.targets).float().mean().item()
    assert rows.accuracy[1] == pytest.approx(hits, abs=1e-6)
