"""What cannot be read is refused, by its module's name."""

import logging
import subprocess
import sys
from functools import partial

import pytest
import torch
from by_hand import Model
from torch import nn
from torch.nn import functional as F

import modlib
from modlib import Trace, network
from modlib.network import exporting


def linear(*sizes):
    return nn.Linear(*sizes)


def encoder_that_is_attended_as_it_is(net, x):
    states, _ = net.lstm(x)
    asked = net.ask(states[:, -1:])
    return net.out((asked @ states.mT).softmax(-1) @ states)


def read_after(outer, net, x):
    return net.out(outer(net.a(x), net.b(x)).flatten(1))


def gram(channels):
    return channels @ channels.mT


X, SEQUENCE, IMAGE = torch.randn(2, 4), torch.randn(2, 5, 4), torch.randn(2, 3, 8, 8)

REFUSED = {
    "an operation without a rule": (
        Model(
            lambda net, x: net.out(torch.fft.fft(net.into(x)).real),
            into=linear(4, 4),
            out=linear(4, 2),
        ),
        (X,),
        "'fft_fft' in the model itself.*no rule",
    ),
    "layers that mix times": (
        Model(lambda net, x: net.mix(net.into(x).mT), into=linear(4, 3), mix=linear(5, 5)),
        (SEQUENCE,),
        "'linear' in module 'mix'.*differ from place to place",
    ),
    "layers that mix times of inputs as well as features": (
        Model(lambda net, x: net.mix(x.mT) + net.into(x).mT, into=linear(4, 4), mix=linear(5, 5)),
        (SEQUENCE,),
        "'linear' in module 'into'.*differ from place to place",
    ),
    "a normalisation's scale that is made of inputs": (
        Model(
            lambda net, x: net.out(F.layer_norm(net.into(x), (3,), net.scale(x))),
            into=linear(4, 3),
            scale=nn.Linear(4, 3),
            out=linear(3, 2),
        ),
        (X[0],),
        "'layer_norm' in the model itself.*scales, shifts or fills with depends on inputs",
    ),
    "a slope that is made of inputs": (
        Model(
            lambda net, x: net.out(F.prelu(net.into(x), net.slope(x[0]))),
            into=linear(4, 3),
            slope=linear(4, 3),
            out=linear(3, 2),
        ),
        (X,),
        "'prelu' in the model itself.*scales, shifts or fills",
    ),
    "a convolution's bias that is made of inputs": (
        Model(
            lambda net, x: F.conv2d(x, net.weight, net.bias(x[0, :, 0, 0])),
            weight=nn.Parameter(torch.randn(4, 3, 1, 1)),
            bias=linear(3, 4),
        ),
        (IMAGE,),
        "'conv2d' in the model itself.*its bias depends on inputs",
    ),
    "an embedding's entries that are made of inputs": (
        Model(
            lambda net, x: F.embedding(torch.arange(2), net.entries(x[0]).view(6, 4)),
            entries=linear(4, 24),
        ),
        (X,),
        "'embedding' in the model itself.*its weights depend on inputs",
    ),
    "a mean of neurons that is read": (
        Model(
            lambda net, x: net.out(net.into(x).mean(-1, keepdim=True)),
            into=linear(4, 3),
            out=linear(1, 2),
        ),
        (X,),
        "module 'out'.*a mean, a sum or some other mixture",
    ),
    "a layer written as a product and a sum": (
        Model(
            lambda net, x: net.out((x[:, :, None] * net.weight).sum(1)),
            weight=nn.Parameter(torch.randn(4, 3)),
            out=linear(3, 2),
        ),
        (X,),
        "'mul' in the model itself.*matrix of parameters",
    ),
    "an outer sum": (
        Model(
            lambda net, x: net.a(x)[:, :, None] + net.b(x)[:, None], a=linear(4, 3), b=linear(4, 5)
        ),
        (X,),
        "'add' in the model itself.*each of several",
    ),
    "an outer product": (
        Model(
            lambda net, x: torch.einsum("bi,bj->bij", net.a(x), net.b(x)),
            a=linear(4, 3),
            b=linear(4, 5),
        ),
        (X,),
        "'einsum' in the model itself.*each of several",
    ),
    **{
        f"an outer product by {name}": (
            Model(partial(read_after, outer), a=linear(4, 3), b=linear(4, 5), out=linear(15, 2)),
            (X,),
            "in the model itself.*each of several neurons is multiplied by each of several others",
        )
        for name, outer in {
            "matmul": lambda a, b: a[:, :, None] @ b[:, None],
            "bmm": lambda a, b: torch.bmm(a[:, :, None], b[:, None]),
            "baddbmm": lambda a, b: torch.baddbmm(torch.ones(3, 5), a[:, :, None], b[:, None]),
            "einsum": lambda a, b: torch.einsum("bin,bnj->bij", a[:, :, None], b[:, None]),
        }.items()
    },
    "products of all pairs of channels": (
        Model(
            lambda net, x: net.out(gram(net.conv(x).flatten(2)).flatten(1)),
            conv=nn.Conv2d(3, 4, 3),
            out=linear(16, 2),
        ),
        (IMAGE,),
        "'matmul' in the model itself.*each of several neurons is multiplied",
    ),
    "products of channels of two layers": (
        Model(
            lambda net, x: net.out((net.a(x).flatten(2) @ net.b(x).flatten(2).mT).flatten(1)),
            a=nn.Conv2d(3, 4, 3),
            b=nn.Conv2d(3, 5, 3),
            out=linear(20, 2),
        ),
        (IMAGE,),
        "'matmul' in the model itself.*each of several neurons is multiplied",
    ),
    "attention without projections": (
        Model(
            encoder_that_is_attended_as_it_is,
            lstm=nn.LSTM(4, 4, batch_first=True),
            ask=linear(4, 4),
            out=linear(4, 2),
        ),
        (SEQUENCE,),
        "attention is read where its queries, keys and values are projections",
    ),
    "one neuron added to many": (
        Model(lambda net, x: net.a(x) + net.b(x), a=linear(4, 1), b=linear(4, 3)),
        (X,),
        "'add' in the model itself.*one neuron is added to many",
    ),
    "a product that is summed over new neurons": (
        Model(
            lambda net, x: net.out(torch.einsum("bi,io->b", x, net.weight)[:, None]),
            weight=nn.Parameter(torch.randn(4, 3)),
            out=linear(1, 2),
        ),
        (X,),
        "'einsum' in the model itself",
    ),
    "steps of other neurons": (
        Model(lambda net, x: net.a(x) + (net.b(x) > 0), a=linear(4, 3), b=linear(4, 3)),
        (X,),
        "'add' in the model itself.*mixture of others",
    ),
    "neurons that inputs choose": (
        Model(
            lambda net, x, i: net.out(net.into(x).gather(1, i)), into=linear(4, 5), out=linear(2, 3)
        ),
        (X, torch.tensor([[0, 1], [2, 3]])),
        "module 'out'.*mixture",
    ),
    "neurons that scale inputs": (
        Model(
            lambda net, x, y: net.out((y.view(-1, 2, 2) * net.a(x)[..., None]).flatten(1)),
            a=linear(4, 2),
            out=linear(4, 2),
        ),
        (X, torch.randn(2, 4)),
        "'mul' in the model itself.*inputs that no weights have read",
    ),
    "a mean added to other neurons": (
        Model(
            lambda net, x: net.a(x).tanh().mean(-1, keepdim=True) ** 2 + net.b(x),
            a=linear(4, 5),
            b=linear(4, 3),
        ),
        (X,),
        "'add' in the model itself.*mixture of others",
    ),
    "examples as features": (
        Model(lambda net, x: net.into(x.flatten()), into=linear(20, 3)),
        (torch.randn(5, 4),),
        "'linear' in module 'into'.*first dimension of inputs counts examples",
    ),
    "a vector as long as there are examples": (
        Model(lambda net, x, y: (net.into(x), net.other(y)), into=linear(4, 3), other=linear(2, 3)),
        (X, torch.randn(2)),
        "'linear' in module 'other'.*first dimension of inputs counts examples",
    ),
    "a picture without a batch dimension": (
        Model(lambda net, x: net.conv(x), conv=nn.Conv1d(4, 2, 1)),
        (torch.randn(4, 1),),
        "first dimension of inputs counts examples",
    ),
    "neurons between inputs as weights": (
        Model(lambda net, x, w: net.out(net.into(x) @ w), into=linear(4, 3), out=linear(5, 2)),
        (X, torch.randn(3, 5)),
        "'matmul' in the model itself.*multiplied by a matrix of inputs",
    ),
    "a hidden layer as a signal": (
        Model(
            lambda net, x: net.conv(net.into(x)[:, None]),
            into=linear(4, 9),
            conv=nn.Conv1d(1, 2, 3),
        ),
        (X,),
        "'conv1d' in module 'conv'.*differ from place to place",
    ),
    "choices by inputs": (
        Model(
            lambda net, x: net.out(net.into(x).topk(2).values), into=linear(4, 5), out=linear(2, 2)
        ),
        (X,),
        "module 'out'.*mixture",
    ),
    "projected states": (
        nn.LSTM(4, 5, proj_size=2),
        (SEQUENCE,),
        "'lstm' in the model itself.*states are projected",
    ),
    "inputs without a batch dimension": (
        Model(lambda net, x: net.weight @ x, weight=nn.Parameter(torch.randn(3, 4))),
        (torch.randn(4, 1),),
        "'matmul' in the model itself.*first dimension of inputs counts examples",
    ),
    "a bilinear layer": (
        Model(lambda net, x: net.both(x, x), both=nn.Bilinear(4, 4, 2)),
        (X,),
        "'bilinear' in module 'both'",
    ),
    "a deformed map": (
        Model(
            lambda net, x: net.conv(
                nn.functional.grid_sample(net.conv(x), torch.zeros(2, 4, 4, 2))
            ),
            conv=nn.Conv2d(3, 3, 1),
        ),
        (IMAGE,),
        "'grid_sampler' in the model itself",
    ),
    "a mixture of experts by a product": (
        Model(
            lambda net, x: net.out(
                torch.einsum(
                    "be,beo->bo",
                    net.gate(x).softmax(-1),
                    torch.stack([net.a(x), net.b(x)], 1),
                )
            ),
            a=linear(4, 8),
            b=linear(4, 8),
            gate=linear(4, 2),
            out=linear(8, 2),
        ),
        (X,),
        "'einsum' in the model itself: neurons weigh others",
    ),
    "control by values": (
        Model(lambda net, x: net.a(x) if x.sum() > 0 else net.b(x), a=linear(4, 2), b=linear(4, 2)),
        (X,),
        r"Model cannot be traced with float32 of shape \(2, 4\): .*do not depend on their values",
    ),
    "an input of another size": (
        nn.Linear(3, 2),
        (X,),
        "Linear cannot be traced with .*[^.]; pass inputs as the model takes them",
    ),
    "a tuple of inputs": (
        nn.Bilinear(4, 4, 2),
        ((X, X),),
        "Bilinear cannot be traced with a tuple: .*pass inputs .* one after the other",
    ),
    "a lazy layer": (nn.LazyLinear(3), (X,), "'weight' of the network is not initialised: call"),
    "complex weights": (nn.Linear(4, 2, dtype=torch.complex64), (X,), "'weight' .* is complex"),
    "sparse weights": (
        Model(
            lambda net, x: torch.sparse.mm(net.weight, x.T).T,
            weight=nn.Parameter(torch.eye(4).to_sparse()),
        ),
        (X,),
        "'weight' .* is sparse",
    ),
    "no weights": (nn.Sequential(nn.ReLU()), (X,), "needs weights between neurons, got Sequential"),
    "no example": (nn.Linear(4, 2), (), r"pass one: modlib.network\(model, x\)"),
}


MADE = {
    "linear": lambda net, x: F.linear(net.into(x), net.make(x[0]).view(3, 4)),
    "linear, of inputs": lambda net, x: F.linear(x, net.make(x[0]).view(3, 4)),
    "vector": lambda net, x: net.make(x[0]).view(3, 4) @ net.into(x[0]),
    "batched": lambda net, x: (net.make(x).view(2, 3, 4) @ net.into(x)[..., None])[..., 0],
    "batched, from the left": lambda net, x: (net.into(x)[:, None] @ net.make(x).view(2, 4, 3))[
        :, 0
    ],
    "einsum": lambda net, x: torch.einsum("boi,bi->bo", net.make(x).view(2, 3, 4), net.into(x)),
    "slots of attention": lambda net, x: F.scaled_dot_product_attention(
        net.into(x)[:, None], *[net.make(x).view(2, 3, 4)] * 2
    )[:, 0, :3],
}


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("kind", MADE)
def test_weights_that_neurons_make_are_refused(kind, is_read):
    def run(net, x):
        y = MADE[kind](net, x)
        return net.out(y) if is_read else y

    net = Model(run, into=linear(4, 4), make=linear(4, 12), out=linear(3, 2))
    with pytest.raises(ValueError, match="neurons make the weights by which others are multiplied"):
        network(net, X)


CROSSED = {
    "rolled": lambda h: h * h.roll(1, -1),
    "flipped": lambda h: h * h.flip(-1),
    "indexed": lambda h: h * h[:, [1, 2, 3, 0]],
    "gathered": lambda h: h * h.gather(1, torch.tensor([[1, 2, 3, 0]] * 2)),
    "in a sum of products": lambda h: torch.einsum("bi,bi->bi", h, h.roll(1, -1)),
    "as gates": lambda h: h * h.roll(1, -1).sigmoid(),
    "added": lambda h: h + h.roll(1, -1),
    "handed over": lambda h: F.pad(h[:, 1:] - h[:, :-1], (0, 1)) + h.flip(-1),
}


@pytest.mark.parametrize("kind", CROSSED)
def test_neurons_that_meet_others_of_their_layer_are_refused(kind):
    h = torch.rand(2, 4, dtype=torch.double) + 1
    first = torch.autograd.functional.jacobian(CROSSED[kind], h)[0, :, 0]
    assert ((first != 0).sum(0) > 1).all(), "silencing any neuron should change several entries"
    net = Model(
        lambda net, x: net.out(CROSSED[kind](net.into(x))), into=linear(4, 4), out=linear(4, 2)
    )
    with pytest.raises(
        ValueError, match="neurons meet others of their own layer, in another order"
    ):
        network(net, X)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused(kind):
    model, inputs, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        network(model, *inputs)


@pytest.mark.parametrize(
    ("model", "got"), [(nn.Linear, "the class Linear"), (X, r"float32 of shape \(2, 4\)")]
)
def test_what_is_no_model_is_refused(model, got):
    with pytest.raises(ValueError, match=f"instance of torch.nn.Module, got {got};.*model first"):
        exporting.refuse_unreadable(model)


def test_a_refusal_shows_how_to_give_connections_by_hand():
    model, inputs, _ = REFUSED["a bilinear layer"]
    with pytest.raises(ValueError, match=r"by hand: modlib.Network\(.*modlib.Connection\("):
        Trace(model, *inputs)
    W = torch.randn(4, 2)
    by_hand = modlib.Network({"x": 4, "y": 2}, [modlib.Connection("both", "x", "y", W)], [])
    assert by_hand.connections[0].weight is W


ASKED = """
import torch, modlib
class Chooses(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x
for model, x in ((Chooses(4, 4), torch.ones(2, 4)), (torch.nn.Linear(3, 2), torch.ones(2, 4))):
    try:
        modlib.network(model, x)
    except ValueError as error:
        print("cannot be traced" in str(error))
"""


def test_what_torch_says_of_a_model_that_cannot_be_traced_is_in_the_error_alone():
    # torch logs to the standard error that there was when it was imported
    told = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("True\nTrue\n", "")
    with pytest.raises(ValueError, match="cannot be traced"):
        network(nn.Linear(3, 2), X)
    assert logging.root.manager.disable == 0
