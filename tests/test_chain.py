"""`weights` against what layers do to inputs, and against sums spelled out by channel."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from modlib import walk_loop_penalty, weights
from modlib.chain import StackedLinear


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 3, 3)])
def test_a_row_is_what_one_input_neuron_sends(widths):
    layers = [nn.Linear(i, o, bias=False) for i, o in pairwise(widths)]
    chain = weights(nn.Sequential(layers[0], nn.Tanh(), layers[1]))
    for W, layer, n_in in zip(chain, layers, widths, strict=False):
        for i in range(n_in):
            assert torch.equal(W[i], layer(torch.eye(n_in)[i]))


def test_nested_layers_are_read_in_the_order_in_which_they_run():
    rest = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(3, 4)), nn.Linear(4, 5))
    network = nn.Sequential(nn.Linear(2, 3), rest)
    first, second, third = weights(network)
    assert torch.equal(first, network[0].weight.T)
    assert torch.equal(second, rest[0][1].weight.T)
    assert torch.equal(third, rest[1].weight.T)


def test_a_layer_that_runs_twice_is_read_twice():
    layer = nn.Linear(3, 3)
    chain = weights(nn.Sequential(layer, nn.Tanh(), layer))
    assert [torch.equal(W, layer.weight.T) for W in chain] == [True, True]


class Backwards(nn.Module):
    """Layers that run against the order of their registration."""

    def __init__(self):
        super().__init__()
        self.second, self.first = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.second(self.first(x))


class Doubled(nn.Sequential):
    """A sequence that does not run as others do."""

    def forward(self, x):
        return super().forward(super().forward(x))


class Scaled(nn.Linear):
    """A layer that is not what it seems."""

    def forward(self, x):
        return super().forward(2 * x)


@pytest.mark.parametrize(
    "model",
    [
        Backwards(),
        Doubled(nn.Linear(3, 3)),
        Scaled(3, 3),
        nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)]),
        nn.Sequential(nn.Linear(3, 3), Backwards()),
        nn.Sequential(nn.Conv1d(3, 4, 3), nn.Flatten(), nn.Linear(24, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.GLU(), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(3, 4), nn.AvgPool1d(2), nn.Linear(2, 2)),
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(2), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(3, 3), nn.PReLU(), nn.Linear(3, 3)),
        nn.Sequential(nn.LSTM(3, 3)),
        nn.TransformerEncoderLayer(8, 2, 16),
    ],
)
def test_without_an_example_what_is_not_known_to_run_in_order_is_refused(model):
    with pytest.raises(ValueError, match=r"not known from how they .* modlib.weights\(model, x\)"):
        weights(model)


def test_a_parametrised_layer_is_read_as_it_runs():
    layer = parametrizations.weight_norm(nn.Linear(2, 3, bias=False))
    (W,) = weights(nn.Sequential(layer))
    torch.testing.assert_close(torch.eye(2) @ W, layer(torch.eye(2)))


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
        # over the rows of the map
        ([nn.Conv2d(1, 2, 3), nn.Linear(4, 1)], "a feature map is flattened before"),
        ([nn.Linear(2, 3), nn.Conv2d(3, 1, 3)], "a feature map is flattened before"),
        ([nn.Conv2d(1, 2, 3), nn.Conv2d(4, 1, 3)], "'0' has 2 outputs but '1' has 4 inputs"),
    ],
)
def test_layers_that_do_not_fit_are_named(layers, message):
    with pytest.raises(ValueError, match=message):
        weights(nn.Sequential(*layers))


def test_a_grouped_convolution_is_refused():
    with pytest.raises(ValueError, match="groups=1, got groups=2 in layer '1'"):
        weights(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2)))


def with_both_masks(layer):
    prune.random_unstructured(layer, "weight", 0.5)
    prune.l1_unstructured(layer, "weight", 0.2)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "reparametrised",
    [
        partial(prune.random_unstructured, name="weight", amount=0.5),
        with_both_masks,
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
    ],
    ids=["pruned", "pruned twice", "weight norm", "spectral norm", "new weight norm", "new one"],
)
def test_weights_that_a_layer_makes_of_others_are_never_stale(reparametrised):
    net = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    reparametrised(net[0])
    optimiser, x = torch.optim.SGD(net.parameters(), lr=0.1), torch.randn(4, 8).double()
    for _ in range(3):
        loss = walk_loop_penalty(weights(net)) + net(x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in net[0].parameters())
        optimiser.step()
        net.eval()
        found = weights(net)[0]
        net(x)
        assert torch.allclose(found, net[0].weight.mT)
        net.train()
