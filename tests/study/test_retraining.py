"""Retraining, on networks wired by hand and on what has to hold of any."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.network.matrices import squares
from modlib.penalties import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.penalties.penalty import of_weights
from modlib.penalties.priors import hard_wired
from modlib.study.changed_tasks import relabelled
from modlib.study.modules import module_of_head, of_kind, outputs_of_head, present
from modlib.study.retraining import retrained, retraining_table, ways
from modlib.study.trained import largest_alone
from modlib.tasks import TASKS
from modlib.training.fit import train
from modlib.training.measures import stacked
from modlib.training.stacks import Stack

RETINA, DIGITS = TASKS["retina"](), TASKS["two_digits"]()
SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
STILL = partial(torch.optim.SGD, lr=0.0)
BRIEF = {"steps": 30, "every": 10, "batch_size": 16}


def stack_and_data(task=RETINA, seeds=(3, 8), hidden=(8, 8)):
    widths = [len(task.live), *hidden, len(task.output_modules)]
    return Stack(widths, list(seeds)), [task.draw(seed) for seed in seeds]


def halves(network: Stack) -> np.ndarray:
    """Return which half of its layer each neuron is in, for each network."""
    one = np.concatenate([np.arange(n) * 2 // n for n in network.widths])
    return np.tile(one, (len(network.seeds), 1))


def test_at_first_the_old_accuracy_is_kept_and_with_two_classes_the_new_one_is_its_complement():
    network, data = stack_and_data()
    start = retrained(network, RETINA, data, 1, SGD, **BRIEF).query("step == 0")
    for n, d in enumerate(data):
        x = d.test.x.expand(len(data), -1, -1)
        hits = ((network(x)[n] > 0) == d.test.targets).float().mean(0)
        assert start.kept.iloc[n] == pytest.approx(hits[0].item())
        assert start.changed.iloc[n] == pytest.approx(1 - hits[1].item())


def test_the_changed_sub_task_is_learned_and_the_network_is_left_as_it_was():
    network, data = stack_and_data()
    before = [p.clone() for p in network.parameters()]
    found = retrained(network, RETINA, data, 1, SGD, steps=300, every=100)
    assert found.step.unique().tolist() == [0, 100, 200, 300]
    assert (found[found.step == 300].changed > 0.9).all()
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize("optimiser", [SGD, partial(torch.optim.Adam, lr=5e-3)])
def test_separate_halves_lose_nothing_while_one_of_them_is_retrained(optimiser):
    network, data = stack_and_data(DIGITS)
    hard_wired(DIGITS, network, [1.0, 1.0])
    own = module_of_head(network, halves(network), DIGITS.heads, 1)
    masked, free = (
        retrained(network, DIGITS, data, 1, optimiser, trainable=which, **BRIEF).pivot(
            index="step", columns="network", values="kept"
        )
        for which in (own, None)
    )
    assert (masked.nunique() == 1).all()
    # where everything may change, what lies between the halves grows from zero
    assert (free.nunique() > 1).all()


def test_new_output_weights_alone_learn_something_and_cost_the_other_sub_task_nothing():
    network, data = stack_and_data(DIGITS)
    own = outputs_of_head(network, DIGITS.heads, 1)
    *others, weight, bias = own.values()
    assert not any(mask.any() for mask in others)
    for mask in (weight, bias):
        assert mask.all((0, 1)).tolist() == mask.any((0, 1)).tolist() == [False] * 10 + [True] * 10
    found = retrained(network, DIGITS, data, 1, SGD, trainable=own, **BRIEF)
    assert (found.groupby("network").kept.nunique() == 1).all()
    assert (found.groupby("network").changed.nunique() > 1).all()


def test_what_may_not_change_does_not():
    network, data = stack_and_data()
    none = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in network.named_parameters()}
    found = retrained(network, RETINA, data, 1, SGD, trainable=none, **BRIEF)
    assert (found.groupby("network")[["changed", "kept"]].nunique() == 1).all(axis=None)


def test_examples_say_nothing_of_the_other_sub_task():
    network, data = stack_and_data()
    other = [d._replace(train=relabelled(d.train, RETINA.heads, 0, seed=0)) for d in data]
    one, same = (retrained(network, RETINA, of, 1, SGD, **BRIEF) for of in (data, other))
    assert one.equals(same)
    assert one.kept.nunique() > 2


def test_pruned_networks_go_on_from_their_largest_weights_and_keep_the_others_at_zero():
    run = train("retina", "none", seeds=[3, 8], steps=50, nulls=2, restarts=1)
    go_on = largest_alone(run.network, 0.25)
    start = train("retina", go_on, seeds=[3, 8], steps=1, optimiser=STILL, nulls=2, restarts=1)
    end = train("retina", go_on, seeds=[3, 8], steps=50, nulls=2, restarts=1)
    for before, first, last in zip(run.chain, start.chain, end.chain, strict=True):
        for n in range(2):
            smallest_left = first[n][first[n] != 0].abs().min()
            assert (first[n] != 0).float().mean() == pytest.approx(0.25, abs=0.03)
            assert torch.equal(first[n] != 0, before[n].abs() >= smallest_left)
            assert torch.equal(first[n], before[n] * (first[n] != 0))
        assert torch.equal(first != 0, last != 0)
        assert not torch.equal(first, last)
    for old, new in zip(run.network.layers, start.network.layers, strict=True):
        assert torch.equal(old.bias, new.bias)
    assert all(
        torch.equal(a, b != 0)
        for a, b in zip(of_kind(present(end.network), "weight"), end.chain, strict=True)
    )
    with pytest.raises(ValueError, match=r"seeds \(3, 8\)"):
        train("retina", go_on, seeds=[3], steps=1, nulls=2, restarts=1)


def test_a_penalty_stays_in_force_if_it_is_asked_to():
    network, data = stack_and_data()
    plain = retrained(network, RETINA, data, 1, SGD, **BRIEF)
    in_force = {"penalty": PENALTIES["l2"], "strength": 1.0}
    held = retrained(network, RETINA, data, 1, SGD, **in_force, **BRIEF)
    # so much decay leaves nothing to answer with
    assert held[held.step == 30].kept.mean() < plain[plain.step == 30].kept.mean()


def test_a_rule_between_steps_and_its_noise_stay_in_force_and_leave_the_network_as_it_was():
    network, data = stack_and_data(DIGITS)
    before = [p.clone() for p in network.parameters()]
    still = [
        retrained(network, DIGITS, data, 1, STILL, penalty=PENALTIES[name], strength=1.0, **BRIEF)
        for name in ("none", "l2", "walk_loop_steps")
    ]
    # where the optimiser takes no step, a term of the loss does nothing, and a rule fades weights
    assert still[0].equals(still[1])
    assert not still[0].equals(still[2])
    assert still[0].query("step == 0").equals(still[2].query("step == 0"))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_penalty_that_learns_something_itself_is_refused():
    network, data = stack_and_data(DIGITS)
    places = {"penalty": PENALTIES["learned_places"], "strength": 1.0}
    with pytest.raises(ValueError, match="without parameters of its own, got learned_places"):
        retrained(network, DIGITS, data, 1, SGD, **places, **BRIEF)


def test_noise_that_networks_were_trained_with_acts_only_while_it_stays_in_force():
    network, data = stack_and_data(DIGITS)
    plain = retrained(network, DIGITS, data, 1, SGD, **BRIEF)
    dropout = PENALTIES["dropout"]
    dropout.prepare(DIGITS, network, [0.5, 0.5])
    free = retrained(network, DIGITS, data, 1, SGD, **BRIEF)
    held = retrained(network, DIGITS, data, 1, SGD, penalty=dropout, strength=0.5, **BRIEF)
    assert free.equals(plain)
    assert not held.equals(plain)


def test_retraining_needs_another_sub_task_and_steps():
    digits = TASKS["digits"]()
    network, data = stack_and_data(digits, hidden=(4,))
    with pytest.raises(ValueError, match="two sub-tasks or more, digits has one"):
        retrained(network, digits, data, 0, SGD, **BRIEF)
    network, data = stack_and_data()
    with pytest.raises(ValueError, match="steps and every of at least 1"):
        retrained(network, RETINA, data, 0, SGD, steps=0)


def test_a_penalty_stays_in_force_and_what_was_pruned_or_wired_hard_stays_so():
    stack, _ = stack_and_data()
    communities = halves(stack)
    of_l2 = ways(stack, RETINA, "l2", 0.1, communities, 0.5)
    assert of_l2["free"] == {}
    assert of_l2["as trained"]["strength"] == 0.1
    chain = [W.detach() for W in weights(stack)]
    assert of_l2["as trained"]["penalty"] is PENALTIES["l2"]
    last = module_of_head(stack, communities, RETINA.heads, 1)
    for name, mask in of_l2["module"]["trainable"].items():
        assert torch.equal(mask, last[name])
    of_outputs = of_kind(of_l2["outputs"]["trainable"], "weight")
    assert [int(mask.sum()) for mask in of_outputs] == [0, 0, 2 * chain[-1].shape[1]]
    of_form = ways(stack, RETINA, "more_decay", 0.1, communities, 0.5)["as trained"]
    assert of_form["penalty"] is FORMS["more_decay"]
    # a rule's strength is for a whole run, of which this is a part
    of_steps = ways(stack, RETINA, "walk_loop_steps", 2.0, communities, 0.15)["as trained"]
    assert of_steps == {"penalty": PENALTIES["walk_loop_steps"], "strength": pytest.approx(0.3)}
    hard_wired(RETINA, stack, [1.0, 1.0])
    for name in ("pruned", "hard_wired"):
        kept = ways(stack, RETINA, name, 1.0, communities, 0.5)["as trained"]
        assert kept.keys() == {"trainable"}
        masks = of_kind(kept["trainable"], "weight")
        for mask, W in zip(masks, weights(stack), strict=True):
            assert torch.equal(mask, W != 0)


@pytest.mark.parametrize("name", ["dropout", "clusterable_init"])
def test_asking_how_to_retrain_leaves_networks_that_had_a_prior_as_they_are(name):
    stack, data = stack_and_data()
    stack.eval()
    before, x = [W.detach().clone() for W in weights(stack)], stacked(d.test for d in data).x
    outputs = stack(x)
    ways(stack, RETINA, name, 0.5, halves(stack), 0.5)
    assert all(torch.equal(W, B) for W, B in zip(weights(stack), before, strict=True))
    assert torch.equal(stack(x), outputs)


def test_the_table_has_each_way_and_optimiser_as_retraining_finds_them(monkeypatch):
    stack, data = stack_and_data()
    monkeypatch.setattr("modlib.study.retraining.RETRAINING", {"SGD": SGD, "still": STILL})
    table = retraining_table(stack, RETINA, {"free": {}}, steps=40)
    assert list(zip(table.optimiser, table.seed, strict=True)) == [
        ("SGD", 3), ("SGD", 8), ("still", 3), ("still", 8)
    ]  # fmt: skip
    history = retrained(stack, RETINA, data, 1, SGD, steps=40, every=20)
    end = history[history.step == 40]
    assert np.allclose(table.kept[:2], end.kept)
    assert np.allclose(table.changed[:2], end.changed)
    still = table[table.optimiser == "still"]
    # nothing was learned, and nothing forgotten
    assert np.allclose(still.kept, still.accuracy)


def test_denormal_weights_become_zero():
    network, data = stack_and_data()
    chains = []

    def watched(chain):
        chains.append(chain)
        return squares(chain)

    # decay alone, by half at each step
    task = replace(RETINA, loss=lambda outputs, targets, heads: outputs.new_zeros(len(outputs)))
    halving = {"penalty": of_weights("watched", watched, 1.0), "strength": 1.0}
    retrained(network, task, data, 1, partial(torch.optim.SGD, lr=0.25), steps=135, **halving)
    assert not any(W.any() for W in chains[-1])
