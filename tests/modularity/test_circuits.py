"""The balance of layers that lead to themselves, against scipy's minimum and a hand-made limit."""

import torch
from scipy.optimize import minimize

from modlib.modularity.circuits import balanced_circuits

ENDS = [(0, 1), (1, 1), (1, 2)]


def recurrent(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = (3, 5), (5, 5), (5, 2)
    return [torch.rand(1, *s, generator=generator, dtype=torch.float64) ** 4 for s in shapes]


def test_its_sum_is_the_least():
    W, R, V = recurrent(0)

    def total(x):
        x = torch.as_tensor(x)
        return float((W * x.exp()).sum() + (R * (x - x[:, None]).exp()).sum()
                     + (V * (-x[:, None]).exp()).sum())  # fmt: skip

    least = minimize(total, [0.0] * 5, method="BFGS", tol=1e-9).fun
    found, left = balanced_circuits([W, R, V], ENDS)
    assert left <= 1e-10
    assert abs(sum(float(A.sum()) for A in found) - least) < 1e-8 * least


def test_scales_of_neurons_do_not_matter():
    W, R, V = recurrent(1)
    x = torch.tensor([1e-3, 2.0, 30.0, 1.0, 500.0], dtype=torch.float64)
    first, _ = balanced_circuits([W, R, V], ENDS)
    again, _ = balanced_circuits([W * x, R * x / x[:, None], V / x[:, None]], ENDS)
    for A, B in zip(first, again, strict=True):
        torch.testing.assert_close(A, B, rtol=1e-8, atol=0)


def test_weights_on_no_circuit_are_zero():
    """Neuron 1 keeps a circuit with itself and leads to 0, but no input reaches it."""
    W, V = torch.tensor([[[4.0, 0.0]]]), torch.tensor([[[1.0], [1.0]]])
    R = torch.tensor([[[0.0, 0.0], [3.0, 5.0]]])
    (W, R, V), _ = balanced_circuits([W, R, V], ENDS)
    torch.testing.assert_close(W, torch.tensor([[[2.0, 0.0]]]))
    torch.testing.assert_close(R, torch.tensor([[[0.0, 0.0], [0.0, 5.0]]]))
    torch.testing.assert_close(V, torch.tensor([[[2.0], [0.0]]]))
