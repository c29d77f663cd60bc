"""The printed penalty alone: norms, starts and separate blocks against hand-computed cases."""

import numpy as np
import pytest
import torch

from modlib.chain import weights
from modlib.study import descents, theory
from modlib.training.stacks import Stack


def test_norms_by_decay_follow_plain_gradient_descent():
    found = descents.norms_by_decay([3, 4, 2], [7], 20, 0.3, 0.6, 2.0)
    assert list(found) == [
        "no decay", "second degree, C = 0.3", "second degree, C = 0.6", "fourth degree, C = 2.0",
    ]  # fmt: skip
    start = weights(Stack([3, 4, 2], [7]).double())
    W, V = (x.detach().requires_grad_() for x in start)
    first = found["no decay"].loc[0, 0]
    assert first == pytest.approx(
        torch.cat([W.detach().flatten(), V.detach().flatten()]).norm().item()
    )
    for _ in range(20):
        loss = 0.3 * (W.square().sum() + V.square().sum()) - (W @ V).norm()
        slopes = torch.autograd.grad(loss, (W, V))
        W, V = (
            (x - 0.02 * slope).detach().requires_grad_()
            for x, slope in zip((W, V), slopes, strict=True)
        )
    expected = descents.norm([W.detach(), V.detach()]).item()
    table = found["second degree, C = 0.3"]
    assert table.index.to_list() == [0, 10, 20]
    assert table.loc[20, 0] == pytest.approx(expected, rel=1e-9)


def test_the_predicted_norm_by_hand():
    # one clique of weights 1/2: two layers of 24 * 24 weights
    assert descents.predicted_norm([24, 24, 24], 1.0) == pytest.approx(np.sqrt(2 * 576 / 4))


def test_modules_start_with_noise_between_them():
    modules = descents.starts([4, 8, 4], [0, 1, 2], 2, 1.0)["2 modules"]
    inside = [W[:, : W.shape[1] // 2, : W.shape[2] // 2].mean() for W in modules]
    between = torch.cat([W[:, : W.shape[1] // 2, W.shape[2] // 2 :].flatten() for W in modules])
    magnitudes = theory.loop_optimum([4, 8, 4]).magnitudes
    assert np.array(inside) == pytest.approx(magnitudes, rel=0.1)
    assert 0.05 * magnitudes[0] < between.std().item() < 0.2 * magnitudes[0]


def test_descents_end_at_the_minimum_with_equal_weights():
    beginnings = descents.starts([4, 6, 4], [0, 1], 2, 1.0)
    passed, history = descents.descents(beginnings, 800, 1.0)
    assert {name: max(chains) for name, chains in passed.items()} == dict.fromkeys(beginnings, 800)
    last = history[history.step == 800]
    assert last.penalty.to_numpy() == pytest.approx([theory.loop_optimum([4, 6, 4]).penalty] * 4)
    assert (last.deviation < 0.01).all()
    w = theory.loop_optimum([4, 6, 4]).magnitudes
    first = passed["2 modules"][0]
    off = max(np.abs(np.abs(W[1].numpy()) / a - 1).max() for W, a in zip(first, w, strict=True))
    row = history[(history.start == "2 modules") & (history.network == 1) & (history.step == 0)]
    assert row.deviation.item() == pytest.approx(off)


def test_the_error_of_blocks_is_that_of_rounding(monkeypatch):
    assert descents.error_of_blocks([16, 24, 24, 8]) < 1e-12
    real = theory.best_scale_penalty
    monkeypatch.setattr(theory, "best_scale_penalty", lambda chain: 1.25 * real(chain))
    assert descents.error_of_blocks([16, 24, 24, 8]) == pytest.approx(0.25)
