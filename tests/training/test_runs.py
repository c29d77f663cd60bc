"""Runs can be pickled, and are the same in single precision whatever torch's default is."""

import pickle

import pandas as pd
import pytest
import torch

import modlib
from modlib.penalties import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.tasks import TASKS


def assert_same_weights(run, other):
    assert [W.dtype for W in other.chain] == [torch.float32] * len(run.chain)
    assert all(torch.equal(W, V) for W, V in zip(run.chain, other.chain, strict=True))


def assert_same_data(data, other):
    for part, other_part in zip(data, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(part, other_part, strict=True))


@pytest.mark.parametrize("name", PENALTIES | FORMS)
def test_a_run_with_any_penalty_can_be_pickled(name):
    run = modlib.fit("retina", name, seeds=[0, 1], steps=2, hidden=(6, 6), snapshots=[1])
    loaded = pickle.loads(pickle.dumps(run))
    assert_same_weights(run, loaded)
    pd.testing.assert_frame_equal(loaded.table, run.table)
    pd.testing.assert_frame_equal(loaded.history, run.history)
    sizes, x = (8, 6, 6, 2), run.data[0].test.x.expand(2, -1, -1)
    assert torch.equal(loaded.network(x), run.network(x))
    assert torch.equal(loaded.snapshots[1](x), run.snapshots[1](x))
    made = [of.penalty.make(of.task, sizes, [0, 1], [1.0, 1.0])(of.chain) for of in (run, loaded)]
    assert torch.equal(*made)
    # and it can be gone on from
    again = [modlib.fit(of.task, of.penalty, seeds=[2], steps=2) for of in (run, loaded)]
    assert_same_weights(*again)


@pytest.mark.parametrize("name", TASKS)
def test_any_task_can_be_pickled_and_draws_the_same(name):
    task = TASKS[name]()
    loaded = pickle.loads(pickle.dumps(task))
    assert (loaded.name, loaded.heads, loaded.hidden) == (name, task.heads, task.hidden)
    assert_same_data(task.draw(3), loaded.draw(3))


def in_doubles(function, *arguments, **settings):
    """What a function returns while numbers are in double precision by default."""
    torch.set_default_dtype(torch.float64)
    try:
        return function(*arguments, **settings)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", PENALTIES | FORMS)
def test_training_is_the_same_where_doubles_are_the_default(name):
    settings = {"seeds": [0, 1], "steps": 12, "snapshots": [6]}
    run = modlib.fit("retina", name, **settings)
    other = in_doubles(modlib.fit, "retina", name, **settings)
    assert_same_weights(run, other)
    pd.testing.assert_frame_equal(other.history, run.history, check_exact=True)


@pytest.mark.parametrize("name", TASKS)
def test_data_and_measures_are_the_same_where_doubles_are_the_default(name):
    settings = {"seeds": [0], "steps": 2, "hidden": (12,), "nulls": 2, "restarts": 1}
    run = modlib.train(name, "l1", **settings)
    other = in_doubles(modlib.train, name, "l1", **settings)
    assert_same_data(run.data[0], other.data[0])
    assert_same_weights(run, other)
    tables = (of.table.drop(columns="seconds") for of in (run, other))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
