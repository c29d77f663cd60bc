r"""Regrowth of connections along paths of length three: Cannistraci-Hebb training.

A network is sparse from the start. Every so many steps the smallest weights of a layer are cut, and
as many connections grow where neurons i and j are joined by most paths i - b - a - j of the layer's
bipartite graph, each counted by how few connections of a and b lead elsewhere (CH3-L3p):

    score(i, j) = sum over paths of 1 / sqrt(e_a e_b),

where e_b is 1 + the number of b's neighbours that are neither i nor neighbours of j, and e_a is 1 +
that of a's that are neither j nor neighbours of i. That is a rule between steps, not a penalty.

Sources: Zhang, Zhao, Wu, Muscoloni & Cannistraci (2024), ICLR, openreview.net/forum?id=iayEcORsGd,
for the training; Zhang et al. (2025), arXiv:2501.19107, appendix C, for the score, and the authors'
code (github.com/biomedical-cybernetics/Cannistraci-Hebb-training) for both. As in that, the last
layer stays whole, connections grow from weight 0, and those just cut may grow again, with the
weight that they had. Left out: a start from correlations of inputs (connections are drawn at
random), the removal of neurons that lost all connections on one side, an early end of the rule.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from modlib.chain import StackedLinear
from modlib.penalties.priors import parts_of
from modlib.tasks.task import Task

EVERY, SHARE = 100, 0.3
"""Steps between two regrowths, and the share of a layer's connections that is cut at each."""


def path_scores(there: Bool[Tensor, "n m"]) -> Float[Tensor, "n m"]:
    """Return the score CH3-L3p of each pair that is not connected, 0 for those that are.

    Cost: n m^2 times the number of connections per row.

    >>> path_scores(torch.tensor([[True, False], [True, True]])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    B = there.double()
    # e_b for each b and j, and e_a for each a and i; below 1 where no path leads along
    right = (B.sum(0)[:, None] - B.mT @ B).clamp_min(1.0).rsqrt()
    left = (B.sum(1)[:, None] - B @ B.mT).clamp_min(1.0).rsqrt()
    rows = [
        ((left[:, i, None] * B[:, near]).mT @ B * right[near]).sum(0)
        for i, near in enumerate(there)
    ]
    return torch.stack(rows).masked_fill(there, 0.0)


def regrown(
    W: Float[Tensor, "n m"], there: Bool[Tensor, "n m"], share: float, rng: np.random.Generator
) -> Bool[Tensor, "n m"]:
    """Return a layer's connections once the share of smallest weights was cut, and as many grew.

    Of equal scores chance decides.
    """
    number = int(share * int(there.sum()))
    size = W.detach().abs().masked_fill(~there, torch.inf).flatten()
    kept = there.flatten().clone()
    kept[size.argsort(stable=True)[:number]] = False
    score = path_scores(kept.view_as(there)).flatten().masked_fill(kept, -1.0).numpy()
    best = np.lexsort((rng.random(score.size), -score))[:number]
    kept[torch.from_numpy(best)] = True
    return kept.view_as(there)


class Regrowth(nn.Module):
    """Which connections of a stack's layers are there now, and what changes them.

    It is a part of the network, so that copies of this have one of their own.
    """

    def __init__(
        self, layers: Sequence[StackedLinear], density: Sequence[float], seeds: Sequence[int]
    ) -> None:
        super().__init__()
        self.layers, self.taken = list(layers), 0  # in a list, which does not register them again
        self.generators = [np.random.default_rng((seed, 8)) for seed in seeds]
        for depth, layer in enumerate(self.layers):
            drawn = [
                rng.permutation(W.numel()).reshape(W.shape) < round(share * W.numel())
                for W, rng, share in zip(layer.weight, self.generators, density, strict=True)
            ]
            self.register_buffer(f"there{depth}", torch.from_numpy(np.stack(drawn)))

    @torch.no_grad()
    def step(self, steps: int) -> None:
        """Regrow, if it is time and some of the steps are left; hold at zero what is not there."""
        self.taken += 1
        for layer, there in zip(self.layers, self.buffers(), strict=True):
            if self.taken % EVERY == 0 and self.taken < steps:
                for W, old, rng in zip(layer.weight, there, self.generators, strict=True):
                    old.copy_(regrown(W, old, SHARE, rng))
            layer.weight.mul_(there)  # momentum moves them


def follow(network: nn.Module, strengths: Sequence[float], steps: int) -> Callable[[], None]:
    """Return what regrows the connections of networks that `regrowth` has cut."""
    rule = cast(Regrowth, network.get_submodule("regrowth"))
    return partial(rule.step, steps)


def regrowth(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
    """Cut the share of connections that is each network's strength, for `follow` to regrow them.

    All layers but the last are cut, at random, and what is left of the weights is enlarged so that
    no neuron's input loses variance. Networks of strength 0 stay whole.

    Raises:
        ValueError: if a strength is not at least 0 and below 1.
    """
    layers, _, seeds = parts_of(network)
    if not all(0 <= strength < 1 for strength in strengths):
        raise ValueError(f"regrowth needs strengths of at least 0 and below 1, got {strengths}")
    sparse = [*layers][:-1]
    rule = Regrowth(sparse, [1 - strength for strength in strengths], seeds)
    for layer, there in zip(sparse, rule.buffers(), strict=True):
        with torch.no_grad():
            layer.weight.mul_(there * there.float().mean(1, keepdim=True).clamp_min(1e-12).rsqrt())
        layer.weight.register_hook(there.mul)
    network.add_module("regrowth", rule)
