"""Damage, held against the definition written out for one network at a time."""

import numpy as np
import pytest
import torch

from modlib.study.damage import (
    DAMAGES,
    area_under,
    damage_table,
    damaged_accuracy,
    input_noise,
    removed_connections,
    removed_neurons,
    weight_noise,
)
from modlib.tasks import TASKS
from modlib.tasks.task import Examples
from modlib.training.stacks import Stack

TASK = TASKS["two_digits"]()
WIDTHS = (len(TASK.live), 6, 5, 20)
SEEDS = [3, 8]
X = torch.randn(len(SEEDS), 7, WIDTHS[0], generator=torch.Generator().manual_seed(0))


def network() -> Stack:
    return Stack(WIDTHS, SEEDS)


def generators() -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in SEEDS]


def by_hand(x, chain, biases, kept=None):
    """Return the outputs of one network, layer by layer."""
    x = x.numpy()
    for depth, (W, b) in enumerate(zip(chain, biases, strict=True)):
        x = x @ W + b
        if depth < len(chain) - 1:
            x = np.tanh(x) * (1 if kept is None else kept[depth])
    return x


def parts(stack: Stack, n: int):
    chain = [layer.weight[n].detach().numpy() for layer in stack.layers]
    return chain, [layer.bias[n].detach().numpy() for layer in stack.layers]


@torch.no_grad()
@pytest.mark.parametrize("n", [0, 1])
def test_weight_noise_is_as_large_as_the_weights_that_are_there_and_read_something(n):
    stack = network()
    stack.layers[1].weight[:, 2:4] = 0.0
    found = weight_noise(stack, X, TASK, 0.3, generators())[n]
    chain, biases = parts(stack, n)
    rng = generators()[n]
    noisy = []
    for depth, W in enumerate(chain):
        felt = [
            (i, j) for i, j in np.ndindex(*W.shape) if W[i, j] != 0 and (depth or TASK.live[i] != 0)
        ]
        size = np.sqrt(np.mean([W[place] ** 2 for place in felt]))
        noise, changed = rng.normal(size=W.shape), W.copy()
        for place in felt:
            changed[place] += 0.3 * size * noise[place]
        noisy.append(changed)
    assert (noisy[1] == 0).sum() == 2 * WIDTHS[2]
    assert np.allclose(found, by_hand(X[n], noisy, biases), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("n", [0, 1])
def test_input_noise_falls_on_live_inputs_alone(n):
    stack = network()
    assert not TASK.live.all()
    found = input_noise(stack, X, TASK, 0.5, generators())[n]
    noise = np.where(TASK.live, generators()[n].normal(size=X.shape[1:]), 0.0)
    noisy = X[n] + torch.tensor(0.5 * noise, dtype=torch.float32)
    assert np.allclose(found, by_hand(noisy, *parts(stack, n)), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("n", [0, 1])
def test_removed_connections_are_the_share_that_was_asked_for(n):
    stack = network()
    found = removed_connections(stack, X, TASK, 0.4, generators())[n]
    chain, biases = parts(stack, n)
    rng = generators()[n]
    cut = [W * (rng.random(W.shape) >= 0.4) for W in chain]
    assert np.mean(cut[0] == 0) == pytest.approx(0.4, abs=0.05)
    assert np.allclose(found, by_hand(X[n], cut, biases), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("n", [0, 1])
def test_removed_neurons_are_hidden_ones(n):
    stack = network()
    found = removed_neurons(stack, X, TASK, 0.4, generators())[n]
    rng = generators()[n]
    kept = [rng.random(width) >= 0.4 for width in WIDTHS[1:-1]]
    assert np.allclose(found, by_hand(X[n], *parts(stack, n), kept), atol=1e-5)


def test_without_hidden_neurons_only_the_last_bias_is_left():
    stack = network()
    found = removed_neurons(stack, X, TASK, 1.0, generators())
    assert torch.equal(found, stack.layers[-1].bias.expand_as(found))


def examples(stack: Stack, n: int) -> Examples:
    """Return examples that each network gets right when it is whole."""
    x = torch.randn(len(stack.seeds), n, WIDTHS[0], generator=torch.Generator().manual_seed(1))
    scores = stack(x).unflatten(-1, (2, 10))
    return Examples(x, scores.argmax(-1))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_no_damage_costs_nothing_and_damage_costs_something_and_leaves_the_network(damage):
    stack = network()
    before = [p.clone() for p in stack.parameters()]
    curve = damaged_accuracy(stack, TASK, examples(stack, 200), damage, [0.0, 0.9], draws=3)
    assert curve.shape == (2, len(SEEDS))
    assert (curve[0] == 1).all()
    assert (curve[1] < 0.9).all()
    assert all(torch.equal(a, b) for a, b in zip(before, stack.parameters(), strict=True))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_network_meets_the_same_damage_whatever_else_is_in_the_stack(damage):
    both, alone = Stack(WIDTHS, SEEDS), Stack(WIDTHS, SEEDS[1:])
    of_both = examples(both, 300)
    of_one = Examples(of_both.x[1:], of_both.targets[1:])
    curves = [
        damaged_accuracy(stack, TASK, held, damage, [0.2, 0.6], draws=2)
        for stack, held in ((both, of_both), (alone, of_one))
    ]
    assert np.allclose(curves[0][:, 1], curves[1][:, 0], atol=0.005)


def test_the_table_of_damage_has_each_curve_and_the_area_under_it(monkeypatch):
    levels = {"weight noise": (0.0, 0.5, 2.0), "removed neurons": (0.0, 0.1, 0.9)}
    monkeypatch.setattr("modlib.study.damage.LEVELS", levels)
    stack = network()
    held = examples(stack, 100)
    table = damage_table(stack, TASK, held, draws=2).set_index(["damage", "seed"])
    assert list(table.network) == [0, 1, 0, 1]
    for damage, at in levels.items():
        curve = damaged_accuracy(stack, TASK, held, DAMAGES[damage], at, draws=2)
        a, b, c = (table.loc[damage, f"accuracy_{n}"] for n in range(3))
        assert np.allclose([a, b, c], curve)
        area = (at[1] - at[0]) * (a + b) / 2 + (at[2] - at[1]) * (b + c) / 2
        assert np.allclose(table.loc[damage].area, area / (at[2] - at[0]))
        assert np.allclose(table.loc[damage, "level_2"], at[2])


@pytest.mark.parametrize(("levels", "draws"), [([], 1), ([-0.1], 1), ([0.1], 0)])
def test_damage_needs_levels_and_draws(levels, draws):
    stack = network()
    with pytest.raises(ValueError, match="at least one level"):
        damaged_accuracy(stack, TASK, examples(stack, 5), weight_noise, levels, draws)


def test_the_area_under_a_broken_line_is_its_mean_height():
    curve = np.array([[1.0, 0.8], [0.5, 0.8], [0.0, 0.2]])
    found = area_under(curve, [0.0, 1.0, 3.0])
    assert found == pytest.approx([(0.75 + 2 * 0.25) / 3, (0.8 + 2 * 0.5) / 3])


@pytest.mark.parametrize("levels", [[0.0], [0.0, 0.0], [1.0, 0.0]])
def test_an_area_needs_rising_levels(levels):
    with pytest.raises(ValueError, match="rising order"):
        area_under(np.zeros((len(levels), 2)), levels)
