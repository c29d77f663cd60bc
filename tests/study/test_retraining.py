"""Retraining, on networks wired by hand and on what has to hold of any."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from modlib.chain import squares, weights
from modlib.penalties.forms import with_more_decay
from modlib.penalties.priors import hard_wired
from modlib.study.retraining import (
    Trainable,
    module_of_head,
    outputs_of_head,
    present,
    relabelled,
    retrained,
    retraining_table,
    ways,
)
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


def test_no_class_keeps_its_label_and_other_sub_tasks_keep_theirs():
    examples = DIGITS.draw(4).train
    changed = relabelled(examples, DIGITS.heads, 1, seed=4)
    pairs = {
        tuple(pair)
        for pair in torch.stack([examples.targets[:, 1], changed.targets[:, 1]], 1).tolist()
    }
    assert sorted(old for old, _ in pairs) == list(range(10))
    assert sorted(new for _, new in pairs) == list(range(10))
    assert all(old != new for old, new in pairs)
    assert torch.equal(changed.targets[:, 0], examples.targets[:, 0])
    assert torch.equal(changed.x, examples.x)


def test_two_classes_are_exchanged():
    examples = RETINA.draw(0).train
    changed = relabelled(examples, RETINA.heads, 0, seed=0)
    assert torch.equal(changed.targets[:, 0], 1 - examples.targets[:, 0])


def test_new_labels_follow_from_the_seed_alone():
    data = DIGITS.draw(4)
    first, again, other = (
        relabelled(part, DIGITS.heads, 0, seed).targets[:, 0]
        for part, seed in ((data.test, 1), (data.test, 1), (data.test, 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_other_labels_need_classes_and_a_sub_task():
    formulas = TASKS["formulas_independence"]()
    with pytest.raises(ValueError, match="need classes"):
        relabelled(formulas.draw(0).test, formulas.heads, 0, 0)
    with pytest.raises(ValueError, match="one of 2, got 2"):
        relabelled(RETINA.draw(0).test, RETINA.heads, 2, 0)


def test_the_module_of_a_head_is_what_its_communities_join():
    network, _ = stack_and_data(hidden=(4, 2))
    found = module_of_head(network, halves(network), RETINA.heads, 1)
    first, second, third = (mask[0] for mask in found.weight)
    assert first.nonzero().tolist() == [[i, j] for i in range(4, 8) for j in (2, 3)]
    assert second.nonzero().tolist() == [[2, 1], [3, 1]]
    assert third.nonzero().tolist() == [[1, 1]]
    assert [mask[0, 0].tolist() for mask in found.bias] == [
        [False, False, True, True],
        [False, True],
        [False, True],
    ]


def test_outputs_of_other_heads_stay_out_though_their_community_is_the_same():
    network, _ = stack_and_data(hidden=(4, 2))
    found = module_of_head(network, np.zeros_like(halves(network)), RETINA.heads, 0)
    assert found.weight[0].all()
    assert found.weight[1].all()
    assert found.weight[2][0].tolist() == [[True, False], [True, False]]
    assert found.bias[2][0].tolist() == [[True, False]]


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
    assert not any(mask.any() for mask in (*own.weight[:-1], *own.bias[:-1]))
    for mask in (own.weight[-1], own.bias[-1]):
        assert mask.all((0, 1)).tolist() == mask.any((0, 1)).tolist() == [False] * 10 + [True] * 10
    found = retrained(network, DIGITS, data, 1, SGD, trainable=own, **BRIEF)
    assert (found.groupby("network").kept.nunique() == 1).all()
    assert (found.groupby("network").changed.nunique() > 1).all()


def test_what_may_not_change_does_not():
    network, data = stack_and_data()
    none = Trainable(
        [torch.zeros_like(layer.weight, dtype=torch.bool) for layer in network.layers],
        [torch.zeros_like(layer.bias, dtype=torch.bool) for layer in network.layers],
    )
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
        torch.equal(a, b != 0) for a, b in zip(present(end.network).weight, end.chain, strict=True)
    )
    with pytest.raises(ValueError, match=r"seeds \(3, 8\)"):
        train("retina", go_on, seeds=[3], steps=1, nulls=2, restarts=1)


def test_a_penalty_stays_in_force_if_it_is_asked_to():
    network, data = stack_and_data()
    plain = retrained(network, RETINA, data, 1, SGD, **BRIEF)
    held = retrained(network, RETINA, data, 1, SGD, penalty=squares, strength=1.0, **BRIEF)
    # so much decay leaves nothing to answer with
    assert held[held.step == 30].kept.mean() < plain[plain.step == 30].kept.mean()


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
    of_l2 = ways(stack, RETINA, "l2", 0.1, communities)
    assert of_l2["free"] == {}
    assert of_l2["as trained"]["strength"] == 0.1
    chain = [W.detach() for W in weights(stack)]
    assert torch.equal(of_l2["as trained"]["penalty"](chain), squares(chain))
    last = module_of_head(stack, communities, RETINA.heads, 1)
    for mask, expected in zip(of_l2["module"]["trainable"].weight, last.weight, strict=True):
        assert torch.equal(mask, expected)
    of_outputs = of_l2["outputs"]["trainable"].weight
    assert [int(mask.sum()) for mask in of_outputs] == [0, 0, 2 * chain[-1].shape[1]]
    of_form = ways(stack, RETINA, "more_decay", 0.1, communities)["as trained"]
    assert torch.equal(of_form["penalty"](chain), with_more_decay(chain))
    hard_wired(RETINA, stack, [1.0, 1.0])
    for name in ("pruned", "hard_wired"):
        kept = ways(stack, RETINA, name, 1.0, communities)["as trained"]
        assert kept.keys() == {"trainable"}
        for mask, W in zip(kept["trainable"].weight, weights(stack), strict=True):
            assert torch.equal(mask, W != 0)


@pytest.mark.parametrize("name", ["dropout", "clusterable_init"])
def test_asking_how_to_retrain_leaves_networks_that_had_a_prior_as_they_are(name):
    stack, data = stack_and_data()
    stack.eval()
    before, x = [W.detach().clone() for W in weights(stack)], stacked(d.test for d in data).x
    outputs = stack(x)
    ways(stack, RETINA, name, 0.5, halves(stack))
    assert all(torch.equal(W, B) for W, B in zip(weights(stack), before, strict=True))
    assert torch.equal(stack(x), outputs)


def test_the_table_has_each_way_and_optimiser_as_retraining_finds_them(monkeypatch):
    stack, data = stack_and_data()
    monkeypatch.setattr("modlib.study.retraining.OPTIMISERS", {"SGD": SGD, "still": STILL})
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
    halving = {"penalty": watched, "strength": 1.0}
    retrained(network, task, data, 1, partial(torch.optim.SGD, lr=0.25), steps=135, **halving)
    assert not any(W.any() for W in chains[-1])
