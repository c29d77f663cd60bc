"""Seconds of training steps, by a clock that the test turns, and steps against what they say."""

import copy
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from modlib.batch import comparison, parts, schemas
from modlib.penalties import PENALTIES
from modlib.penalties.walk_loops import WalkLoops
from modlib.study import step_costs as costs
from modlib.walks import walk_loop_penalty

SIZE = (5, 4, 3, 2)


class Clock:
    """A clock that steps turn forward: each by so much, and the first of them by more."""

    def __init__(self, monkeypatch):
        self.now, self.order = 0.0, []
        monkeypatch.setattr(costs, "time", SimpleNamespace(process_time=lambda: self.now))

    def step(self, name, seconds):
        self.order.append(name)
        self.now += seconds[len(self.order) % len(seconds)]


def test_turns_are_taken_in_blocks_of_any_order_and_their_median_counts(monkeypatch):
    clock = Clock(monkeypatch)
    seconds = {"none": [0.004], "noise": [0.008], "count": [0.02]}
    steps = {name: partial(clock.step, name, of) for name, of in seconds.items()}
    found = costs.turns(steps, 1.0, np.random.default_rng(0))
    assert found.to_dict() == pytest.approx({name: of[0] for name, of in seconds.items()})
    # three plain steps take a hundredth of a second, and a turn then 3 (4 + 8 + 20) thousandths
    first, *taken = clock.order
    assert first == "none"
    blocks = [taken[n : n + 3] for n in range(0, len(taken), 3)]
    assert all(len(set(block)) == 1 for block in blocks)
    turns = [tuple(block[0] for block in blocks[n : n + 3]) for n in range(0, len(blocks), 3)]
    assert len(turns) == 11
    assert {frozenset(turn) for turn in turns} == {frozenset(seconds)}
    assert len(set(turns)) > 2


def test_a_round_has_a_turn_however_short_it_is(monkeypatch):
    clock = Clock(monkeypatch)
    steps = {"none": partial(clock.step, "none", [1.0])}
    assert costs.turns(steps, 0.0, np.random.default_rng(0)).none == 1.0
    assert len(clock.order) == 2


def test_what_disturbs_one_turn_leaves_the_median(monkeypatch):
    clock = Clock(monkeypatch)
    steps = {"none": partial(clock.step, "none", [0.1, 0.1, 0.1, 0.1, 9.0])}
    assert costs.turns(steps, 9.2, np.random.default_rng(0)).none == pytest.approx(0.1)


def test_steps_of_a_run_cost_what_all_of_them_do_on_average():
    quiet, kept, counted = 1.0, 0.25, 3.0
    loops = WalkLoops(costs.Training(SIZE, 2, PENALTIES["none"]).model, steps=costs.STEPS)
    total = 0.0
    for taken in range(1, costs.STEPS + 1):
        phase = taken % loops.every
        total += quiet + kept * (phase == loops.every - 1) + counted * (phase == 0)
    found = pd.Series({"none": 0.5, "noise": quiet, "count": 2 * quiet + kept + counted})
    run = costs.of_run(found, costs.STEPS // costs.COUNTS)
    assert run.walk_loop_steps == pytest.approx(total / costs.STEPS, rel=1e-3)
    assert list(run.index) == ["none", "noise", "walk_loop_steps"]


def test_one_kind_of_step_counts_no_loops_and_the_other_counts_once(monkeypatch):
    rates = []
    monkeypatch.setattr(WalkLoops, "_fade", lambda loops, gradients, rate: rates.append(rate))
    steps = costs.in_steps(SIZE, 3)
    for _ in range(5):
        steps["noise"]()
    assert not rates
    for _ in range(4):
        steps["count"]()
    assert len(rates) == 4
    assert min(rates) > 0


@pytest.mark.parametrize(("name", "strength"), [("none", 0.0), ("walk_loops", 0.15)])
def test_a_step_goes_down_the_loss_with_its_penalty(name, strength):
    torch.manual_seed(0)
    train = costs.Training(SIZE, 6, PENALTIES[name])
    model = copy.deepcopy(train.model)
    chain = [layer.weight.T for layer in model[::2]]
    loss = F.cross_entropy(model(train.x), train.targets) + strength * walk_loop_penalty(chain)
    expected = torch.autograd.grad(loss, list(model.parameters()))
    train()
    for theta, gradient, old in zip(
        train.model.parameters(), expected, model.parameters(), strict=True
    ):
        torch.testing.assert_close(theta.grad, gradient)
        assert not torch.equal(theta, old)


def test_what_a_rival_learns_is_learned_with_the_network():
    train = costs.Training(SIZE, 6, PENALTIES["learned_places"])
    before = [place.detach().clone() for place in train.penalty.parameters()]
    train()
    assert before
    assert any(
        not torch.equal(old, new)
        for old, new in zip(before, train.penalty.parameters(), strict=True)
    )


def test_the_table_has_a_row_for_each_penalty_and_round_and_leaves_the_process_alone():
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    rows = costs.step_costs("5-4-3-2", 6, ["bimt"], rounds=2, seconds=0.0)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    penalties = ["none", "l1", "walk_loops", "bimt", "noise", "walk_loop_steps"]
    assert rows.groupby("round").penalty.apply(list).to_dict() == {0: penalties, 1: penalties}
    assert (rows.seconds > 0).all()
    origin = dict.fromkeys(schemas.ORIGIN, "x")
    schemas.check("step_costs", rows.assign(**origin))


def test_what_is_made_again_has_the_same_rows_and_any_seconds():
    keys = schemas.keys("step_costs")
    one, two = (costs.step_costs("4-3-2", 2, [], rounds=2, seconds=0.0) for _ in range(2))
    again = parts.matching(one, two, keys)
    assert comparison.measures(two, keys) == []
    assert comparison.unlikely(comparison.quantities(again, two, keys, []), 0.05) == []
    with pytest.raises(ValueError, match="10 of 10 without"):
        parts.matching(one, two.assign(batch=3), keys)


def test_memory_is_kept_where_the_library_can(monkeypatch):
    told = []
    able = SimpleNamespace(mallopt=lambda *option: told.append(option))
    for library in (able, SimpleNamespace()):
        monkeypatch.setattr(costs.ctypes, "CDLL", lambda _, library=library: library)
        costs.keep_memory()
    # malloc.h: M_TRIM_THRESHOLD is -1, at -1 nothing is given back; M_MMAP_MAX is -4
    assert told == [(-1, -1), (-4, 0)]


def test_the_processor_has_a_name(monkeypatch, tmp_path):
    assert costs.machine()
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: A 12\nprocessor\t: 1\nmodel name\t: A 12\n")
    monkeypatch.setattr(costs, "Path", lambda _: told)
    assert costs.machine() == "A 12"
    told.unlink()
    assert costs.machine() == costs.platform.machine()
