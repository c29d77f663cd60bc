"""What is done to values between layers, and what that does to their neurons."""

import pytest
import torch
from by_hand import Model, by_block
from torch import nn
from torch.nn import functional as F

from modlib import network

X, SEQUENCE, IMAGE = torch.randn(2, 4), torch.randn(2, 5, 4), torch.randn(2, 3, 8, 8)

SAME = {
    "normalised by hand": lambda h: (h - h.mean(-1, keepdim=True)) / (h.std(-1, keepdim=True) + 1),
    "normalised by root mean square": lambda h: h * (h * h).mean(-1, keepdim=True).rsqrt(),
    "scaled to length one": lambda h: F.normalize(h, dim=-1),
    "softmax": lambda h: h.softmax(-1),
    "softmax spelled out": lambda h: h.exp() / h.exp().sum(-1, keepdim=True),
    "log softmax": lambda h: h.log_softmax(-1),
    "softmax over examples": lambda h: h.softmax(0),
    "layer norm": lambda h: F.layer_norm(h, (4,)),
    "group norm": lambda h: F.group_norm(h, 2),
    "instance norm": lambda h: F.group_norm(h[..., None].repeat(1, 1, 3).cumsum(-1), 4).sum(-1),
    "a pool of neighbours": lambda h: h * F.avg_pool1d(h[:, None], 3, 1, 1)[:, 0],
    "clipped": lambda h: h.clamp(-1, 1),
    "where": lambda h: torch.where(h > 0, h, 0.1 * h),
    "its own mask": lambda h: h * (h > h.mean()),
    "where, with a number": lambda h: torch.where(h > 0, h, 0.1),
    "by other names": lambda h: torch.negative(torch.multiply(h, 2).absolute()).subtract(h).fix(),
    "split and joined by other names": lambda h: torch.concat(h.divide(2).unsafe_chunk(2, -1), -1),
    "noise": lambda h: h + torch.randn_like(h),
    "written over in part": lambda h: written_over(h),
    "there and back": lambda h: h.flip(-1).flip(-1),
    "written over a part of nothing": lambda h: written_over_nothing(h),
    "split and joined": lambda h: torch.cat(h.split(1, -1), -1),
    "stacked and chosen": lambda h: torch.stack([h.sin(), h], 1)[:, 1],
    "repeated and averaged": lambda h: h.repeat(3, 1, 1).mean(0),
    "maximum of two": lambda h: torch.maximum(h, h.tanh()),
    "summed up": lambda h: h[:, None].cumsum(1)[:, 0],
    "spread and chosen": lambda h: h[:, None].expand(-1, 5, -1)[:, 2],
    "chosen by inputs": lambda h: h[h[:, 0].topk(2).indices],
    "in another precision": lambda h: h.double().mul(2).float(),
    "zeros where there is nothing": lambda h: F.pad(h, (2, 3))[:, 2:-3],
    "an axis more and less": lambda h: h[..., None].squeeze(-1).unsqueeze(0).reshape(2, 4),
}


def written_over(h):
    h = h.clone()
    h[:1] = 1.0
    h.relu_().add_(1)
    return h


def written_over_nothing(h):
    nothing = torch.zeros(2, 6)
    nothing[:, 1:5] = h
    return nothing[:, 1:5]


@pytest.mark.parametrize("kind", SAME)
def test_neurons_stay_what_they_are(kind):
    net = Model(
        lambda net, x: net.out(SAME[kind](net.into(x))), into=nn.Linear(4, 4), out=nn.Linear(4, 2)
    )
    found = network(net, X)
    assert found.sizes == {"input": 4, "into": 4, "out": 2}
    into, out = found.connections
    assert torch.equal(into.weight, net.into.weight.T)
    assert torch.equal(out.weight, net.out.weight.T)


@pytest.mark.parametrize("kind", SAME)
def test_what_makes_neurons_depend_on_others_is_left_out(kind):
    def others_change(silenced):
        h = torch.rand(2, 4)
        known = h.clone()
        h[:, silenced] = 0
        with torch.random.fork_rng():
            before = SAME[kind](known)
        other = [n for n in range(4) if n != silenced]
        return not torch.equal(before[..., other], SAME[kind](h)[..., other])

    net = Model(lambda net, x: SAME[kind](net.into(x)), into=nn.Linear(4, 4))
    is_named = network(net, X).left_out != ["into.bias"]
    assert is_named == any(others_change(n) for n in 10 * [*range(4)])


MAPS = {
    "padded round about": nn.CircularPad2d(1),
    "padded by reflection": nn.ReflectionPad2d(1),
    "padded by its edges": nn.ReplicationPad2d(1),
    "padded with ones": nn.ConstantPad2d(1, 1.0),
    "enlarged": nn.Upsample(scale_factor=2, mode="bilinear"),
    "pooled": nn.MaxPool2d(2),
    "pooled with indices": Model(lambda _, x: F.max_pool2d(x, 2, return_indices=True)[0]),
    "averaged": Model(lambda _, x: x.mean((2, 3), keepdim=True)),
    "group norm": nn.GroupNorm(2, 4),
    "instance norm": nn.InstanceNorm2d(4),
    "rectified by channel": nn.PReLU(4),
    "response norm": nn.LocalResponseNorm(2),
    "dropped channels": nn.Dropout2d(),
}


@pytest.mark.parametrize("kind", MAPS)
def test_channels_stay_what_they_are(kind):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), MAPS[kind], nn.Conv2d(4, 2, 1))
    found = network(net, IMAGE)
    assert found.sizes == {"input": 3, "0": 4, "2": 2}
    assert torch.equal(found.connections[1].weight, net[2].weight[:, :, 0, 0].T)


def test_patches_that_are_unfolded_are_read_by_channel():
    net = Model(
        lambda net, x: net.out(F.unfold(net.conv(x), 2, padding=1).mT),
        conv=nn.Conv2d(3, 4, 1),
        out=nn.Linear(16, 2),
    )
    found = network(net, IMAGE)
    assert found.sizes == {"input": 3, "conv": 4, "out": 2}
    torch.testing.assert_close(found.connections[1].weight, by_block(net.out.weight.T, n_rows=4))


@pytest.mark.parametrize("are_others", [True, False])
def test_a_mask_that_other_neurons_make_is_left_out(are_others):
    masks = {"mul": lambda h, g: h * (g > 0), "masked_fill": lambda h, g: h.masked_fill(g > 0, 0.0)}

    def run(net, x, mask):
        h = net.a(x)
        return mask(h, net.b(x) if are_others else h)

    for name, mask in masks.items():
        net = Model(lambda net, x, m=mask: run(net, x, m), a=nn.Linear(4, 3), b=nn.Linear(4, 3))
        assert (f"({name})" in network(net, X).left_out) == are_others


def test_a_mixture_that_branches_again_and_again_is_followed_once():
    def run(net, x):
        h = net.into(x)
        mean = h.mean(-1, keepdim=True)
        for _ in range(64):
            mean = mean.sin() + mean.cos()
        return net.out(h + mean)

    found = network(Model(run, into=nn.Linear(4, 4), out=nn.Linear(4, 2)), X)
    assert found.sizes == {"input": 4, "into": 4, "out": 2}


def test_differences_in_time_are_places_of_the_same_inputs():
    net = Model(lambda net, x: net.into(x[:, 1:] - x[:, :-1]), into=nn.Linear(4, 3))
    (found,) = network(net, SEQUENCE).connections
    assert torch.equal(found.weight, net.into.weight.T)


TIMES = {
    "the last": lambda h, n: h[:, -1],
    "the last that counts": lambda h, n: h[torch.arange(2), n - 1],
    "gathered": lambda h, n: h.gather(1, n[:, None, None].expand(-1, -1, 4))[:, 0],
    "their mean": lambda h, n: h.mean(1),
    "their mean with weights": lambda h, n: (h.mean(-1, keepdim=True).softmax(1) * h).sum(1),
    "their mean where they count": lambda h, n: (h * (torch.arange(5) < n[:, None])[..., None]).sum(
        1
    ),
    "their largest": lambda h, n: h.max(1).values,
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_of_a_neuron_are_one_neuron(kind):
    net = Model(
        lambda net, x, n: net.out(TIMES[kind](net.into(x), n)),
        into=nn.Linear(4, 4),
        out=nn.Linear(4, 2),
    )
    found = network(net, SEQUENCE, torch.tensor([5, 3]))
    assert list(found.sizes.values()) == [4, 4, 2]
    assert torch.equal(found.connections[1].weight, net.out.weight.T)


@pytest.mark.parametrize("to", [lambda m: m, lambda m: m.float()])
def test_a_mask_of_whole_numbers_is_no_neuron(to):
    def run(net, x, mask):
        x = net.into(x) * mask[..., None] + mask.cumsum(-1)[..., None]
        q, k, v = (f(x).unflatten(-1, (2, 2)).transpose(1, 2) for f in (net.q, net.k, net.v))
        scores = q @ k.mT + (1 - to(mask))[:, None, None] * -1e9
        return net.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    layers = {name: nn.Linear(4, 4) for name in ("into", "q", "k", "v", "out")}
    found = network(Model(run, **layers), SEQUENCE, torch.ones(2, 5, dtype=torch.long))
    assert list(found.sizes.values()) == [4, 4, 2, 4]


def test_products_that_are_summed_over_places_are_read_at_each():
    net = Model(
        lambda net, x: net.out(torch.einsum("bti,io->bo", x, net.weight)),
        weight=nn.Parameter(torch.randn(4, 3)),
        out=nn.Linear(3, 2),
    )
    found = network(net, SEQUENCE)
    assert found.sizes == {"input": 4, "weight": 3, "out": 2}
    assert torch.equal(found.connections[0].weight, net.weight)


def test_a_mask_of_inputs_may_be_added():
    net = Model(
        lambda net, x: net.out(net.into(x) - 9.0 * (x.mean(-1, keepdim=True) < 0)),
        into=nn.Linear(4, 4),
        out=nn.Linear(4, 2),
    )
    assert network(net, X).sizes == {"input": 4, "into": 4, "out": 2}


def test_inputs_join_what_is_added_to_them():
    change = Model(lambda net, x: x[:, -1:] + net.change(x), change=nn.Linear(4, 4))
    (found,) = network(change, SEQUENCE).connections
    assert (found.source, found.target) == ("input", "input")
    assert torch.equal(found.weight, change.change.weight.T)
    both = Model(lambda net, x, y: net.into(x) + y, into=nn.Linear(4, 4))
    found = network(both, SEQUENCE, torch.randn(2, 5, 4))
    assert list(found.sizes.values()) == [4, 4]
    assert found.connections[0].target.startswith("input")


def test_one_gate_of_many_neurons_is_left_out():
    net = Model(
        lambda net, x: net.out((x.view(-1, 2, 2) * net.gate(x)[..., None]).flatten(1)),
        gate=nn.Linear(4, 2),
        out=nn.Linear(4, 3),
    )
    found = network(net, X)
    assert found.sizes == {"input": 4, "gate": 2, "out": 3}
    assert [c.source for c in found.connections] == ["input", "input"]
    assert found.left_out == ["gate.bias", "out.bias", "(mul)"]


def test_half_of_the_inputs_may_change_the_other():
    def run(net, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a, b * net.scale(a).exp() + net.shift(a)], -1)

    net = Model(run, scale=nn.Linear(2, 2), shift=nn.Linear(2, 2))
    found = network(net, X)
    assert found.sizes == {"input": 4}
    for connection, layer in zip(found.connections, (net.scale, net.shift), strict=True):
        expected = torch.zeros(4, 4)
        expected[:2, 2:] = layer.weight.detach().T
        assert torch.equal(connection.weight, expected)


def test_one_layer_on_two_inputs_is_two_connections():
    net = Model(
        lambda net, x, y: net.out((net.into(x) - net.into(y)).abs()),
        into=nn.Linear(4, 3),
        out=nn.Linear(3, 2),
    )
    found = network(net, X, torch.randn(2, 4))
    assert [c.name for c in found.connections] == ["into", "into", "out"]
    assert {c.target for c in found.connections[:2]} == {"into"}
    assert len({c.source for c in found.connections[:2]}) == 2


def test_a_table_that_is_read_twice_is_one_layer_of_entries():
    net = Model(
        lambda net, x, y: net.out(torch.cat([net.table(x), net.table(y)], -1)),
        table=nn.Embedding(7, 3),
        out=nn.Linear(6, 2),
    )
    found = network(net, torch.randint(7, (2,)), torch.randint(7, (2,)))
    assert found.sizes == {"table.entries": 7, "table": 3, "table@2": 3, "out": 2}
    assert [c.source for c in found.connections] == ["table.entries"] * 2 + ["table", "table@2"]


def test_heads_that_a_layer_mixes_are_neurons():
    def run(net, x):
        q, k, v = (f(x).unflatten(-1, (2, 2)).transpose(1, 2) for f in (net.q, net.k, net.v))
        scores = net.mix((q @ k.mT).movedim(1, -1)).movedim(-1, 1)
        return net.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    layers = {name: nn.Linear(4, 4) for name in ("q", "k", "v", "out")}
    net = Model(run, **layers, mix=nn.Linear(2, 2))
    found = network(net, SEQUENCE)
    ends = {c.name: (c.source, c.target) for c in found.connections}
    first, second = ends["mix"]
    assert ends["q"] == ends["k"] == ("input", first)
    assert ends["v"] == ("input", second)
    assert ends["out"] == (second, "out")
    assert [found.sizes[layer] for layer in (first, second)] == [2, 2]
    (mix,) = (c.weight for c in found.connections if c.name == "mix")
    assert torch.equal(mix, net.mix.weight.T)


def test_pictures_of_bytes_are_inputs():
    net = Model(lambda net, x: net.conv(x / 255), conv=nn.Conv2d(3, 4, 3))
    found = network(net, torch.randint(255, (2, 3, 8, 8), dtype=torch.uint8))
    assert found.sizes == {"input": 3, "conv": 4}


def test_inputs_that_join_neurons_are_read():
    def run(net, x, y):
        h = (net.into(x) + y).view(-1, 2, 2)
        return net.out((h * net.gate(x)[..., None]).flatten(1))

    net = Model(run, into=nn.Linear(4, 4), gate=nn.Linear(4, 2), out=nn.Linear(4, 3))
    found = network(net, X, torch.randn(2, 4))
    assert list(found.sizes.values()) == [4, 4, 2, 3]


def test_weights_that_are_masked_by_hand_have_the_weights_name():
    net = Model(
        lambda net, x: F.linear(x, net.weight * net.mask), weight=nn.Parameter(torch.randn(3, 4))
    )
    net.register_buffer("mask", torch.ones(3, 4).tril())
    (found,) = network(net, X).connections
    assert found.name == "weight"
    assert torch.equal(found.weight, (net.weight * net.mask).T)


def test_fixed_features_are_read_as_weights():
    features = torch.randn(4, 6)
    net = Model(lambda net, x: net.out(torch.cos(x @ features)), out=nn.Linear(6, 2))
    found = network(net, X)
    assert list(found.sizes.values()) == [4, 6, 2]
    assert torch.equal(found.connections[0].weight, features)


HALF = torch.tensor([1.0, 1.0, 0.0, 0.0])
MASKED = {
    "mul": lambda h, mask: h * mask,
    "multiply": lambda h, mask: torch.multiply(h, mask.type_as(h)),
    "div": lambda h, mask: h / (1 + mask),
    "where": lambda h, mask: torch.where(mask > 0, h, 0),
    "masked_fill": lambda h, mask: h.masked_fill(mask > 0, 0),
    "minimum": torch.minimum,
    "clamp": lambda h, mask: torch.clamp(h, -mask, mask),
    "lerp": lambda h, mask: torch.lerp(h, torch.zeros_like(h), mask),
    "pow": torch.pow,
    "prelu": F.prelu,
    "einsum": lambda h, mask: torch.einsum("bi,i->bi", h, mask),
}


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("mask", [HALF, torch.ones(4)])
def test_a_constant_that_scales_neurons_apart_is_left_out(name, mask):
    net = Model(lambda net, x: MASKED[name](net.into(x), net.mask), into=nn.Linear(4, 4))
    net.register_buffer("mask", mask)
    is_named = f"({name})" in network(net, X).left_out
    assert is_named == (mask.unique().numel() > 1)
    if name not in ("where", "masked_fill", "clamp"):  # in them a constant is compared first
        assert f"({name})" in network(net.to("meta"), X.to("meta")).left_out


OF_ITS_SHAPE = {
    "ones_like": lambda h: torch.ones_like(h) * HALF,
    "new_ones": lambda h: h.new_ones(4).masked_fill(HALF == 0, 0),
    "cat": lambda h: torch.cat([torch.ones_like(h[:, :2]), torch.zeros_like(h[:, 2:])], 1),
}


@pytest.mark.parametrize("kind", OF_ITS_SHAPE)
def test_a_constant_of_a_values_shape_is_one(kind):
    net = Model(lambda net, x: net.a(x) * OF_ITS_SHAPE[kind](net.a(x)), a=nn.Linear(4, 4))
    assert "(mul)" in network(net, X).left_out
    shifted = Model(lambda net, x: net.a(x) + OF_ITS_SHAPE[kind](x), a=nn.Linear(4, 4))
    assert network(shifted, X).left_out == ["a.bias"]


def test_random_constants_take_nothing_from_the_model():
    net = Model(lambda net, x: net.a(x) * (torch.rand(4) > 0.5), a=nn.Linear(4, 4))
    before = torch.random.get_rng_state()
    network(net, X)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_constant_that_scales_places_or_entries_of_one_head_is_none():
    def run(net, x):
        q, k, v = net.heads(x).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        rotation = torch.arange(20.0).view(5, 4)
        weighed = F.scaled_dot_product_attention(q * rotation, k * rotation, v)
        return net.out(weighed.transpose(1, 2).reshape(2, 5, 8))

    net = Model(run, heads=nn.Linear(8, 24), out=nn.Linear(8, 8))
    assert "(mul)" not in network(net, torch.randn(2, 5, 8)).left_out
