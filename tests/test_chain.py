"""`weights` against what layers do to inputs, and against sums spelled out by channel."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from modlib import weights
from modlib.chain import StackedLinear


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 3, 3)])
def test_a_row_is_what_one_input_neuron_sends(widths):
    layers = [nn.Linear(i, o, bias=False) for i, o in pairwise(widths)]
    chain = weights(nn.Sequential(layers[0], nn.Tanh(), layers[1]))
    for W, layer, n_in in zip(chain, layers, widths, strict=False):
        for i in range(n_in):
            assert torch.equal(W[i], layer(torch.eye(n_in)[i]))


def test_nested_modules_are_read_in_the_order_of_their_registration():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 3)
            self.rest = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(3, 4)), nn.Linear(4, 5))

    network = Network()
    first, second, third = weights(network)
    assert torch.equal(first, network.first.weight.T)
    assert torch.equal(second, network.rest[0][1].weight.T)
    assert torch.equal(third, network.rest[1].weight.T)


def test_a_stacked_layer_enters_as_it_is():
    layer = StackedLinear(torch.randn(5, 3, 2), torch.randn(5, 1, 2))
    (W,) = weights(layer)
    assert W is layer.weight


def test_a_stacked_layer_applies_each_network_to_its_own_inputs():
    weight, bias, x = torch.randn(2, 3, 4), torch.randn(2, 1, 4), torch.randn(2, 5, 3)
    y = StackedLinear(weight, bias)(x)
    for n in range(2):
        # sums of three products may be added in another order
        torch.testing.assert_close(y[n], x[n] @ weight[n] + bias[n, 0])


def test_convolutions_are_read_by_channel():
    first, second = nn.Conv2d(2, 3, 3), nn.Conv2d(3, 4, (1, 2))
    chain = weights(nn.Sequential(first, nn.ReLU(), second))
    for W, layer in zip(chain, (first, second), strict=True):
        assert W.shape == (layer.in_channels, layer.out_channels)
        for i in range(layer.in_channels):
            for j in range(layer.out_channels):
                kernel = layer.weight[j, i].flatten()
                torch.testing.assert_close(W[i, j], sum(w.abs() for w in kernel))


def test_a_linear_layer_on_a_flattened_map_is_read_by_channel():
    channels, height, width = 3, 2, 4
    linear = nn.Linear(channels * height * width, 5)
    model = nn.Sequential(nn.Conv2d(1, channels, 3), nn.Flatten(), linear, nn.Linear(5, 2))
    _, W, last = weights(model)
    # which of the flattened inputs come from which channel, by PyTorch's own flattening
    channel = torch.arange(channels).view(1, channels, 1, 1).expand(1, channels, height, width)
    channel = nn.Flatten()(channel)[0].tolist()
    expected = torch.zeros(channels, 5)
    for position, c in enumerate(channel):
        expected[c] += linear.weight[:, position].abs()
    torch.testing.assert_close(W, expected)
    assert torch.equal(last, model[3].weight.T)


def test_gradients_reach_every_weight():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3), nn.Linear(3, 2))
    sum(W.square().sum() for W in weights(model)).backward()
    for layer in (model[0], model[2], model[3]):
        assert (layer.weight.grad != 0).all()


def test_biases_and_other_layers_are_left_out():
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Dropout(), nn.Linear(3, 1))
    assert [tuple(W.shape) for W in weights(model)] == [(2, 3), (3, 1)]


def test_a_model_without_layers_is_refused():
    with pytest.raises(ValueError, match=r"at least one nn\.Linear.*got Sequential without any"):
        weights(nn.Sequential(nn.Tanh()))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(2, 3), nn.Linear(4, 1)], "'0' has 3 outputs but '1' has 4 inputs"),
        # a multiple is only ever a flattened map after a convolution
        ([nn.Linear(2, 3), nn.Linear(6, 1)], "'0' has 3 outputs but '1' has 6 inputs"),
        ([nn.Conv2d(1, 2, 3), nn.Linear(7, 1)], "'0' has 2 outputs but '1' has 7 inputs"),
        ([nn.Conv2d(1, 2, 3), nn.Conv2d(4, 1, 3)], "'0' has 2 outputs but '1' has 4 inputs"),
    ],
)
def test_layers_that_do_not_fit_are_named(layers, message):
    with pytest.raises(ValueError, match=message):
        weights(nn.Sequential(*layers))


def test_a_grouped_convolution_is_refused():
    with pytest.raises(ValueError, match="groups=1, got groups=2 in layer '1'"):
        weights(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2)))
