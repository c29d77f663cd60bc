"""A trace reads the weights that a model has now, and leaves no trace in it."""

import copy
import time
import warnings
from contextlib import nullcontext

import pytest
import torch
from by_hand import Model
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from modlib import Trace, network, weights


def pruned(layer):
    return prune.l1_unstructured(layer, "weight", 0.5)


def with_hook_norm(norm):
    def parametrised(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return norm(layer)

    return parametrised


class Masked(nn.Module):
    """Holds a part of the weights at zero."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.eye(4))

    def forward(self, weight):
        return weight * self.mask


def masked(layer):
    parametrize.register_parametrization(layer, "weight", Masked())
    return layer


REPARAMETRISED = {
    "masked": masked,
    "pruned": pruned,
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "old weight norm": with_hook_norm(weight_norm),
    "old spectral norm": with_hook_norm(spectral_norm),
}


@pytest.mark.parametrize("kind", REPARAMETRISED)
def test_reparametrised_weights_are_read_as_they_run(kind):
    torch.manual_seed(0)
    net = nn.Sequential(REPARAMETRISED[kind](nn.Linear(4, 4)), nn.Tanh(), nn.Linear(4, 2)).eval()
    trace = Trace(net, torch.randn(2, 4))
    assert list(trace().sizes.items()) == [("input", 4), ("0", 4), ("2", 2)]
    for _ in range(3):
        # in any order of calls, and as often as one likes
        first, _ = trace().connections
        first.weight.square().sum().backward()
        assert net(torch.randn(2, 4)).isfinite().all()
        first, _ = trace().connections
        eye = torch.eye(4)
        torch.testing.assert_close(eye @ first.weight + net[0].bias, net[0](eye))
        with torch.no_grad():
            for parameter in net[0].parameters():
                assert parameter is net[0].bias or parameter.grad.isfinite().all()
                parameter.add_(torch.randn_like(parameter), alpha=0.3)


def test_gradients_reach_every_weight_and_no_bias():
    conv, linear = nn.Conv2d(1, 2, 3), nn.Linear(8, 3)
    net = nn.Sequential(conv, nn.BatchNorm2d(2), nn.Flatten(), linear, nn.LSTM(3, 2))
    found = network(net, torch.randn(2, 1, 4, 4))
    sum(c.weight.abs().sum() for c in found.connections).backward()
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1:
            assert (parameter.grad != 0).all(), name
            assert name not in found.left_out
        else:
            assert parameter.grad is None
            assert name in found.left_out


def test_plain_weights_are_views():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    for found, layer in zip(weights(net, torch.randn(1, 3)), (net[0], net[2]), strict=True):
        assert torch.equal(found, layer.weight.T)
        assert found.data_ptr() == layer.weight.data_ptr()


def state(model):
    """All that belongs to a model's modules, by identity and by value."""
    return [
        (id(value), value.clone() if isinstance(value, torch.Tensor) else copy.copy(value))
        for module in model.modules()
        for holder in (vars(module), module._parameters, module._buffers)
        for value in holder.values()
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_is_left_as_it_was(fails):
    net = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(), pruned(nn.Linear(6, 4)), nn.LSTM(4, 3)
    )
    net.train()
    net[2].eval()
    net(torch.randn(5, 4))[0].sum().backward()
    seen = []
    net[0].register_forward_hook(lambda *_: seen.append(1))
    x = torch.randn(5, 3 if fails else 4)
    before, drawn = state(net), torch.random.get_rng_state()
    with pytest.raises(ValueError, match="cannot be traced") if fails else nullcontext():
        network(net, x)
    after = state(net)
    assert [kept for kept, _ in before] == [kept for kept, _ in after]
    for (_, a), (_, b) in zip(before, after, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert [module.training for module in net] == [True, True, False, True, True]
    assert torch.equal(drawn, torch.random.get_rng_state())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_have_the_models_precision(dtype):
    net = nn.Sequential(nn.Conv2d(1, 4, 3, groups=1), nn.Flatten(), nn.Linear(16, 3)).to(dtype)
    found = weights(net, torch.randn(2, 1, 4, 4, dtype=dtype))
    assert {W.dtype for W in found} == {dtype}
    sum(W.abs().sum() for W in found).backward()
    assert net[2].weight.grad.isfinite().all()


def test_a_model_without_memory_is_read():
    with torch.device("meta"):
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, groups=1),
            nn.Conv2d(8, 8, 3, groups=4),
            nn.Flatten(),
            nn.Linear(8 * 24 * 24, 10_000),
        )
        found = network(net, torch.zeros(1, 3, 28, 28))
    assert found.sizes == {"input": 3, "0": 8, "1": 8, "3": 10_000}
    assert all(c.weight.is_meta for c in found.connections)


def test_inputs_are_given_by_name_too():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(2, 3), nn.Linear(4, 3)

        def forward(self, x, *, more, scale=1.0):
            return self.left(x) + scale * self.right(more["y"][0])

    found = network(Named(), torch.zeros(2, 2), more={"y": [torch.zeros(2, 4)]}, scale=2.0)
    assert list(found.sizes.values()) == [2, 4, 3]
    assert [c.name for c in found.connections] == ["left", "right"]


def test_a_trace_is_read_again_at_little_cost():
    net = nn.Sequential(*(nn.Linear(64, 64) for _ in range(20)))
    start = time.perf_counter()
    trace = Trace(net, torch.zeros(1, 64))
    traced = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(10):
        trace()
    assert (time.perf_counter() - start) / 10 < traced / 10


def test_a_trace_of_parameters_that_are_gone_says_so():
    net = nn.Sequential(nn.Linear(2, 2))
    trace = Trace(net, torch.zeros(1, 2))
    parametrizations.weight_norm(net[0])
    with pytest.raises(ValueError, match=r"has lost 0\.weight since it was traced: trace it anew"):
        trace()


def test_a_tensor_that_is_passed_twice_is_two_inputs():
    net = Model(lambda net, u, v: net.a(u) - net.b(v), a=nn.Linear(4, 3), b=nn.Linear(4, 3))
    x = torch.randn(5, 4)
    found = network(net, x, x)
    one, other = (connection.source for connection in found.connections)
    assert one != other
    assert found.sizes == network(net, x, x.clone()).sizes


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_weights_that_are_expanded_over_examples_are_read_once(n):
    net = Model(
        lambda net, x: torch.bmm(net.a(x)[:, None], net.W.expand(len(x), 5, 2))[:, 0],
        a=nn.Linear(4, 5), W=nn.Parameter(torch.randn(5, 2)),
    )  # fmt: skip
    found = network(net, torch.randn(n, 4))
    assert found.sizes == {"input": 4, "a": 5, "W": 2}
    assert torch.equal(found.connections[1].weight, net.W)
