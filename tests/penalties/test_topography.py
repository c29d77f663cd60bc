"""The topographic loss against interpolation written as loops, and against `topoloss`."""

from itertools import product
from math import floor, isqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_chain
from torch import nn

from modlib import weights
from modlib.penalties.topography import Topography, sheet_sides


def resized(values, size, scale):
    """Linear interpolation along the first axis, pixels' centres at halves, ends held."""
    n, found = len(values), []
    for k in range(size):
        at = max((k + 0.5) / scale - 0.5, 0.0)
        low = min(int(at), n - 1)
        high = min(low + 1, n - 1)
        found.append((1 - (at - low)) * values[low] + (at - low) * values[high])
    return np.array(found)


def blurred(sheet, factor):
    """A sheet (h, w, inputs), made smaller and large again side by side."""
    for axis in (0, 1):
        sheet = np.moveaxis(sheet, axis, 0)
        n, scale = len(sheet), 1 / min(factor, len(sheet))
        small = resized(sheet, floor(n * scale), scale)
        sheet = np.moveaxis(resized(small, n, n / len(small)), 0, axis)
    return sheet


def loss(chain, factor):
    """1 - the mean cosine over neurons, averaged over hidden layers."""
    of_layers = []
    for W in chain[:-1]:
        height, width = sheet_sides(W.shape[1])
        sheet = np.zeros((height, width, len(W)))
        for row, column, i in product(range(height), range(width), range(len(W))):
            sheet[row, column, i] = W[i, row * width + column].item()
        soft = blurred(sheet, factor)
        cosines = [
            (x @ y) / np.sqrt((x @ x) * (y @ y))
            for x, y in zip(sheet.reshape(-1, len(W)), soft.reshape(-1, len(W)), strict=True)
        ]
        of_layers.append(1 - np.mean(cosines))
    return np.mean(of_layers)


@pytest.mark.parametrize("sizes", [(5, 48, 3), (4, 12, 7, 2), (6, 36, 30, 25, 3), (3, 2, 1)])
@pytest.mark.parametrize("factor", [1.0, 2.0, 2.5, 3.0])
def test_the_loss_is_one_minus_the_cosine_with_the_blurred_sheet(sizes, factor):
    chain = random_chain(*sizes, stack=(2,))
    for n, value in enumerate(Topography(factor)(chain)):
        assert value.item() == pytest.approx(loss([W[n] for W in chain], factor), abs=1e-12)


@pytest.mark.parametrize("factor", [2.0, 2.5, 3.0])
def test_the_loss_and_its_gradient_are_those_of_its_authors_package(factor):
    topoloss = pytest.importorskip("topoloss")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Linear(48, 36), nn.Linear(36, 4))
    layers = [
        topoloss.LaplacianPyramid.from_layer(model, layer, factor_h=factor, factor_w=factor)
        for layer in (model[0], model[2])
    ]
    theirs = topoloss.TopoLoss(losses=layers).compute(model=model)
    ours = Topography(factor)(weights(model))
    torch.testing.assert_close(ours, theirs)
    for layer in (model[0], model[2]):
        a, b = (torch.autograd.grad(x, layer.weight, retain_graph=True)[0] for x in (ours, theirs))
        torch.testing.assert_close(a, b)


@given(st.integers(1, 300))
def test_a_sheet_is_the_most_nearly_square_one(n):
    height, width = sheet_sides(n)
    assert height * width == n
    assert height <= width
    assert all(n % side for side in range(height + 1, isqrt(n) + 1))


def test_neurons_alike_cost_nothing_and_neighbours_unlike_much():
    alike = [torch.ones(3, 48).double(), torch.ones(48, 2).double()]
    # signs that change with row and with column, as on a chessboard
    signs = torch.tensor([(-1.0) ** (n // 8 + n % 8) for n in range(48)]).double()
    assert Topography()(alike).item() == pytest.approx(0, abs=1e-12)
    assert Topography()([signs * alike[0], alike[1]]).item() > 0.9


def test_the_loss_does_not_see_the_scale_of_a_layer_nor_the_weights_into_outputs():
    chain = random_chain(5, 12, 6, 3)
    scaled = [3 * chain[0], 0.1 * chain[1], torch.randn(6, 3).double()]
    torch.testing.assert_close(Topography()(scaled), Topography()(chain))


def test_gradients_of_the_loss_agree_with_finite_differences():
    chain = [W.requires_grad_() for W in random_chain(3, 6, 4, 2, stack=(2,))]
    penalty = Topography(2.0)
    assert torch.autograd.gradcheck(lambda *chain: penalty(chain), chain)


def test_descending_the_loss_makes_a_smooth_map():
    chain = [W.requires_grad_() for W in random_chain(8, 36, 2, dtype=torch.float32)]
    penalty, optimiser = Topography(), torch.optim.Adam(chain, lr=0.05)
    before = penalty(chain).item()
    for _ in range(100):
        optimiser.zero_grad()
        value = penalty(chain)
        value.backward()
        optimiser.step()
    assert before > 0.4
    assert value.item() < 0.05


@pytest.mark.parametrize("bad", [0.0, 0.9, float("nan")])
def test_a_factor_that_makes_nothing_smaller_is_refused(bad):
    with pytest.raises(ValueError, match="factor of at least 1, got"):
        Topography(bad)


def test_a_network_without_hidden_layer_is_refused():
    with pytest.raises(ValueError, match="needs a hidden layer, got one weight matrix"):
        Topography()(random_chain(4, 3))
