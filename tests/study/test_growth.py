"""Which edges grow, against hand-computed loops and the gradient written out."""

import numpy as np
import pytest
import torch

from modlib.loops import loop_sum
from modlib.study import growth
from modlib.training.stacks import initial_layers


def test_the_definition_by_hand():
    W, V = torch.ones(2, 3), torch.ones(3, 2)
    assert growth.by_definition(W, V) == 2 * 9 * 2
    V = torch.tensor([[1.0, -1], [2, 0], [0, 3]])
    assert growth.by_definition(W, V) == loop_sum(W, V).item() == 2 * (9 + 4)


def test_both_forms_differ_by_rounding_alone(monkeypatch):
    assert growth.difference_of_forms(20, seed=1) < 1e-12
    monkeypatch.setattr(growth, "loop_sum", lambda W, V: 1.5 * loop_sum(W, V))
    assert growth.difference_of_forms(20, seed=1) == pytest.approx(0.5)


def test_an_edge_grows_by_the_product_of_the_others():
    shares = growth.shares_of_growth(50, seed=3)
    edges = np.sort(np.random.default_rng(3).random((50, 4)), axis=1)
    assert shares.to_numpy() == pytest.approx((1 / edges) / (1 / edges).sum(1, keepdims=True))


def test_growth_in_a_network_is_the_gradient_along_the_sign():
    table = growth.growth_in_networks([3, 4, 2], [5, 6])
    (W, _), (V, _) = initial_layers([3, 4, 2], 6)
    expected = np.concatenate(
        [((W @ V @ V.T) * W.sign()).flatten(), ((W.T @ W @ V) * V.sign()).flatten()]
    )
    rows = table[table.network == 6]
    assert rows.growth.to_numpy() == pytest.approx(expected, rel=1e-4)
    assert rows["size"].to_numpy() == pytest.approx(
        np.concatenate([W.abs().flatten(), V.abs().flatten()])
    )
