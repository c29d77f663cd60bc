"""Peers in their own settings, against loops and cases worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from modlib.chain import weights
from modlib.study import settings
from modlib.study.settings import (
    CLUSTERS,
    SCHEDULES,
    formula_points,
    formula_table,
    mnist_table,
    small_mnist,
    spectral_n_cut,
)
from modlib.tasks.formulas import FORMULAS
from modlib.tasks.task import Examples
from modlib.training.stacks import Stack

SEEDS = [3, 8]


def value(table, measure):
    rows = table[table.measure == measure]
    assert list(rows.seed) == SEEDS
    return rows.value.to_numpy()


def test_every_formula_has_a_schedule():
    assert SCHEDULES.keys() == FORMULAS.keys()


@pytest.mark.parametrize("name", SCHEDULES)
def test_points_have_the_formulas_own_values(name):
    x, y = formula_points(name, (3, 0), 50)
    assert -1 < x.min() < -0.8
    assert 0.8 < x.max() < 1
    one_by_one = [FORMULAS[name][0](*point) for point in x.numpy()]
    assert np.allclose(y, one_by_one, atol=1e-6)
    other, _ = formula_points(name, (3, 1), 50)
    assert not torch.equal(x, other)


def test_errors_are_mean_squares_on_a_networks_own_points_and_on_others():
    table = formula_table("sharing", SEEDS, 0)
    x, y = formula_points("sharing", (3, 0), 1)
    network = Stack([x.shape[1], *FORMULAS["sharing"][3], y.shape[1]], SEEDS, F.silu)
    for part, n, measure in ((0, 100, "training error"), (1, 1_000, "test error")):
        by_hand = []
        for k, seed in enumerate(SEEDS):
            x, y = formula_points("sharing", (seed, part), n)
            outputs = network(torch.stack([x, x]))[k]
            by_hand.append(((outputs - y) ** 2).mean().item())
        assert value(table, measure) == pytest.approx(by_hand, rel=1e-5)
    assert set(table.case) == {"sharing"}


def test_the_strength_is_raised_after_a_quarter_and_lowered_after_three(monkeypatch):
    met = []

    class Recording(nn.Module):
        def __init__(self, widths, seeds):
            super().__init__()
            self.n_stack = len(seeds)

        def forward(self, chain):
            told = torch.zeros(self.n_stack, requires_grad=True)
            told.register_hook(lambda strength: met.append(strength.tolist()))
            return told

    monkeypatch.setattr(settings, "BIMT", Recording)
    monkeypatch.setitem(SCHEDULES, "independence", (1.0, 3.0, 2.0))
    table = formula_table("independence", SEEDS, 8)
    assert met == [[1.0, 1.0]] * 2 + [[3.0, 3.0]] * 4 + [[2.0, 2.0]] * 2
    assert set(table.strength) == {3.0}


def test_training_lowers_the_error():
    before, after = (formula_table("sharing", SEEDS, steps) for steps in (0, 200))
    assert (value(after, "training error") < value(before, "training error") / 2).all()


@pytest.mark.parametrize("weight", [1e-6, 0.1])
def test_weights_between_blocks_are_the_cut(weight):
    blocks = np.kron(np.eye(CLUSTERS), np.ones((2, 2)))
    onward = np.kron(np.roll(np.eye(CLUSTERS), 1, axis=1), np.ones((2, 2)))
    # a block has four weights of 1 within, and four to the next and four from the last
    within, leaving = 2 * 4 * 1.0, (4 + 4) * weight
    found = spectral_n_cut([blocks + weight * onward])
    assert found == pytest.approx(CLUSTERS * leaving / (within + leaving))


def test_pixels_are_means_of_two_by_two(monkeypatch):
    images = np.random.default_rng(0).random((5, 14, 14)).astype(np.float32)
    labels = np.arange(5)
    monkeypatch.setattr(settings, "mnist_images", lambda: (images, labels))
    x, targets = small_mnist()
    for n in range(5):
        for row in range(7):
            for column in range(7):
                four = images[n, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
                assert x[n, 7 * row + column] == pytest.approx(four.mean(), abs=1e-6)
    assert targets.tolist() == [[label] for label in labels]


@pytest.fixture
def few(monkeypatch):
    """MNIST as 600 and 200 images, each class a pixel that is lit; one pixel is dead."""
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=800)
    x = 0.1 * rng.random((800, 49))
    x[np.arange(800), 4 * labels] = 1.0
    x[:, 48] = 0.0
    examples = Examples(torch.tensor(x, dtype=torch.float32), torch.tensor(labels)[:, None])
    monkeypatch.setattr(settings, "small_mnist", lambda: examples)
    monkeypatch.setattr(settings, "N_TRAIN", 600)
    return examples


def test_networks_learn_and_are_judged_on_the_test_images(few):
    untrained, trained = mnist_table(0.0, SEEDS, 0), mnist_table(0.0, SEEDS, 40)
    network = Stack((49, 64, 64, 64, 10), SEEDS, torch.relu)
    outputs = network(few.x[600:].expand(2, -1, -1))
    by_hand = (outputs.argmax(-1) == few.targets[600:, 0]).float().mean(-1)
    assert value(untrained, "accuracy") == pytest.approx(by_hand.numpy())
    chain = [W[1].detach().numpy() for W in weights(network)]
    assert value(untrained, "n-cut")[1] == pytest.approx(spectral_n_cut(chain))
    without = spectral_n_cut([chain[0][:48], *chain[1:]])
    assert value(untrained, "n-cut of live pixels")[1] == pytest.approx(without)
    assert (value(trained, "accuracy") > 0.95).all()


def test_the_eigenvalue_term_lowers_the_n_cut(few):
    free, cut = mnist_table(0.0, SEEDS, 10), mnist_table(0.3, SEEDS, 10)
    assert (value(cut, "n-cut") < value(free, "n-cut") - 0.5).all()
    assert set(cut.strength) == {0.3}
