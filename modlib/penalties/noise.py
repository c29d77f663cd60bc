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

import numpy as np
import torch
from jaxtyping import Bool, Int16
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

LEVELS = 2**16
"""Of how many numbers as likely each other those are drawn that say which neurons are silent."""


def sixteen_bits(shape: torch.Size, device: torch.device) -> Int16[Tensor, "..."]:
    """Return whole numbers drawn uniformly from -2^15 to 2^15 - 1, at a fourth of the usual cost."""
    *outer, last = shape
    fours = torch.empty((*outer, -(-last // 4)), dtype=torch.int64, device=device)
    return fours.random_(-(2**63), None).view(torch.int16)[..., :last]


class DrawsOfSeeds:
    """Draws such numbers for the networks of a stack, for each from a seed of its own."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [np.random.default_rng((seed, 13)) for seed in seeds]

    def __call__(self, shape: torch.Size, device: torch.device) -> Int16[Tensor, "..."]:
        drawn = [
            generator.integers(-LEVELS // 2, LEVELS // 2, shape[1:], dtype=np.int16)
            for generator in self.generators
        ]
        return torch.from_numpy(np.stack(drawn)).to(device)


class Noise:
    """Noise before what reads a model's hidden layers, in training alone.

    All of it at first; who trains the model sets how much is `left`, as by `noise_left`.
    """

    def __init__(
        self,
        model: nn.Module,
        network: Weighted,
        noisy: Bool[Tensor, "..."] | None = None,
        draw: Callable[[torch.Size, torch.device], Int16[Tensor, "..."]] = sixteen_bits,
    ) -> None:
        """Put it there.

        Args:
            noisy: whether there is any, one value or what goes with the neurons' activity; there
                is if it is left out.
            draw: returns whole numbers drawn uniformly from -2^15 to 2^15 - 1, on a device.
        """
        layers = connections_by_layer(network)
        device = layers[0][0][0].device
        noisy = torch.tensor(True, device=device) if noisy is None else noisy
        widths = {
            module: W.shape[-2]
            for _, leaving in layers
            for W in leaving
            for module in _readers(model, W)
        }
        self.left = 0.0
        self.before: list[_Factors] = []
        self.hooks: list[RemovableHandle] = []
        for module, width in widths.items():
            variance = min(MOST, width * (NOISE / len(layers)) ** 2)
            factors = _Factors(variance / (1 + variance), noisy, draw)
            self.before.append(factors)
            self.hooks.append(module.register_forward_pre_hook(factors, with_kwargs=True))
        self.set(1.0)

    def set(self, left: float) -> None:
        """Leave so much of the noise, from none, 0, to all of it, 1."""
        if left != self.left:
            self.left = left
            for factors in self.before:
                factors.set(left)

    def remove(self) -> None:
        """Take it off the model."""
        for hook in self.hooks:
            hook.remove()


def noise_left(taken: int, steps: int) -> float:
    """Return how much noise is left after some of all steps: all for half of them, then less.

    >>> [noise_left(taken, 100) for taken in (0, 50, 75, 100)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return min(1.0, max(0.0, 2 * (1 - taken / steps)))


class _Factors:
    """What a module's inputs are multiplied by: 0 or a number above 1, for each neuron anew."""

    def __init__(self, most: float, noisy: Bool[Tensor, "..."], draw: Callable) -> None:
        self.most, self.noisy, self.draw = most, noisy, draw
        # tensors, so that a compiled model need not be compiled anew for other values
        self.silent = torch.full_like(noisy, -LEVELS // 2, dtype=torch.int16)
        self.scale = torch.ones_like(noisy, dtype=torch.float32)

    def set(self, left: float) -> None:
        silent = round(LEVELS * self.most * left)
        self.silent.masked_fill_(self.noisy, silent - LEVELS // 2)
        self.scale.masked_fill_(self.noisy, LEVELS / (LEVELS - silent))

    def __call__(self, module: nn.Module, args: tuple, keywords: dict) -> tuple | None:
        if not module.training:
            return None
        x, *_ = [*args, *keywords.values()]
        flat = NOISY[type(module)]
        shape = torch.Size((*x.shape[: x.dim() - flat], *[1] * flat))
        drawn = self.draw(shape, x.device)
        return (x * (drawn.ge_(self.silent) * self.scale).to(x.dtype),), {}


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
