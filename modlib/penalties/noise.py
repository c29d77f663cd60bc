r"""Noise on hidden neurons while a model is trained, as dropout has it.

A module that reads a hidden layer of n neurons sees each with probability 1 - p, and as much larger
where it does. What it computes of n inputs of about the same size then varies by v / n of its
square, v = p / (1 - p) the variance of a neuron's factor. With L hidden layers on a path,

    v = min(1/4, n (NOISE / L)^2),

so that all of them together, were they to add up, move a neuron by `NOISE` of its input, whatever
the widths and the depth; and no neuron is silent more than once in five times.

Source: Srivastava et al. (2014), J. Mach. Learn. Res. 15:1929, for dropout and its variance.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from modlib.chain import StackedLinear
from modlib.loops import connections_by_layer
from modlib.network.matrices import Weighted

NOISE, MOST = 0.15, 0.25
"""Found on the development settings of `modlib.study.hyperparameter_grid`."""

NOISY: dict[type[nn.Module], int] = {
    nn.Linear: 0,
    StackedLinear: 0,
    nn.Conv1d: 1,
    nn.Conv2d: 2,
    nn.Conv3d: 3,
}
"""Modules whose inputs from hidden layers get noise, and the dimensions of a channel's map."""


class DrawsOfSeeds:
    """Draws uniform numbers for the networks of a stack, for each from a seed of its own.

    Whoever draws from the same seeds for something else names another stream.
    """

    def __init__(self, seeds: Sequence[int], stream: int) -> None:
        self.generators = [np.random.default_rng((seed, stream)) for seed in seeds]

    def __call__(self, shape: Sequence[int], device: torch.device) -> Tensor:
        drawn = [g.random(shape[1:], dtype=np.float32) for g in self.generators]
        return torch.from_numpy(np.stack(drawn)).to(device)


def add_noise(
    model: nn.Module,
    network: Weighted,
    left: Tensor,
    draw: Callable[..., Tensor] = torch.rand,
) -> list[RemovableHandle]:
    """Put noise before what reads a model's hidden layers, in training alone; return the hooks.

    Args:
        left: how much of the noise is left, a number or what goes with the neurons' activity: who
            trains the model sets it, as by `noise_left`.
        draw: `draw(shape, device=device)` returns numbers drawn uniformly between 0 and 1.
    """
    layers = connections_by_layer(network)
    widths = {
        module: W.shape[-2]
        for _, leaving in layers
        for W in leaving
        for module in _readers(model, W)
    }
    hooks = []
    for module, width in widths.items():
        variance = min(MOST, width * (NOISE / len(layers)) ** 2)
        noisy = partial(_noisy, left, variance / (1 + variance), draw)
        hooks.append(module.register_forward_pre_hook(noisy, with_kwargs=True))
    return hooks


def noise_left(taken: int, steps: int) -> float:
    """Return how much noise is left after some of all steps: all for half of them, then less.

    >>> [noise_left(taken, 100) for taken in (0, 50, 75, 100)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return min(1.0, max(0.0, 2 * (1 - taken / steps)))


def _noisy(
    left: Tensor,
    most: float,
    draw: Callable[..., Tensor],
    module: nn.Module,
    args: tuple,
    keywords: dict,
) -> tuple | None:
    if not module.training:
        return None
    x, *_ = [*args, *keywords.values()]
    flat = NOISY[type(module)]
    shape = (*x.shape[: x.dim() - flat], *[1] * flat)
    silent = most * left
    kept = draw(shape, device=x.device) >= silent
    return (x * (kept / (1 - silent)).to(x.dtype),), {}


def _readers(model: nn.Module, W: Tensor) -> Iterator[nn.Module]:
    """Yield the modules whose parameters a matrix is read from, of kinds that may have noise."""
    owned = [
        (module, parameter)
        for module in model.modules()
        if type(module) in NOISY
        for parameter in module.parameters(recurse=False)
    ]
    read = read_from([W], [parameter for _, parameter in owned])
    yield from (module for (module, _), of in zip(owned, read, strict=True) if of)


def read_from(matrices: Sequence[Tensor], parameters: Sequence[Tensor]) -> list[bool]:
    """Return which parameters some matrices are read from and that require a gradient."""
    totals = [W.abs().sum() for W in matrices if W.requires_grad]
    trained = [theta for theta in parameters if theta.requires_grad]
    if not totals or not trained:
        return [False] * len(parameters)
    slopes = torch.autograd.grad(totals, trained, allow_unused=True, retain_graph=True)
    found = {id(theta) for theta, slope in zip(trained, slopes, strict=True) if slope is not None}
    return [id(theta) in found for theta in parameters]
