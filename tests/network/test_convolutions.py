"""Convolutional networks, traced, against their networks written by hand."""

import pytest
import torch
from architectures import Block, InvertedResidual, LeNet, SqueezeAndExcite, UNet, resnet_18, vgg
from by_hand import assert_is, by_block, by_channel
from torch import nn

from modlib import network


def test_lenet():
    net = LeNet()
    assert_is(
        network(net, torch.randn(2, 1, 16, 16)),
        {"input": 1, "c1": 3, "c2": 4, "f1": 7, "f2": 5},
        [
            ("c1", "input", "c1", by_channel(net.c1.weight)),
            ("c2", "c1", "c2", by_channel(net.c2.weight)),
            ("f1", "c2", "f1", by_block(net.f1.weight.T, n_rows=4)),
            ("f2", "f1", "f2", net.f2.weight.T),
        ],
    )


def test_a_residual_stream_is_one_layer():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), Block(4, 4), nn.Conv2d(4, 2, 1))
    found = network(net, torch.randn(2, 3, 8, 8))
    assert_is(
        found,
        {"input": 3, "0": 4, "1.conv1": 4, "2": 2},
        [
            ("0", "input", "0", net[0].weight[:, :, 0, 0].T),
            ("1.conv1", "0", "1.conv1", by_channel(net[1].conv1.weight)),
            ("1.conv2", "1.conv1", "0", by_channel(net[1].conv2.weight)),
            ("2", "0", "2", net[2].weight[:, :, 0, 0].T),
        ],
    )
    norms = [f"1.{norm}.{kind}" for norm in ("bn1", "bn2") for kind in ("weight", "bias")]
    assert found.left_out == ["0.bias", *norms, "2.bias"]


def test_a_small_resnet_18():
    net = resnet_18()
    stem, _, *stages, head = net
    sizes = {"input": 3, "0.0": 4}
    stream = "0.0"
    connections = [("0.0", "input", "0.0", by_channel(stem[0].weight))]
    for at, block in enumerate(stages, 2):
        before, inner = stream, f"{at}.conv1"
        sizes[inner] = len(block.conv1.weight)
        if isinstance(block.skip, nn.Sequential):
            stream = f"{at}.conv2"
            sizes[stream] = sizes[inner]
        connections += [
            (inner, before, inner, by_channel(block.conv1.weight)),
            (f"{at}.conv2", inner, stream, by_channel(block.conv2.weight)),
        ]
        if isinstance(block.skip, nn.Sequential):
            skip = block.skip[0].weight[:, :, 0, 0].T
            connections.append((f"{at}.skip.0", before, stream, skip))
    sizes["10.2"] = 5
    connections.append(("10.2", stream, "10.2", head[2].weight.T))
    assert_is(network(net, torch.randn(1, 3, 64, 64)), sizes, connections)


def test_vgg_with_batch_norm():
    net = vgg()
    assert_is(
        network(net, torch.randn(2, 3, 16, 16)),
        {"input": 3, "0": 4, "4": 6, "8": 6, "13": 8, "15": 3},
        [
            ("0", "input", "0", by_channel(net[0].weight)),
            ("4", "0", "4", by_channel(net[4].weight)),
            ("8", "4", "8", by_channel(net[8].weight)),
            ("13", "8", "13", by_block(net[13].weight.T, n_rows=6)),
            ("15", "13", "15", net[15].weight.T),
        ],
    )


def test_an_inverted_residual_of_mobilenet_has_a_diagonal():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), InvertedResidual(4, 2), nn.Conv2d(4, 2, 3))
    block = net[1]
    assert_is(
        network(net, torch.randn(2, 3, 9, 9)),
        {"input": 3, "0": 4, "1.expand": 8, "1.depthwise": 8, "2": 2},
        [
            ("0", "input", "0", by_channel(net[0].weight)),
            ("1.expand", "0", "1.expand", block.expand.weight[:, :, 0, 0].T),
            (
                "1.depthwise",
                "1.expand",
                "1.depthwise",
                by_channel(block.depthwise.weight)[0].diag(),
            ),
            ("1.project", "1.depthwise", "0", block.project.weight[:, :, 0, 0].T),
            ("2", "0", "2", by_channel(net[2].weight)),
        ],
    )


def test_a_concatenated_skip_of_a_u_net_is_a_connection_of_its_own():
    net = UNet()
    merge = by_channel(net.merge.weight)
    assert_is(
        network(net, torch.randn(2, 1, 8, 8)),
        {"input": 1, "outer": 2, "inner": 4, "up": 3, "merge": 2},
        [
            ("outer", "input", "outer", by_channel(net.outer.weight)),
            ("inner", "outer", "inner", by_channel(net.inner.weight)),
            ("up", "inner", "up", by_channel(net.up.weight).T),
            ("merge[outer]", "outer", "merge", merge[:2]),
            ("merge[up]", "up", "merge", merge[2:]),
        ],
    )


class ChannelsLast(nn.Module):
    def __init__(self, *dims):
        super().__init__()
        self.dims = dims
        self.conv, self.out = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(8, 1, bias=False)
        nn.init.ones_(self.conv.weight)
        with torch.no_grad():
            self.out.weight.copy_(torch.tensor([[1.0, 0, 1, 0, 1, 0, 1, 0]]))

    def forward(self, x):
        return self.out(self.conv(x).permute(self.dims).flatten(1))


@pytest.mark.parametrize(
    ("dims", "expected"),
    [((0, 2, 3, 1), [4.0, 0.0]), ((0, 1, 2, 3), [2.0, 2.0]), ((0, 2, 1, 3), [2.0, 2.0])],
)
def test_a_map_is_flattened_in_the_order_in_which_it_is(dims, expected):
    *_, last = network(ChannelsLast(*dims), torch.randn(2, 1, 2, 2)).connections
    assert last.weight.flatten().tolist() == expected


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_convolutions_of_any_kind_are_read_by_channel(kind, n_dims, groups):
    torch.manual_seed(0)
    layer = getattr(nn, f"{kind}{n_dims}d")(4, 6, 3, groups=groups)
    x = torch.randn(1, 4, *[5] * n_dims)
    (found,) = network(nn.Sequential(layer), x).connections
    # with weights of absolute value, what one channel of ones sends to a place within
    with torch.no_grad():
        layer.weight.abs_()
        layer.bias.zero_()
    for channel in range(4):
        ones = torch.zeros(1, 4, *[5] * n_dims)
        ones[:, channel] = 1
        sent = layer(ones)[(0, slice(None), *[layer(ones).shape[-1] // 2] * n_dims)]
        torch.testing.assert_close(found.weight[channel], sent)


def test_a_kernel_of_one_weight_is_a_view_with_its_sign():
    layer = nn.Conv2d(3, 2, 1)
    (found,) = network(nn.Sequential(layer), torch.randn(1, 3, 4, 4)).connections
    assert torch.equal(found.weight, layer.weight[:, :, 0, 0].T)
    assert found.weight.data_ptr() == layer.weight.data_ptr()


def test_a_gate_of_each_channel_is_the_channel():
    found = network(SqueezeAndExcite(), torch.randn(2, 3, 6, 6))
    assert found.sizes == {"input": 3, "conv": 4, "squeeze": 2, "out": 2}
    ends = [(c.source, c.target) for c in found.connections]
    assert ends == [("input", "conv"), ("conv", "squeeze"), ("squeeze", "conv"), ("conv", "out")]


class Decoder(nn.Module):
    def __init__(self, between):
        super().__init__()
        self.into, self.out = nn.Linear(3, 16), nn.ConvTranspose2d(4, 2, 2, 2)
        self.between = between

    def forward(self, z):
        return self.out(self.between(self.into(z).view(-1, 4, 2, 2)))


@pytest.mark.parametrize("between", [nn.ReLU(), nn.Upsample(scale_factor=2), nn.ZeroPad2d(1)])
def test_a_map_that_a_linear_layer_makes_is_read_by_channel(between):
    net = Decoder(between)
    assert_is(
        network(net, torch.randn(2, 3)),
        {"input": 3, "into": 4, "out": 2},
        [
            ("into", "input", "into", by_block(net.into.weight.T, n_columns=4)),
            ("out", "into", "out", by_channel(net.out.weight).T),
        ],
    )


class Shuffled(nn.Module):
    def __init__(self, shuffle):
        super().__init__()
        self.shuffle = shuffle
        self.first, self.second = nn.Conv2d(1, 4, 1, bias=False), nn.Conv2d(2, 1, 1, bias=False)

    def forward(self, x):
        return self.second(self.shuffle(self.first(x)))


@pytest.mark.parametrize(
    ("shuffle", "order"),
    [
        (lambda x: x[:, [2, 0]], [2, 0]),
        (lambda x: nn.functional.channel_shuffle(x, 2)[:, :2], [0, 2]),
        (lambda x: x.flip(1)[:, 1:3], [2, 1]),
        (lambda x: torch.roll(x, 1, 1).chunk(2, 1)[0], [3, 0]),
        (lambda x: x.index_select(1, torch.tensor([3, 3])), [3]),
        (lambda x: torch.stack(x.unbind(1)[1:3], 1), [1, 2]),
    ],
)
def test_channels_are_followed_wherever_they_go(shuffle, order):
    net = Shuffled(shuffle)
    _, found = network(net, torch.randn(2, 1, 4, 4)).connections
    expected = torch.zeros(4, 1)
    for weight, channel in zip(
        net.second.weight[0, :, 0, 0], order * (3 - len(order)), strict=True
    ):
        expected[channel] += weight.abs() if len(order) == 1 else weight.detach()
    torch.testing.assert_close(found.weight, expected)


def test_pixels_that_become_channels_stay_one_neuron():
    net = nn.Sequential(nn.Conv2d(1, 8, 1), nn.PixelShuffle(2), nn.Conv2d(2, 3, 1))
    found = network(net, torch.randn(1, 1, 3, 3))
    assert found.sizes == {"input": 1, "0": 2, "2": 3}
    torch.testing.assert_close(
        found.connections[0].weight, by_block(net[0].weight[:, :, 0, 0].T, n_columns=2)
    )
