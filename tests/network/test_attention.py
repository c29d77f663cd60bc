"""Transformers, traced, against their networks written by hand."""

import pytest
import torch
from by_hand import Model, assert_is, by_block
from torch import nn
from torch.nn import functional as F

from modlib import network


def into_heads(weight, n_heads):
    """A projection to heads, which are blocks of its columns."""
    return by_block(weight.T, n_columns=n_heads)


def out_of_heads(weight, n_heads):
    """A projection from heads, which are blocks of its rows."""
    return by_block(weight.T, n_rows=n_heads)


def attention_of(attn, name, source, target, n_heads=2, other=None):
    """The connections of an `nn.MultiheadAttention`."""
    q, k, v = attn.in_proj_weight.chunk(3)
    heads = f"{name}.heads"
    return [
        (f"{name}.query", source, heads, into_heads(q, n_heads)),
        (f"{name}.key", other or source, heads, into_heads(k, n_heads)),
        (f"{name}.value", other or source, heads, into_heads(v, n_heads)),
        (f"{name}.out_proj", heads, target, out_of_heads(attn.out_proj.weight, n_heads)),
    ]


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_an_encoder_layer(norm_first, frozen):
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=norm_first)
    net = nn.Sequential(nn.Linear(3, 8), layer).requires_grad_(not frozen)
    assert_is(
        network(net, torch.randn(2, 5, 3)),
        {"input": 3, "0": 8, "1.self_attn.heads": 2, "1.linear1": 12},
        [
            ("0", "input", "0", net[0].weight.T),
            *attention_of(layer.self_attn, "1.self_attn", "0", "0"),
            ("1.linear1", "0", "1.linear1", layer.linear1.weight.T),
            ("1.linear2", "1.linear1", "0", layer.linear2.weight.T),
        ],
    )


def test_an_encoder_with_a_mask_of_padding():
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    net, x = nn.TransformerEncoder(layer, 2), torch.randn(2, 5, 8)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    found = network(net, x, src_key_padding_mask=padding)
    plain = network(net, x)
    assert list(found.sizes.values()) == list(plain.sizes.values())
    assert [c.name for c in found.connections] == [c.name for c in plain.connections]


def test_a_decoder_layer_reads_what_is_encoded():
    layer = nn.TransformerDecoderLayer(8, 2, 12, batch_first=True)
    now, past = torch.randn(2, 5, 8), torch.randn(2, 3, 8)
    cross = attention_of(
        layer.multihead_attn, "multihead_attn", "input.tgt", "input.tgt", other="input.memory"
    )
    assert_is(
        network(layer, now, past),
        {
            "input.tgt": 8,
            "input.memory": 8,
            "self_attn.heads": 2,
            "multihead_attn.heads": 2,
            "linear1": 12,
        },
        [
            *attention_of(layer.self_attn, "self_attn", "input.tgt", "input.tgt"),
            *cross,
            ("linear1", "input.tgt", "linear1", layer.linear1.weight.T),
            ("linear2", "linear1", "input.tgt", layer.linear2.weight.T),
        ],
    )


class Attention(nn.Module):
    """Causal attention, with one projection or three, scores spelled out or not."""

    def __init__(self, n, n_heads, fused, spelled):
        super().__init__()
        self.n_heads, self.fused, self.spelled = n_heads, fused, spelled
        if fused:
            self.qkv = nn.Linear(n, 3 * n)
        else:
            self.q, self.k, self.v = (nn.Linear(n, n) for _ in range(3))
        self.out = nn.Linear(n, n)
        self.register_buffer("past", torch.ones(16, 16).tril().bool())

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1) if self.fused else (self.q(x), self.k(x), self.v(x))
        q, k, v = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in (q, k, v))
        if self.spelled:
            scores = q @ k.mT / q.shape[-1] ** 0.5
            past = self.past[: x.shape[1], : x.shape[1]]
            y = scores.masked_fill(~past, -torch.inf).softmax(-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class GPT(nn.Module):
    def __init__(self, fused=False, spelled=False, tied=True):
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 8), nn.Embedding(16, 8)
        self.attn, self.norm = Attention(8, 2, fused, spelled), nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
        self.head = nn.Linear(8, 11, bias=False)
        if tied:
            self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        x = x + self.attn(self.norm(x))
        return self.head(x + self.down(F.gelu(self.up(self.norm(x)))))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("spelled", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_a_gpt(fused, spelled, tied):
    net = GPT(fused, spelled, tied)
    attn = net.attn
    if fused:
        names = [f"attn.qkv.{role}" for role in ("query", "key", "value")]
        parts = attn.qkv.weight.chunk(3)
    else:
        names, parts = ["attn.q", "attn.k", "attn.v"], [attn.q.weight, attn.k.weight, attn.v.weight]
    found = network(net, torch.randint(11, (2, 5)))
    assert_is(
        found,
        {"tokens.entries": 11, "tokens": 8, "attn.heads": 2, "up": 12, "head": 11},
        [
            ("tokens", "tokens.entries", "tokens", net.tokens.weight),
            *(
                (name, "tokens", "attn.heads", into_heads(part, 2))
                for name, part in zip(names, parts, strict=True)
            ),
            ("attn.out", "attn.heads", "tokens", out_of_heads(attn.out.weight, 2)),
            ("up", "tokens", "up", net.up.weight.T),
            ("down", "up", "tokens", net.down.weight.T),
            ("head", "tokens", "head", net.head.weight.T),
        ],
    )
    assert "places.weight" in found.left_out
    assert "norm.weight" in found.left_out


@pytest.mark.parametrize("masked", [False, True])
def test_attention_that_shows_its_scores(masked):
    net = nn.Sequential(nn.Linear(3, 8))
    net.attn = nn.MultiheadAttention(8, 2, batch_first=True)
    net.forward = lambda x, mask=None: net.attn(*[net[0](x)] * 3, attn_mask=mask)
    x, mask = torch.randn(2, 5, 3), torch.zeros(5, 5)
    found = network(net, x, mask) if masked else network(net, x)
    assert_is(
        found,
        {"input.x" if masked else "input": 3, "0": 8, "attn.heads": 2, "attn.out_proj": 8},
        [
            ("0", "input.x" if masked else "input", "0", net[0].weight.T),
            *attention_of(net.attn, "attn", "0", "attn.out_proj"),
        ],
    )


class Rotary(nn.Module):
    """Two heads of queries that share keys and values, rotated by their places."""

    def __init__(self, gqa):
        super().__init__()
        self.gqa = gqa
        self.q, self.k, self.v = nn.Linear(8, 16), nn.Linear(8, 8), nn.Linear(8, 8)
        self.out = nn.Linear(16, 8)

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (-1, 4)).transpose(1, 2) for f in (self.q, self.k, self.v))
        angle = torch.arange(x.shape[1])[:, None] * torch.tensor([1.0, 0.1, 1.0, 0.1])
        q, k = (
            y * angle.cos() + torch.cat([-y[..., 2:], y[..., :2]], -1) * angle.sin() for y in (q, k)
        )
        if self.gqa:
            y = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
        else:
            k, v = (y.repeat_interleave(2, 1) for y in (k, v))
            y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("gqa", [False, True])
def test_heads_that_share_keys_and_values_are_one_neuron(gqa):
    net = Rotary(gqa)
    assert_is(
        network(net, torch.randn(2, 5, 8)),
        {"input": 8, "heads": 2, "out": 8},
        [
            ("q", "input", "heads", into_heads(net.q.weight, 2)),
            ("k", "input", "heads", into_heads(net.k.weight, 2)),
            ("v", "input", "heads", into_heads(net.v.weight, 2)),
            ("out", "heads", "out", out_of_heads(net.out.weight, 2)),
        ],
    )


class Latents(nn.Module):
    """Parameters that ask, of keys and values that are projected from inputs."""

    def __init__(self):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(3, 8))
        self.attn, self.out = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 2)

    def forward(self, x):
        asked = self.latents.expand(len(x), -1, -1)
        return self.out(asked + self.attn(asked, x, x, need_weights=False)[0])


def test_queries_that_depend_on_no_input_are_left_out():
    net = Latents()
    found = network(net, torch.randn(2, 5, 8))
    _, k, v = net.attn.in_proj_weight.chunk(3)
    assert_is(
        found,
        {"input": 8, "attn.heads": 2, "attn.out_proj": 8, "out": 2},
        [
            ("attn.key", "input", "attn.heads", into_heads(k, 2)),
            ("attn.value", "input", "attn.heads", into_heads(v, 2)),
            (
                "attn.out_proj",
                "attn.heads",
                "attn.out_proj",
                out_of_heads(net.attn.out_proj.weight, 2),
            ),
            ("out", "attn.out_proj", "out", net.out.weight.T),
        ],
    )
    assert "latents" in found.left_out


@pytest.mark.parametrize("spelled", [False, True])
def test_heads_may_be_outputs(spelled):
    net = Attention(8, 2, False, spelled)
    net.out = nn.Identity()
    found = network(net, torch.randn(2, 5, 8))
    assert found.sizes == {"input": 8, "heads": 2}
    assert [c.name for c in found.connections] == ["q", "k", "v"]


def weights_of(query, key):
    return (query @ key.mT).softmax(-1)


def across_channels(net, x):
    """Each channel is a mixture of all, as their products over places say."""
    return (weights_of(net.q(x).mT, net.k(x).mT) @ net.v(x).mT).mT


def of_anothers_values(net, x):
    first = weights_of(net.q(x), net.k(x)) @ net.v(x)
    return weights_of(net.q2(x), net.k2(x)) @ first


def of_anothers_scores(net, x):
    rolled = weights_of(net.q2(x), net.k2(x)) @ weights_of(net.q(x), net.k(x))
    return rolled @ net.v(x)


@pytest.mark.parametrize(
    ("attended", "names"),
    [
        (across_channels, ["q", "k", "v"]),
        (of_anothers_values, ["q", "k", "v", "q2", "k2"]),
        (of_anothers_scores, ["q2", "k2", "q", "k", "v"]),
    ],
)
def test_queries_keys_and_values_that_meet_are_one_head(attended, names):
    layers = {name: nn.Linear(4, 6) for name in names}
    net = Model(lambda net, x: net.out(attended(net, x)), **layers, out=nn.Linear(6, 2))
    assert_is(
        network(net, torch.randn(2, 5, 4)),
        {"input": 4, "heads": 1, "out": 2},
        [
            *((name, "input", "heads", into_heads(layers[name].weight, 1)) for name in names),
            ("out", "heads", "out", out_of_heads(net.out.weight, 1)),
        ],
    )


class Towers(nn.Module):
    """Two projections, whose scalar products are the outputs."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 8), nn.Linear(4, 8)

    def forward(self, x, y):
        return self.left(x) @ self.right(y).mT


def test_scores_that_weigh_no_values_are_no_heads():
    net = Towers()
    assert_is(
        network(net, torch.randn(2, 3), torch.randn(5, 4)),
        {"input.x": 3, "input.y": 4, "left": 8, "right": 8},
        [
            ("left", "input.x", "left", net.left.weight.T),
            ("right", "input.y", "right", net.right.weight.T),
        ],
    )


class PatchTransformer(nn.Module):
    """A transformer of patches and a token of its own, which is read out."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.token, self.places = (nn.Parameter(torch.randn(1, n, 8)) for n in (1, 5))
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        return self.out(self.layer(x)[:, 0])


def test_a_transformer_of_patches():
    found = network(PatchTransformer(), torch.randn(2, 3, 8, 8))
    assert found.sizes == {
        "input": 3,
        "patches": 8,
        "layer.self_attn.heads": 2,
        "layer.linear1": 12,
        "out": 2,
    }
    assert found.left_out[:2] == ["token", "places"]


def test_scores_that_nothing_reads_are_left_out():
    net = Model(lambda net, u, v: net.a(u) @ net.b(v).T, a=nn.Linear(4, 3), b=nn.Linear(4, 3))
    found = network(net, torch.randn(5, 4), torch.randn(5, 4))
    assert "(matmul)" in found.left_out
