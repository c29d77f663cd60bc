"""Weights are taken as they are, raised to single precision, or refused with what to do."""

import math

import numpy as np
import pytest
import torch
from strategies import random_chain, random_network, weights_in, with_weights
from torch import nn

import modlib
from modlib import Network
from modlib.network.matrices import checked, in_full_precision, mapped, matrices, squares
from modlib.penalties import PENALTIES

A, B = random_chain(4, 3, 2, dtype=torch.float32)
MODEL = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))


class Other(nn.Module):
    """A model that is no sequence of layers."""


REFUSED = {
    "an empty stack": (
        [A.expand(0, -1, -1), B.expand(0, -1, -1)],
        "at least one network is needed",
    ),
    "a masked array": (
        [np.ma.masked_less(A.numpy(), 0)],
        r"got MaskedArray of float32",
    ),
    "numbers of 80 bits": (
        [np.ones((2, 2), np.longdouble)],
        "got ndarray of (float128|longdouble)",
    ),
    "a complex matrix": ([A.cfloat(), B.cfloat()], r"got a complex one; pass W\.abs\(\)"),
    "a sparse matrix": ([A, B.to_sparse()], r"layout torch.sparse_coo; pass W\.to_dense\(\)"),
    "a matrix of bytes": ([A.to(torch.float8_e5m2), B], r"float8_e5m2; pass W\.float\(\)"),
    "a matrix without numbers": ([A.to("meta"), B.to("meta")], "device meta; make the model on"),
    "a bias": ([A, torch.zeros(3), B], r"got one of shape \(3,\); leave biases out"),
    "a number": ([A, 3], "got int; pass modlib.weights"),
    "objects": ([A.numpy().astype(object)], "got ndarray of object; pass modlib.weights"),
    "one matrix": (A, r"got one Tensor; pass .* \[W\] for one matrix"),
    "one array": (A.numpy(), r"got one ndarray; pass .* \[W\] for one matrix"),
    "nothing": ([], r"at least one weight matrix is needed, got none; pass modlib.weights\(model"),
    "no connections": (modlib.Network({"x": 1}, [], []), "got none; pass modlib.weights"),
    "a model": (MODEL, r"got Linear; pass modlib.weights\(model\)"),
    "another model": (Other(), r"got one Other; pass modlib.weights\(model\)"),
    "a state": (MODEL.state_dict(), r"got str; pass modlib.weights\(model\)"),
    "matrices that do not fit": ([A, A], "matrix 0 of the chain has 3 columns but .* 4 rows"),
    "unequal stacks": ([A[None], B], r"got leading dimensions \[\(\), \(1,\)\]; stack them alike"),
    "a connection that does not fit": (
        with_weights(random_network(), [A] * 8),
        r"'x to a' needs weights of shape \(3, 2\), .*'x' and 'a' .*, got \(4, 3\); rows feed",
    ),
    "a layer that is not there": (
        modlib.Network({"x": 4}, [modlib.Connection("c", "x", "y", A)], []),
        r"'c' needs weights of shape \(4, None\)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("function", [squares, modlib.loop_penalty, modlib.walk_loop_sum])
def test_what_is_no_chain_or_network_is_refused_with_what_to_do(function, what):
    given, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        function(given)


@pytest.mark.filterwarnings("ignore::UserWarning")  # that they are going out of use
def test_quantised_matrices_are_refused():
    with pytest.raises(ValueError, match=r"a quantised one; pass W\.dequantize\(\)"):
        squares([torch.quantize_per_tensor(A, 0.1, 0, torch.qint8)])


@pytest.mark.parametrize(
    "alike",
    [
        lambda: (A, B),
        lambda: (W for W in (A, B)),
        lambda: nn.ParameterList([A, B]),
        lambda: [A.numpy(), B.numpy()],
        lambda: [A, B.double()],
    ],
)
@pytest.mark.parametrize("name", ["l1", "walk_loops", "cut", "bimt"])
def test_whatever_holds_the_same_matrices_is_as_good_as_a_list(name, alike):
    made = [PENALTIES[name].make(None, (4, 3, 2), [0], [1.0]) for _ in "12"]
    if name == "cut":
        made = [PENALTIES[name].make(None, (4, 3, 2), [0], [1.0]) for _ in "12"]
        for penalty in made:
            penalty.k = 1
    torch.testing.assert_close(made[0](alike()), made[1]([A, B]), check_dtype=False)


def test_whole_numbers_count_as_what_they_are():
    W = torch.tensor([[1, -2], [3, 0]])
    assert squares([W, W > 0]) == 14 + 2
    assert checked([W])[0].dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_and_double_precision_are_taken_as_they_are(dtype):
    chain = [A.to(dtype), B.to(dtype)]
    assert all(W is V for W, V in zip(checked(chain), chain, strict=True))


def test_all_matrices_become_as_wide_as_the_widest():
    assert [W.dtype for W in checked([A.half(), B.bfloat16()])] == [torch.float32] * 2
    assert [W.dtype for W in checked([A.half(), B.double()])] == [torch.float64] * 2
    network = checked(Network.from_chain([A.half(), B.double()]))
    assert isinstance(network, Network)
    assert [c.weight.dtype for c in network.connections] == [torch.float64] * 2


@pytest.mark.parametrize("stack", [(), (3,), (2, 3)])
def test_connections_have_the_shape_that_their_layers_need_in_each_network_of_a_stack(stack):
    made = Network.from_chain([torch.randn(*stack, 2, 4), torch.randn(*stack, 4, 5)])
    assert checked(made).sizes == {"0": 2, "1": 4, "2": 5}
    with pytest.raises(ValueError, match=r"'1' needs weights of shape \(4, 6\).* got \(4, 5\)"):
        checked(made._replace(sizes=made.sizes | {"2": 6}))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_gradient_too_large_for_a_type_is_its_largest_number(dtype):
    W = torch.tensor([[30.0, -30.0, 1.0, math.nan]], dtype=dtype, requires_grad=True)
    (1e38 * squares([W[:, :3]])).backward()
    largest = torch.finfo(dtype).max
    exact = 2e38 * W.detach().float().nan_to_num()
    assert torch.equal(W.grad, exact.clamp(-largest, largest).to(dtype))


def test_autocast_is_off_within_and_as_it_was_afterwards():
    with torch.autocast("cpu", torch.bfloat16):
        inside = in_full_precision(lambda chain: chain[0] @ chain[1])([A, B])
        assert (A @ B).dtype == torch.bfloat16
    assert torch.equal(inside, A @ B)


def test_a_function_of_each_matrix_leaves_the_rest_of_a_network_as_it_is():
    network = random_network()
    doubled = mapped(lambda W: 2 * W, network)
    assert all(
        torch.equal(W, 2 * V) for W, V in zip(matrices(doubled), weights_in(network), strict=True)
    )
    assert doubled.sizes == network.sizes
    assert [c[:3] for c in doubled.connections] == [c[:3] for c in network.connections]


@pytest.mark.parametrize("array", [A.numpy().astype(">f4"), A.numpy()[::-1, ::-1][::-1, ::-1]])
def test_arrays_of_any_order_in_memory_are_read(array):
    assert torch.equal(checked([array])[0], A)
