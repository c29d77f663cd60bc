"""Tables of recurrent networks, against networks trained and measured one stack at a time."""

import numpy as np
import pandas as pd
import pytest
import torch

from modlib.batch.selection import chosen_strengths
from modlib.chain import weights
from modlib.study.recurrent import PENALTIES, recurrent_table
from modlib.study.recurrent_measures import measure_recurrent
from modlib.study.recurrent_networks import (
    RecurrentStack,
    delayed_recall,
    largest_left,
    train_recurrent,
)
from modlib.training.measures import DENSITY
from modlib.walks import walk_loop_penalty

DELAYS = [1, 2]
SELECTION, EVALUATION = [100, 101], [0, 1]
TRIED = {"none": [0.0], "walk_loops": [1e-6, 5.0]}
SIZES = {"neurons": 6, "times": 8, "steps": 30}
MEASURES = ["accuracy", "validation_accuracy", "q", "excess", "capacity", "branching"]


@pytest.fixture(scope="module")
def table():
    also = {"walk_loops": [0.5]}
    return recurrent_table("short recall", DELAYS, TRIED, also, SELECTION, EVALUATION, **SIZES)


def trained(seeds, penalty="none", strength=0.0):
    stack = RecurrentStack(2, 6, 4, seeds)
    train_recurrent(stack, delayed_recall, DELAYS, PENALTIES[penalty], strength, times=8, steps=30)
    return stack


def test_every_strength_is_trained_on_the_selection_seeds(table):
    rows = table[table.role == "selection"]
    found = {
        (penalty, strength): list(of_one.seed)
        for (penalty, strength), of_one in rows.groupby(["penalty", "strength"])
    }
    assert found == {
        ("none", 0.0): SELECTION,
        ("walk_loops", 1e-6): SELECTION,
        ("walk_loops", 5.0): SELECTION,
    }


def test_the_chosen_strength_and_those_also_judged_are_judged_on_others(table):
    chosen = chosen_strengths(table)
    judged = table[(table.role == "evaluation") & (table.penalty == "walk_loops")]
    strengths = {0.5, chosen["short recall", "walk_loops"]}
    assert set(judged.strength) == strengths
    assert judged.groupby("strength").seed.apply(list).tolist() == [EVALUATION] * len(strengths)


@pytest.mark.parametrize(
    ("penalty", "strength", "role", "seeds"),
    [("none", 0.0, "evaluation", EVALUATION), ("walk_loops", 5.0, "selection", SELECTION)],
)
def test_a_row_is_what_its_network_gives_by_itself(table, penalty, strength, role, seeds):
    rows = table.query("penalty == @penalty and strength == @strength and role == @role")
    stack = trained(seeds, penalty, strength)
    by_hand = measure_recurrent(stack, delayed_recall, DELAYS, times=8)
    assert np.allclose(rows[MEASURES], by_hand[MEASURES], atol=1e-4)


def test_the_control_goes_on_from_the_largest_weights_of_networks_without_a_penalty(table):
    sparse = largest_left(trained(EVALUATION), DENSITY)
    train_recurrent(sparse, delayed_recall, DELAYS, times=8, steps=30)
    assert all((W != 0).float().mean() == pytest.approx(DENSITY, abs=0.05) for W in weights(sparse))
    by_hand = measure_recurrent(sparse, delayed_recall, DELAYS, times=8)
    rows = table[table.penalty == "pruned"]
    assert np.allclose(rows[MEASURES], by_hand[MEASURES], atol=1e-4)
    assert set(rows.role) == {"evaluation"}


def test_walk_loops_are_those_of_two_steps():
    chain = [torch.randn(shape) for shape in ((2, 5), (5, 5), (5, 4))]
    into, recurrent, out = chain
    of_two = walk_loop_penalty([into, recurrent, recurrent, out])
    assert torch.equal(PENALTIES["walk_loops"](chain), of_two)


def test_an_unknown_task_or_penalty_is_named():
    told = {}, SELECTION, EVALUATION
    with pytest.raises(ValueError, match=r"task of .*short recall.* got 'recall'"):
        recurrent_table("recall", DELAYS, TRIED, *told)
    with pytest.raises(ValueError, match=r"penalties of .*walk_loops.* got .*\['none', 'l3'\]"):
        recurrent_table("n-back", DELAYS, {"none": [0.0], "l3": [1.0]}, *told)


def test_tables_of_two_tasks_go_together():
    tables = [
        recurrent_table(task, DELAYS, {"none": [0.0]}, {}, [100], [0], **SIZES)
        for task in ("short recall", "n-back")
    ]
    both = pd.concat(tables)
    assert both.groupby("task").size().to_dict() == {"short recall": 3, "n-back": 3}
    assert not np.allclose(*(table.accuracy for table in tables))
