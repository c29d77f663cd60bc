"""What neurons or parameters feed is read, noted or refused: nothing is dropped in silence."""

import pytest
import torch
from by_hand import Model
from torch import nn
from torch.nn import functional as F

from modlib import network

X, SEQUENCE, INDEX = torch.randn(3, 4), torch.randn(2, 5, 4), torch.tensor([0, 5, 3])
WHOLE = torch.randint(255, (3, 4))


def linear(*sizes):
    return nn.Linear(*sizes)


def decoder(joined):
    """A cell that is fed its own outputs, which are constants at first."""

    def run(net, x):
        state, made = net.into(x), torch.zeros(len(x), 2)
        for _ in range(3):
            state = net.cell(torch.cat([x, made], 1) if joined else made, state)
            made = net.out(state)
        return made

    n_in = 6 if joined else 2
    return Model(run, into=linear(4, 6), cell=nn.GRUCell(n_in, 6), out=linear(6, 2))


def attended(change, **more):
    """Attention of one head with a mask, or with a change to what it hands on."""

    def run(net, x, *others):
        asked = [part(x) for part in (net.q, net.k, net.v)]
        return net.out(change(net, asked, x, *others))

    return Model(run, **{part: linear(4, 4) for part in "qkv"}, out=linear(4, 2), **more)


def masked(make):
    return lambda net, asked, *x: F.scaled_dot_product_attention(*asked, attn_mask=make(net, *x))


READ = {
    "a cell that is fed by its outputs": (decoder(False), (X,), {("out", "into")}),
    "a cell that is fed by inputs and its outputs": (
        decoder(True),
        (X,),
        {("input", "into"), ("out", "into")},
    ),
    "a table that an index chooses from": (
        Model(
            lambda net, i: net.out(net.t[i]), t=nn.Parameter(torch.randn(7, 4)), out=linear(4, 2)
        ),
        (INDEX,),
        {("t.entries", "t"), ("t", "out")},
    ),
    "the same by another name": (
        Model(
            lambda net, i: net.out(net.t.index_select(0, i)),
            t=nn.Parameter(torch.randn(7, 4)),
            out=linear(4, 2),
        ),
        (INDEX,),
        {("t.entries", "t"), ("t", "out")},
    ),
    "classes one by one": (
        Model(lambda net, i: net.out(F.one_hot(i, 7).float()), out=linear(7, 2)),
        (INDEX,),
        {("inputs_0.entries", "out")},
    ),
    "the smaller of two": (
        Model(
            lambda net, x: net.out(torch.min(net.a(x), net.b(x))),
            a=linear(4, 3),
            b=linear(4, 3),
            out=linear(3, 2),
        ),
        (X,),
        {("input", "a"), ("a", "out")},
    ),
    "units that fire at random": (
        Model(
            lambda net, x: net.out(net.a(x).sigmoid().bernoulli()), a=linear(4, 3), out=linear(3, 2)
        ),
        (X,),
        {("input", "a"), ("a", "out")},
    ),
    "one neuron everywhere": (
        Model(
            lambda net, x: net.out(torch.zeros_like(x).fill_(net.a(x)[0, 0])),
            a=linear(4, 1),
            out=linear(4, 2),
        ),
        (X,),
        {("input", "a"), ("a", "out")},
    ),
    "a sum with whole numbers that weights have read": (
        Model(lambda net, x: net.out(x / 255 + net.a(x / 255)), a=linear(4, 4), out=linear(4, 2)),
        (WHOLE.to(torch.uint8),),
        {("input", "input"), ("input", "out")},
    ),
    "norms of a batch alone": (
        Model(
            lambda net, x: net.out(net.norm(net.a(x))),
            a=linear(4, 4),
            norm=nn.BatchNorm1d(4, track_running_stats=False),
            out=linear(4, 2),
        ),
        (X,),
        {("input", "a"), ("a", "out")},
    ),
}

REFUSED = {
    "columns of a table": (
        Model(
            lambda net, i: net.out(net.t[:, i].T),
            t=nn.Parameter(torch.randn(4, 7)),
            out=linear(4, 2),
        ),
        (INDEX,),
        "'index'.*from a table otherwise than row by row; use nn.Embedding",
    ),
    "inputs that are added to heads": (
        attended(lambda net, asked, x, y: F.scaled_dot_product_attention(*asked) + y),
        (SEQUENCE, SEQUENCE),
        "'add'.*one neuron is added to many",
    ),
    "a mask of neurons": (
        attended(masked(lambda net, x: net.b(x)), b=linear(4, 5)),
        (SEQUENCE,),
        "'scaled_dot_product_attention'.*neurons make the mask",
    ),
    "a mask over a constant": (
        Model(
            lambda net, x: net.out(torch.zeros(3, 3).masked_fill(net.a(x) > 0, 1.0)),
            a=linear(4, 3),
            out=linear(3, 2),
        ),
        (X,),
        "'linear' in module 'out'.*some other mixture",
    ),
    "two inputs of whole numbers": (
        Model(lambda net, x, y: net.out((x * y).float()), out=linear(4, 2)),
        (WHOLE, WHOLE + 1),
        "'linear' in module 'out'.*some other mixture",
    ),
    "parameters in what no rule reads": (
        Model(
            lambda net, x, i: net.out(net.a(x) + net.bag(i)),
            a=linear(4, 3),
            bag=nn.EmbeddingBag(7, 3),
            out=linear(3, 2),
        ),
        (X, INDEX[:, None]),
        "'embedding_bag' in module 'bag'.*with parameters",
    ),
    "two examples in a row": (
        Model(lambda net, x: net.out(x.view(-1, 8)), out=linear(8, 2)),
        (torch.randn(4, 4),),
        "counts examples",
    ),
    "parameters that no input meets": (
        Model(lambda net, x: net.t * 1.0, t=nn.Parameter(torch.randn(7, 4))),
        (X,),
        "no input meets any; its parameters are t",
    ),
    "no example": (
        Model(lambda net, x: net.out(x), out=linear(4, 2)),
        (torch.randn(0, 4),),
        "'inputs_0' of shape \\(0, 4\\), which has no entry",
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_what_feeds_a_layer_is_read(kind):
    model, inputs, expected = READ[kind]
    found = network(model, *inputs)
    assert {(c.source, c.target) for c in found.connections} >= expected


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused(kind):
    model, inputs, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        network(model, *inputs)


def test_what_is_added_or_chooses_without_weights_is_noted():
    added = Model(lambda net, x, c: net.out(net.a(x) + c), a=linear(4, 4), out=linear(4, 2))
    assert "(add)" in network(added, X, WHOLE).left_out
    chosen = attended(masked(lambda net, x: net.b(x) > 0), b=linear(4, 5))
    assert "(scaled_dot_product_attention)" in network(chosen, SEQUENCE).left_out
    # a mask that comes from outside is no neuron's
    given = attended(masked(lambda net, x, mask: mask))
    assert not any(
        "attention" in name for name in network(given, SEQUENCE, torch.ones(5, 5)).left_out
    )


def test_the_weights_of_a_table_and_a_cell_are_those_that_run():
    model, inputs, _ = READ["a table that an index chooses from"]
    assert torch.equal(network(model, *inputs).connections[0].weight, model.t)
    model, inputs, _ = READ["a cell that is fed by its outputs"]
    (fed,) = (c for c in network(model, *inputs).connections if c.source == "out")
    gates = model.cell.weight_ih.unflatten(0, (3, 6))
    torch.testing.assert_close(fed.weight, gates.abs().sum(0).mT)
