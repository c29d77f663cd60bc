"""Training: networks in a stack are what they would be alone; records are what they say."""

import inspect
import math
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from modlib import loop_penalty, modularity, train, weights
from modlib.network.denormals import flushed_denormals
from modlib.penalties.penalty import Penalty, no_penalty
from modlib.tasks import TASKS, digits
from modlib.tasks.addition import modular_addition
from modlib.tasks.formulas import formulas
from modlib.tasks.planted import planted
from modlib.training.fit import fit, trial
from modlib.training.loop import mini_batches
from modlib.training.stacks import Stack

QUICK = {"nulls": 2, "restarts": 1}
SMALL = {"hidden": (6, 5), "steps": 20, "batch_size": 16}
BRIEF = {**QUICK, **SMALL}
TASK = TASKS["retina"]()


@pytest.fixture(scope="module")
def run():
    return train("retina", "loops", [1e-3, 1e-1], [4, 2, 7], snapshots=[0, 8, 20], **BRIEF)


def networks(chain):
    """The networks of a stack, each as its chain."""
    return [[W[n] for W in chain] for n in range(len(chain[0]))]


def close(a, b):
    # batched products may add up in another order, and Adam's first steps have the size
    # of its learning rate, 5e-3, however small the gradient: rounding is magnified
    for A, B in zip(a, b, strict=True):
        torch.testing.assert_close(A, B, rtol=1e-3, atol=1e-4)


def test_rows_are_strengths_by_seeds_in_the_order_given(run):
    assert run.table.strength.tolist() == [1e-3] * 3 + [1e-1] * 3
    assert run.table.seed.tolist() == [4, 2, 7] * 2
    assert (run.table.task == "retina").all()
    assert (run.table.penalty == "loops").all()
    assert (run.table.steps == 20).all()
    assert (run.table.seconds > 0).all()
    assert (run.table.status == "ok").all()


def test_the_chain_is_that_of_the_whole_stack_without_gradient(run):
    assert [tuple(W.shape) for W in run.chain] == [(6, 8, 6), (6, 6, 5), (6, 5, 2)]
    assert not any(W.requires_grad for W in run.chain)


@pytest.mark.parametrize("row", [1, 5])
def test_a_network_ends_in_a_stack_as_it_does_alone(run, row):
    setting = run.table.loc[row]
    alone = train("retina", "loops", setting.strength, [int(setting.seed)], **BRIEF)
    close(networks(run.chain)[row], networks(alone.chain)[0])


def test_strengths_and_seeds_make_a_difference(run):
    ends = [torch.cat([W.flatten() for W in chain]) for chain in networks(run.chain)]
    for a in range(6):
        for b in range(a):
            assert not torch.allclose(ends[a], ends[b], atol=1e-3)


def test_snapshot_zero_is_the_initial_network_of_each_seed(run):
    initial = Stack([8, 6, 5, 2], seeds=run.table.seed.tolist())
    for a, b in zip(run.snapshots[0].parameters(), initial.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_last_snapshot_is_the_trained_network(run):
    assert list(run.snapshots) == [0, 8, 20]
    for a, b in zip(weights(run.snapshots[20]), run.chain, strict=True):
        assert torch.equal(a, b)


def test_a_snapshot_is_where_a_shorter_training_ends(run, monkeypatch):
    # up to step 8 of 20 the learning rate has not fallen
    monkeypatch.setattr("modlib.training.loop.FALL", 1e-9)
    shorter = train("retina", "loops", [1e-3, 1e-1], [4, 2, 7], **{**BRIEF, "steps": 8})
    close(weights(run.snapshots[8]), shorter.chain)


def test_history_describes_each_snapshot_on_validation_examples(run):
    keys = list(zip(run.history.step, run.history.strength, run.history.seed, strict=True))
    grid = list(zip(run.table.strength, run.table.seed, strict=True))
    assert keys == [(step, *network) for step in (0, 8, 20) for network in grid]
    for (step, _, seed), row in zip(keys, run.history.itertuples(), strict=True):
        network = run.snapshots[step]
        validation = TASK.draw(seed).validation
        n = row.Index % 6
        outputs = network(validation.x.expand(6, -1, -1))[n]
        labels = validation.targets
        loss = sum(
            F.binary_cross_entropy_with_logits(outputs[:, t], labels[:, t].float()) for t in (0, 1)
        )
        chain = [W[n].detach() for W in weights(network)]
        assert row.task_loss == pytest.approx(loss.item(), rel=1e-5)
        assert row.accuracy == pytest.approx(((outputs > 0) == labels).float().mean().item())
        assert row.penalty == pytest.approx(loop_penalty(chain).item(), rel=1e-5)
        assert row.excess == pytest.approx(modularity(chain, nulls=5, restarts=1).excess)


def test_without_snapshots_there_is_no_history():
    run = train("retina", seeds=[0], **{**BRIEF, "steps": 1})
    assert run.snapshots == {}
    assert run.history.empty


@pytest.fixture(scope="module")
def learned():
    return train("retina", "l2", [0.0, 3e-3, 3e-2], range(2), steps=500, **QUICK)


def test_a_network_without_penalty_learns_its_task(learned):
    # the guess gets half of them right
    accuracy = learned.table[learned.table.strength == 0].accuracy
    assert accuracy.min() > 0.8


def test_a_stronger_l2_penalty_leaves_smaller_weights(learned):
    squares = sum(W.square().sum((-2, -1)) for W in learned.chain).view(3, 2)
    assert (squares[0] > squares[1]).all()
    assert (squares[1] > squares[2]).all()


def test_no_penalty_is_what_a_strength_of_zero_gives():
    none = train("retina", "none", seeds=[3], **BRIEF)
    assert none.table.strength.tolist() == [0.0]
    close(none.chain, train("retina", "l2", 0.0, [3], **BRIEF).chain)


def test_the_penalty_has_its_own_strength_where_none_is_given():
    assert train("retina", "l1", seeds=[3], **BRIEF).table.strength.tolist() == [1e-3]


def test_three_steps_of_gradient_descent_by_hand():
    run = train(
        "retina", "l2", 0.25, [6], optimiser=partial(torch.optim.SGD, lr=0.5), snapshots=[0],
        **{**BRIEF, "steps": 3},
    )  # fmt: skip
    network = run.snapshots[0]
    for batch in mini_batches([TASK.draw(6).train], [6], 16, 3):
        outputs, labels = network(batch.x)[0], batch.targets[0].float()
        loss = sum(F.binary_cross_entropy_with_logits(outputs[:, t], labels[:, t]) for t in (0, 1))
        slopes = torch.autograd.grad(loss, list(network.parameters()))
        for (name, old), slope in zip(network.named_parameters(), slopes, strict=True):
            # the penalty 0.25 sum w^2 is of weights alone
            pull = 0.5 * old.data if name.endswith("weight") else 0
            old.data -= 0.5 * (slope + pull)
    for expected, got in zip(network.parameters(), run.network.parameters(), strict=True):
        torch.testing.assert_close(got, expected)


def test_numbers_are_predicted_by_their_squared_error():
    task = formulas("independence")
    run = train(
        task, seeds=[6], optimiser=partial(torch.optim.SGD, lr=0.1), snapshots=[0],
        **{**BRIEF, "steps": 2},
    )  # fmt: skip
    network = run.snapshots[0]
    for batch in mini_batches([task.draw(6).train], [6], 16, 2):
        errors = (network(batch.x) - batch.targets)[0]
        loss = sum(F.mse_loss(error, torch.zeros(16)) for error in errors.T)
        slopes = torch.autograd.grad(loss, list(network.parameters()))
        for old, slope in zip(network.parameters(), slopes, strict=True):
            old.data -= 0.1 * slope
    for expected, got in zip(network.parameters(), run.network.parameters(), strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize(
    "task",
    [
        digits(3, n_train=50),
        planted(3, 4, 0.5, n_train=50),
        formulas("composition", n_train=50),
        modular_addition(7),
    ],
    ids=lambda task: task.name,
)
def test_every_kind_of_task_can_be_trained(task):
    run = train(task, "l2", [0.0, 1e-3], [0, 1], snapshots=[3], **{**BRIEF, "steps": 3})
    assert run.table.status.tolist() == ["ok"] * 4
    for column in ("accuracy", "validation_accuracy", "pruned_accuracy"):
        assert run.table[column].between(0, 1).all()
    assert run.history.task_loss.gt(0).all()
    assert run.table.ari.isna().all() == (len(task.known_modules) == 0)


def test_formulas_are_learned():
    run = train("formulas_sharing", seeds=[0], hidden=(20,), steps=300, **QUICK)
    assert run.table.accuracy.min() > 0.8


def recorder(made, strength=1.0):
    """A penalty of nothing that notes what it is made of and doubles the first weights."""

    def prepare(task, network, strengths):
        made.append((task, network, strengths))
        with torch.no_grad():
            network.layers[0].weight *= 2

    def make(task, widths, seeds, strengths):
        made.append((task, widths, seeds, strengths))
        return NoPenalty()

    return Penalty("recorder", make, strength, prepare)


class NoPenalty(nn.Module):
    def forward(self, chain):
        return no_penalty(chain)


def test_a_penalty_is_made_of_the_task_the_networks_and_a_strength_for_each():
    made = []
    run = train("retina", recorder(made), [0.5, 2.0], [4, 7], snapshots=[0], **BRIEF)
    (task, network, strengths), made_of = made
    assert task is run.task
    assert network is run.network
    assert network.seeds == tuple(run.table.seed) == (4, 7, 4, 7)
    assert strengths == run.table.strength.tolist() == [0.5, 0.5, 2.0, 2.0]
    assert made_of[0] is task
    assert tuple(made_of[1]) == network.widths
    assert made_of[2:] == (network.seeds, strengths)
    # what it does to the network comes before the first step
    initial = Stack([8, 6, 5, 2], seeds=[4, 7, 4, 7])
    first, second, _ = weights(run.snapshots[0])
    assert torch.equal(first, 2 * initial.layers[0].weight)
    assert torch.equal(second, initial.layers[1].weight)


class CountedNoise(nn.Module):
    """Silences every hidden neuron in training, and counts how often."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        return 0 * x if self.training else x


def test_noise_is_for_training_and_not_for_what_is_recorded_of_it():
    noises = []

    def prepare(task, network, strengths):
        network.noise = CountedNoise()
        noises.append(network.noise)

    penalty = Penalty("noise", lambda *_: NoPenalty(), 1.0, prepare)
    run = train("retina", penalty, seeds=[3], snapshots=[0, 8, 20], **BRIEF)
    # two hidden layers, 20 steps, none for three snapshots and the last measures
    assert noises[0].calls == 40
    assert not run.network.training
    assert not any(snapshot.training for snapshot in run.snapshots.values())
    # silence teaches no weight anything
    assert torch.equal(*(weights(run.snapshots[step])[0] for step in (0, 20)))
    data = TASK.draw(3).validation
    for row in run.history.itertuples():
        outputs = run.snapshots[row.step](data.x[None])[0]
        assert outputs.std(0).min() > 0
        assert row.accuracy == pytest.approx(((outputs > 0) == data.targets).float().mean().item())


def test_the_activation_is_the_tasks_own_unless_another_is_chosen():
    task = modular_addition(5)
    brief = {**BRIEF, "steps": 1}
    assert train(task, seeds=[0], **brief).network.activation is torch.relu
    assert train(task, seeds=[0], activation=torch.sin, **brief).network.activation is torch.sin
    assert train("retina", seeds=[0], **brief).network.activation is torch.tanh


def test_a_network_draws_the_same_mini_batches_whatever_else_is_in_the_stack():
    data = {seed: TASK.draw(seed).train for seed in (3, 5)}
    together = list(mini_batches(list(data.values()), [3, 5], 16, 4))
    alone = list(mini_batches([data[5]], [5], 16, 4))
    assert len(together) == len(alone) == 4
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a.x[1:], b.x)
        assert torch.equal(a.targets[1:], b.targets)
    assert not torch.equal(alone[0].x, alone[1].x)


def test_another_seed_draws_other_mini_batches_from_the_same_data():
    data = TASK.draw(5).train
    (batch,) = mini_batches([data, data], [3, 5], 16, 1)
    assert not torch.equal(batch.x[0], batch.x[1])


def test_mini_batches_hold_training_examples_with_their_labels():
    data = TASK.draw(5).train
    labels = {
        tuple(x): label for x, label in zip(data.x.tolist(), data.targets.tolist(), strict=True)
    }
    drawn = [
        (tuple(x), label)
        for batch in mini_batches([data], [5], 64, 20)
        for x, label in zip(batch.x[0].tolist(), batch.targets[0].tolist(), strict=True)
    ]
    assert all(labels[x] == label for x, label in drawn)
    # 1,280 draws with replacement out of 128 miss one in e^10
    assert len({x for x, _ in drawn}) > 125


def test_the_learning_rate_falls_to_zero_over_the_last_fifth_of_the_steps():
    rates = []

    class Recording(torch.optim.SGD):
        def step(self, closure=None):
            rates.extend(group["lr"] for group in self.param_groups)
            return super().step(closure)

    train("retina", "none", 0.0, [0], **BRIEF | {"optimiser": partial(Recording, lr=0.5)})
    assert rates == pytest.approx([0.5] * 17 + [0.375, 0.25, 0.125])


MEASURES = [
    "accuracy", "validation_accuracy", "q", "q_null_mean", "q_null_std", "excess",
    "share", "strengths_excess", "live_excess", "conductance", "communities", "ari", "connected",
    "connected_ari", "specialisation", "pruned_excess", "pruned_accuracy",
]  # fmt: skip


def test_a_network_that_diverges_keeps_its_row_and_leaves_the_others_alone():
    settings = {**BRIEF, "optimiser": partial(torch.optim.SGD, lr=0.1), "snapshots": [0, 20]}
    both = train("retina", "loops", [1e-3, 1e9], [0, 1], **settings)
    sound = train("retina", "loops", [1e-3], [0, 1], **settings)
    assert both.table.status.tolist() == ["ok", "ok", "diverged", "diverged"]
    assert both.table.loc[2:, MEASURES].isna().all(axis=None)
    assert both.table.loc[2:, ["strength", "seed"]].to_numpy().tolist() == [[1e9, 0], [1e9, 1]]
    close(*([W[:2] for W in run.chain] for run in (both, sound)))
    # whole numbers become floats beside NaN
    pd.testing.assert_frame_equal(
        both.table.loc[:1, MEASURES], sound.table[MEASURES], atol=1e-5, check_dtype=False
    )
    now = both.history.set_index("step").loc[20]
    assert now[["task_loss", "penalty", "accuracy", "excess"]].isna().all(axis=1).tolist() == [
        False, False, True, True,
    ]  # fmt: skip


def test_a_task_may_be_passed_itself():
    run = train(TASKS["retina_and"](), seeds=[0], **{**BRIEF, "steps": 1})
    assert run.table.task.tolist() == ["retina_and"]
    # a single sub-task leaves nothing to specialise in
    assert run.table.specialisation.isna().all()


def test_sizes_left_out_are_those_of_the_task():
    signature = inspect.signature(fit)
    assert signature.parameters["hidden"].default is signature.parameters["steps"].default is None
    task = replace(TASK, hidden=(9, 7, 3), steps=11)
    run = train(task, seeds=[0], **QUICK)
    assert run.table.steps.tolist() == [11]
    assert [W.shape[-1] for W in run.chain] == [9, 7, 3, 2]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"task": "retnia"},
            "'retnia' is no task; the known ones are retina, retina_and, .*two_dig",
        ),
        ({"penalty": "l3"}, "'l3' is no penalty; the known ones are none, l1, l2, loops, walk_loo"),
        ({"seeds": []}, r"at least one seed, numbers all, none twice; got \[\]"),
        ({"seeds": [1, 2, 1]}, r"at least one seed, numbers all, none twice; got \[1, 2, 1\]"),
        ({"seeds": [0, -1]}, r"whole numbers of at least 0, got \[0, -1\]"),
        ({"seeds": [0.5]}, r"whole numbers of at least 0, got \[0\.5\]"),
        ({"strength": []}, "at least one strength"),
        ({"strength": [0.1, 0.1]}, r"at least one strength, .* none twice; got \[0\.1, 0\.1\]"),
        ({"strength": ["1e-5"]}, r"numbers all, .* got \['1e-5'\] \(YAML reads 1e-5 as text"),
        ({"strength": -0.1}, r"finite strengths of at least 0, got \[-0\.1\]"),
        ({"strength": math.nan}, r"finite strengths of at least 0, got \[nan\]"),
        ({"strength": math.inf}, r"finite strengths of at least 0, got \[inf\]"),
        ({"steps": 0}, "steps and batch_size of at least 1, got 0 and 16"),
        ({"batch_size": 0}, "steps and batch_size of at least 1, got 20 and 0"),
        ({"snapshots": [0, 21]}, r"numbers of steps from 0 to 20, got \[0, 21\]"),
        ({"snapshots": [-1]}, r"numbers of steps from 0 to 20, got \[-1\]"),
        ({"hidden": (4, 0)}, r"each at least 1; got \[8, 4, 0, 2\]"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting, message):
    # unwrapped, because the checked annotation refuses text as a strength before it does
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(fit)(**{"task": "retina", "penalty": "l2", **SMALL, **setting})


@pytest.mark.parametrize("function", [train, trial])
@pytest.mark.parametrize("too_few", [{"nulls": 1}, {"restarts": 0}], ids=str)
def test_too_few_searches_are_refused_before_anything_is_trained(function, too_few, monkeypatch):
    monkeypatch.setattr("modlib.training.fit.fit", None)
    with pytest.raises(ValueError, match="nulls >= 2 and restarts >= 1"):
        function("retina", "l2", 0.1, [0], **BRIEF | too_few)


def test_fitting_trains_the_same_networks_and_measures_nothing(run):
    alone = fit("retina", "loops", [1e-3, 1e-1], [4, 2, 7], snapshots=[0, 8, 20], **SMALL)
    for own, expected in zip(alone.chain, run.chain, strict=True):
        assert torch.equal(own, expected)
    pd.testing.assert_frame_equal(alone.history, run.history)
    told = ["strength", "seed", "task", "penalty", "steps"]
    assert set(alone.table) == {*told, "seconds"}
    pd.testing.assert_frame_equal(alone.table[told], run.table[told])
    assert [len(d.test.x) for d in alone.data] == [64, 64, 64]


def test_a_trial_has_the_measures_that_a_strength_is_chosen_by_as_training_has_them(run):
    tried = trial("retina", "loops", [1e-3, 1e-1], [4, 2, 7], **BRIEF).table
    assert {"status", "validation_accuracy", "excess"} < set(tried)
    assert not {"strengths_excess", "live_excess", "conductance", "specialisation"} & set(tried)
    same = tried.drop(columns="seconds")
    pd.testing.assert_frame_equal(same, run.table[same.columns])


def test_numbers_from_numpy_are_numbers():
    strengths = np.geomspace(1e-3, 1e-2, 2)
    run = train("retina", "l2", strengths, seeds=[0], **{**BRIEF, "steps": 1})
    assert run.table.strength.tolist() == strengths.tolist()


def half_the_smallest_normal_number():
    return (torch.tensor(torch.finfo(torch.float32).tiny) / 2).item()


def test_denormal_numbers_are_zero_within_and_not_afterwards():
    with flushed_denormals():
        assert half_the_smallest_normal_number() == 0
    assert half_the_smallest_normal_number() > 0
    with pytest.raises(RuntimeError), flushed_denormals():
        raise RuntimeError
    assert half_the_smallest_normal_number() > 0


def test_denormal_numbers_stay_zero_where_they_were_so_before():
    torch.set_flush_denormal(True)
    try:
        with flushed_denormals():
            pass
        assert half_the_smallest_normal_number() == 0
    finally:
        torch.set_flush_denormal(False)


def test_denormal_weights_become_zero_in_training(monkeypatch):
    # decay alone, by half at each step
    told = {"optimiser": partial(torch.optim.SGD, lr=0.25), "hidden": (4,), "steps": 170}
    task = replace(TASK, loss=lambda outputs, targets, heads: outputs.new_zeros(len(outputs)))
    flushed = fit(task, "l2", 1.0, [0], **told).chain
    monkeypatch.setattr("modlib.training.loop.flushed_denormals", nullcontext)
    kept = fit(task, "l2", 1.0, [0], **told).chain
    for W, V in zip(flushed, kept, strict=True):
        assert 0 < V.abs().max() < torch.finfo(torch.float32).tiny
        assert (W == 0).all()


def test_other_weights_are_what_they_are_without_flushing(monkeypatch):
    told = ("retina", "walk_loops", [0.15, 1.5], [0, 1])
    flushed = fit(*told, **SMALL).chain
    monkeypatch.setattr("modlib.training.loop.flushed_denormals", nullcontext)
    kept = fit(*told, **SMALL).chain
    assert all(torch.equal(W, V) for W, V in zip(flushed, kept, strict=True))
