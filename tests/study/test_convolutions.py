"""Convolutions as matrices, against PyTorch's."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from modlib.study.convolutions import convolution_table, scattered, unrolled, unshared, window


@pytest.mark.parametrize(("c_in", "c_out", "kernel", "side"), [(1, 1, 3, 5), (2, 3, 3, 4)])
def test_unrolled_is_pytorchs_circular_convolution(c_in, c_out, kernel, side):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(c_out, c_in, kernel**2))
    x = rng.normal(size=(2, c_in, side, side))
    padded = F.pad(torch.tensor(x), (kernel // 2,) * 4, mode="circular")
    expected = F.conv2d(padded, torch.tensor(weights).reshape(c_out, c_in, kernel, kernel))
    W = unrolled(weights, window(kernel), side)
    assert np.allclose(x.reshape(2, -1) @ W, expected.reshape(2, -1).numpy(), atol=1e-12)


def test_scattered_offsets_share_weights_as_windows_do_but_reach_farther():
    weights = np.arange(1.0, 10.0).reshape(1, 1, 9)
    offsets = scattered(9, 7, np.random.default_rng(0))
    far = unrolled(weights, offsets, 7)
    assert len(np.unique(offsets, axis=0)) == 9
    for line in (*far, *far.T):
        assert np.array_equal(np.sort(line[line != 0]), weights.ravel())
    column = np.zeros(49)
    for (down, right), weight in zip(offsets, weights.ravel(), strict=True):
        column[(2 + down) % 7 * 7 + (3 + right) % 7] = weight
    assert np.array_equal(far[:, 2 * 7 + 3], column)
    with pytest.raises(ValueError, match="different places"):
        unrolled(weights, window(3), 2)


def test_unshared_keeps_places_and_values():
    W = unrolled(np.arange(1.0, 10.0).reshape(1, 1, 9), window(3), 5)
    mixed = unshared(W, np.random.default_rng(0))
    assert np.array_equal(mixed != 0, W != 0)
    assert np.array_equal(np.sort(mixed, axis=None), np.sort(W, axis=None))
    assert not np.array_equal(mixed, W)


def test_local_convolutions_are_more_modular_than_full_layers():
    table = convolution_table(5, 3, 2, [1, 2], range(3)).set_index(["kind", "seed"])
    assert len(table) == 6 * 3
    assert (table.loc["local, shared"] > table.loc["fully connected"]).all(axis=None)
