r"""Penalties that score a division of the neurons: by its cut, its blocks or its Q."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from modlib.chain import SMALLEST_DEGREE, Chain, inverse_roots, layer_degrees, normalised_half
from modlib.modularity.agreement import NO_MODULE
from modlib.penalties.penalty import OfChain, in_stack, require_widths_of
from modlib.tasks.task import Task

DEAD = -2
"""The block of dead inputs, to which nothing else belongs."""


@torch.no_grad()
def smallest_eigenvectors(chain: Chain, k: int) -> list[Float[Tensor, "*stack _ k"]]:
    r"""Return y = D^(-1/2) x for the k smallest nontrivial eigenvectors x, layer by layer.

    They belong to the normalised Laplacian 1 - D^(-1/2) A D^(-1/2) of the neurons' graph. Its
    eigenvalues are 1 -+ the singular values of `normalised_half`, of which the largest is the
    trivial one. Of a diverged network they are not finite.

    Raises:
        ValueError: if neither the even nor the odd layers have more than k neurons.
    """
    M, places = normalised_half(chain)
    n_even, n_odd = M.shape[-2:]
    if max(n_even, n_odd) <= k:
        raise ValueError(
            f"{k} eigenvectors need more than {k} neurons in the even or in the odd layers, got"
            f" {n_even} and {n_odd}"
        )
    # the smaller Gram matrix that has enough of them; the other side's vectors follow
    of_even = n_even < n_odd if min(n_even, n_odd) > k else n_even > n_odd
    gram = M @ M.mT if of_even else M.mT @ M
    values, vectors = torch.linalg.eigh(gram.nan_to_num())
    chosen = slice(-k - 1, -1)
    near, sigma = vectors[..., chosen], values[..., None, chosen].clamp_min(1e-12).sqrt()
    far = (M.mT @ near if of_even else M @ near) / sigma
    even, odd = (near, far) if of_even else (far, near)
    return [
        (even, odd)[depth % 2][..., place, :] * root[..., None]
        for depth, (place, root) in enumerate(zip(places, inverse_roots(chain), strict=True))
    ]


class Cut(OfChain):
    r"""(1/k) sum of the k smallest nontrivial eigenvalues of the normalised Laplacian of |w|.

    An eigenvalue is the minimum over y, among those orthogonal to the smaller ones, of

        sum_ij |w_ij| (y_i - y_j)^2 / sum_i d_i y_i^2,

    so that its gradient is that of this ratio at fixed y. The y are found anew every
    `every` steps; in between, the ratio with the last y is an estimate.

    Source: Filan et al. (2021), arXiv:2103.03386.
    """

    def __init__(self, k: int = 4, every: int = 10) -> None:
        super().__init__()
        self.k, self.every, self.steps = k, every, 0
        self.y: list[Tensor] = []

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        fresh = self.y if torch.is_grad_enabled() and self.steps % self.every else None
        y = fresh or smallest_eigenvectors(chain, self.k)
        if torch.is_grad_enabled():
            self.y, self.steps = y, self.steps + 1
        zero, degrees = chain[0].new_zeros(()), layer_degrees(chain)
        norm = sum(
            ((d[..., None] * v.square()).sum(-2) for d, v in zip(degrees, y, strict=True)), zero
        )
        across = sum(
            (u * (W.abs() @ v)).sum(-2) for W, (u, v) in zip(chain, pairwise(y), strict=True)
        )
        return (1 - 2 * across / norm.clamp_min(SMALLEST_DEGREE)).mean(-1)


def blocks(task: Task | None, widths: Sequence[int]) -> list[Int[np.ndarray, " _"]]:
    """Return the module of each neuron, layer by layer, as the task has them.

    Inputs and outputs belong to the task's modules, dead inputs to a block of their own; each
    hidden layer is split into as many equal parts. Where no modules are known, or there is no
    task, every layer is split into two.
    """
    require_widths_of(task, widths)
    n_blocks = 2 if task is None else max(len(task.known_modules), 2)

    def equal(n: int) -> Int[np.ndarray, " n"]:
        return np.arange(n) * n_blocks // n

    first, *hidden, last = (equal(n) for n in widths)
    if task is not None:
        if task.known_modules:
            first, last = task.input_modules, task.output_modules
        first = np.where(task.live, first, DEAD)
    return [first, *hidden, last]


def joined(modules: Sequence[Int[np.ndarray, " _"]]) -> list[Bool[Tensor, "_ _"]]:
    """Return which connections stay within a module; those of no module's neurons do."""
    return [
        torch.tensor((a[:, None] == b) | (a[:, None] == NO_MODULE) | (b == NO_MODULE))
        for a, b in pairwise(modules)
    ]


class BlockFraction(OfChain):
    r"""1 - (sum of w^2 within given blocks) / (sum of w^2), averaged over layers.

    The blocks are those of `blocks`: the modules are imposed, not found.

    Source: Golechha et al. (2025), arXiv:2502.02470.
    """

    def __init__(self, task: Task | None, widths: Sequence[int]) -> None:
        super().__init__()
        for depth, mask in enumerate(joined(blocks(task, widths))):
            self.register_buffer(f"mask{depth}", mask)

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        shares = [
            (W.square() * mask).sum((-2, -1)) / W.square().sum((-2, -1)).clamp_min(1e-12)
            for W, mask in zip(chain, self.buffers(), strict=True)
        ]
        return 1 - sum(shares, chain[0].new_zeros(())) / len(shares)


class SoftModularity(OfChain):
    r"""-Q of a soft assignment S that is learned beside the network.

    With A the neurons' adjacency matrix of absolute weights, k its row sums, 2m their sum
    and S_uc the share of neuron u in community c, a softmax of what is learned,

        Q = (1 / 2m) sum_uv [A_uv - k_u k_v / 2m] sum_c S_uc S_vc.

    Source: Newman (2006), doi 10.1073/pnas.0601602103, relaxed.
    """

    def __init__(self, widths: Sequence[int], seeds: Sequence[int], communities: int = 8) -> None:
        super().__init__()
        self.widths, shape = list(widths), (sum(widths), communities)
        draws = [
            torch.randn(shape, dtype=torch.float32, generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
        self.logits = nn.Parameter(0.1 * torch.stack(draws))

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        S = in_stack(self.logits, chain).to(chain[0]).softmax(-1).split(self.widths, dim=-2)
        zero, degrees = chain[0].new_zeros(()), layer_degrees(chain)
        twice_m = sum((d.sum(-1) for d in degrees), zero).clamp_min(SMALLEST_DEGREE)
        within = 2 * sum(
            (s * (W.abs() @ t)).sum((-2, -1)) for W, (s, t) in zip(chain, pairwise(S), strict=True)
        )
        strengths = sum((d[..., None] * s).sum(-2) for d, s in zip(degrees, S, strict=True))
        return (strengths / twice_m[..., None]).square().sum(-1) - within / twice_m
