r"""Soft modularity on the measure of layered networks: each matrix against its own sums.

`SoftModularity` relaxes Newman's Q of the whole graph. This relaxes the Q that networks are judged
by: Barber's, averaged over the matrices of the balanced network.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import SMALLEST_DEGREE, Chain
from modlib.modularity.gauge import balanced, chained
from modlib.penalties.partitions import SoftModularity
from modlib.penalties.penalty import in_stack


@torch.no_grad()
def balancing(chain: Chain) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the factor by which balancing a network multiplies each absolute weight."""
    flat = [W.detach().double().reshape(-1, *W.shape[-2:]) for W in chain]
    even = balanced(flat, chained(len(flat)))
    return [
        (A / W.abs().clamp_min(torch.finfo(A.dtype).tiny)).reshape(V.shape)
        for A, W, V in zip(even, flat, chain, strict=True)
    ]


class SoftLayeredModularity(SoftModularity):
    r"""-Q of a soft assignment S that is learned beside the network, Q that of `modularity`.

    With A = |W| f a matrix of the balanced network, r and c its row and column sums, m its sum and
    S_ic the share of neuron i in community c, a softmax of what is learned,

        Q = mean over matrices of (1 / m) sum_ij [A_ij - r_i c_j / m] sum_c S_ic S_jc.

    The factors f are found anew every `every` steps, and held fixed in between and in the gradient.

    Source: Barber (2007), doi 10.1103/PhysRevE.76.066102, relaxed.
    """

    def __init__(
        self, widths: Sequence[int], seeds: Sequence[int], communities: int = 8, every: int = 10
    ) -> None:
        super().__init__(widths, seeds, communities)
        self.every, self.steps = every, 0
        self.factors: list[Tensor] = []

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        held = self.factors if torch.is_grad_enabled() and self.steps % self.every else None
        factors = held or balancing(chain)
        if torch.is_grad_enabled():
            self.factors, self.steps = factors, self.steps + 1
        logits = in_stack(self.logits, chain).double()
        S = logits.softmax(-1).split(self.widths, dim=-2)
        found = []
        for W, factor, (s, t) in zip(chain, factors, pairwise(S), strict=True):
            A = W.abs().double() * factor
            P = A / A.sum((-2, -1), keepdim=True).clamp_min(SMALLEST_DEGREE)
            within = (s * (P @ t)).sum((-2, -1))
            expected = (P.sum(-1)[..., None] * s).sum(-2) * (P.sum(-2)[..., None] * t).sum(-2)
            found.append(within - expected.sum(-1))
        return -torch.stack(found).mean(0).to(chain[0].dtype)
