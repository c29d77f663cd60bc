r"""Topographic loss: neighbours on a cortical sheet have similar weights.

The neurons of a hidden layer lie on a sheet, row by row, of which each incoming weight is an image.
With x_j the incoming weights of neuron j, and x'_j those of the sheet blurred by making it smaller
and large again,

    loss = 1 - mean_j cos(x_j, x'_j),

averaged over hidden layers: outputs have a meaning each, and no place of their own.

Source: Deb, Deb & Murty (2025), arXiv:2501.16396, as their package `topoloss` computes it. By which
factor sheets are made smaller, and of which layers, its users say; 3 is that of its first example.
"""

from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from modlib.chain import Chain
from modlib.penalties.penalty import OfChain


def sheet_sides(n: int) -> tuple[int, int]:
    """Return height and width of the most nearly square sheet of n neurons.

    >>> sheet_sides(48), sheet_sides(7)
    ((6, 8), (1, 7))
    """
    height = max(side for side in range(1, isqrt(n) + 1) if n % side == 0)
    return height, n // height


def blurred(sheet: Float[Tensor, "n c h w"], factor: float) -> Float[Tensor, "n c h w"]:
    """Return a sheet made smaller by a factor, but to no less than one neuron, and large again."""
    sides = sheet.shape[-2:]
    scale = tuple(1 / min(factor, side) for side in sides)
    small = interpolate(sheet, scale_factor=scale, mode="bilinear")
    return interpolate(small, size=tuple(sides), mode="bilinear")


class Topography(OfChain):
    """1 - mean cos(weights, blurred weights), averaged over hidden layers; see the module.

    Raises:
        ValueError: if the factor is below 1, or a network has no hidden layer.
    """

    def __init__(self, factor: float = 3.0) -> None:
        super().__init__()
        if not factor >= 1:
            raise ValueError(f"a sheet is made smaller by a factor of at least 1, got {factor}")
        self.factor = factor

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        if len(chain) < 2:
            raise ValueError("a topographic loss needs a hidden layer, got one weight matrix")
        layers = [self.similarity(W) for W in chain[:-1]]
        return 1 - torch.stack(layers).mean(0)

    def similarity(self, W: Float[Tensor, "*stack n_in n_out"]) -> Float[Tensor, "*stack"]:
        """Return the mean cosine of each neuron's incoming weights and the blurred ones."""
        sheet = W.reshape(-1, W.shape[-2], *sheet_sides(W.shape[-1]))
        found = cosine_similarity(sheet, blurred(sheet, self.factor), dim=1)
        return found.mean((-2, -1)).reshape(W.shape[:-2])
