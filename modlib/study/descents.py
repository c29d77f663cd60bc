"""The paper's penalty alone: with other kinds of decay, and down to its minimum."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import gcd

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.loops import loop_penalty, total_loop_sum
from modlib.modularity.measure import modularity
from modlib.study import theory
from modlib.training import optimisers
from modlib.training.stacks import Stack

RANDOM = "random weights"
"""What networks are called that start from them."""

WATCHED = [0, 10, 20, 30, 40, 50, 70, 100, 150, 200, 300, 600]
"""The steps at which networks are looked at that descend, beside the last."""


def norm(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return the root of the sum of a network's squared weights."""
    return sum(W.square().sum((-2, -1)) for W in chain).sqrt()


def norms_by_decay(
    widths: Sequence[int],
    seeds: Sequence[int],
    steps: int,
    weak: float | int,
    strong: float | int,
    decay: float | int,
) -> dict[str, pd.DataFrame]:
    """Return the `norm` of networks, step by step of gradient descent, for four kinds of decay.

    One row for every tenth step, one column per network. The decays are none, two of the second
    degree, and that of the fourth degree which the paper has.
    """

    def second(chain: Chain, strength: float | int) -> Float[Tensor, "*stack"]:
        return strength * norm(chain).square() - total_loop_sum(chain).sqrt()

    penalties = {
        "no decay": partial(second, strength=0),
        f"second degree, C = {weak}": partial(second, strength=weak),
        f"second degree, C = {strong}": partial(second, strength=strong),
        f"fourth degree, C = {decay}": partial(loop_penalty, decay=decay),
    }
    start = weights(Stack(widths, seeds).double())
    descent = partial(torch.optim.SGD, lr=0.02)
    watched = range(0, steps + 1, 10)
    return {
        name: pd.DataFrame(
            {
                step: norm(chain)
                for step, chain in theory.descend(penalty, start, steps, descent, watched).items()
            }
        ).T
        for name, penalty in penalties.items()
    }


def predicted_norm(widths: Sequence[int], decay: float | int) -> float:
    """Return the `norm` at the minimum of the paper's penalty."""
    magnitudes = theory.loop_optimum(widths, decay).magnitudes
    return float(np.sqrt(np.sum(np.multiply(widths[:-1], widths[1:]) * magnitudes**2)))


def starts(
    widths: Sequence[int], seeds: Sequence[int], blocks: int, decay: float | int
) -> dict[str, list[Float[Tensor, "n_stack _ _"]]]:
    """Return networks that descend: with random weights, and of modules with a little noise.

    The modules are equal blocks of the size that weights have at the minimum, plus normal noise of
    a tenth of it.
    """
    generator = torch.Generator().manual_seed(seeds[0])
    modules = [
        w * (W + 0.1 * torch.randn(len(seeds), *W.shape, generator=generator))
        for w, W in zip(
            theory.loop_optimum(widths, decay).magnitudes,
            theory.block_chain(widths, blocks),
            strict=True,
        )
    ]
    return {RANDOM: weights(Stack(widths, seeds)), f"{blocks} modules": modules}


def descents(
    beginnings: Mapping[str, Chain], steps: int, decay: float | int
) -> tuple[dict[str, dict[int, Chain]], pd.DataFrame]:
    """Return networks along their descent with Adam on the paper's penalty alone, and a table.

    One row per `start`, `step` and `network`: the `penalty`; the effective `rank`, averaged over
    layers; the `excess` of Q over that of the same weights permuted within layers; the largest
    relative `deviation` of a weight's size from that at the minimum.
    """
    passed, rows = {}, []
    for name, start in beginnings.items():
        widths = [*(W.shape[-2] for W in start), start[-1].shape[-1]]
        magnitudes = theory.loop_optimum(widths, decay).magnitudes
        penalty = partial(loop_penalty, decay=decay)
        watched = {step for step in WATCHED if step < steps}
        passed[name] = theory.descend(penalty, start, steps, optimisers.ALONE, watched)
        for step, chain in passed[name].items():
            sizes = zip(chain, magnitudes, strict=True)
            off = [(W.abs() / w - 1).abs().amax((-2, -1)) for W, w in sizes]
            columns = {
                "start": name,
                "step": step,
                "network": range(len(start[0])),
                "penalty": loop_penalty(chain, decay),
                "rank": torch.stack([theory.effective_rank(W) for W in chain]).mean(0),
                "excess": modularity(chain, nulls=5, restarts=2).excess,
                "deviation": torch.stack(off).amax(0),
            }
            rows.append(pd.DataFrame(columns))
    return passed, pd.concat(rows, ignore_index=True)


def error_of_blocks(widths: Sequence[int]) -> float:
    """Return by how much the penalty of K equal blocks differs from 1 / K^2 of the minimum.

    It is the largest relative difference over all K that divide the widths, for the K blocks and
    for one of them alone.
    """
    optimum = theory.loop_optimum(widths)
    errors = [0.0]
    for k in (k for k in range(1, gcd(*widths) + 1) if gcd(*widths) % k == 0):
        for chain in (
            theory.block_chain(widths, k),
            theory.block_chain([width // k for width in widths], 1),
        ):
            scaled = [w * W for w, W in zip(optimum.magnitudes, chain, strict=True)]
            reached = theory.best_scale_penalty(scaled).item()
            errors.append(abs(reached * k**2 / optimum.penalty - 1))
    return max(errors)
