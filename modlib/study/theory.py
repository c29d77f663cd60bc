r"""What the penalties do by themselves: closed forms, and descent without a task.

For layers of n_1, ..., n_L weights and decay C, the least value of the paper's penalty is

    min L_reg = -lambda / (4 C),

lambda the largest eigenvalue of the tridiagonal matrix with A_l,l+1 = sqrt(n_l n_l+1) / 2.
It is taken by one clique: all weights of a layer equal in absolute value, with signs
of rank one. The walk loops of one hidden layer of n neurons are at most n / 4. The book's
chapter on the training procedure has the proofs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from itertools import pairwise, repeat
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain
from modlib.loops import total_loop_sum
from modlib.modularity.measure import modularity
from modlib.training import loop
from modlib.walks import normalised, walk_loop_sum


class LoopOptimum(NamedTuple):
    """The minimum of L_reg and the absolute value of every weight of each layer there."""

    penalty: float
    magnitudes: Float[np.ndarray, " n_layers"]


def loop_optimum(widths: Sequence[int], decay: float = 1.0) -> LoopOptimum:
    """Return the minimum of `loop_penalty` over all networks of these widths.

    Raises:
        ValueError: for fewer than three widths, a width below 1, or a decay that is
            not positive.
    """
    if len(widths) < 3 or min(widths) < 1:
        raise ValueError(
            f"loops need three widths or more, each at least 1, got {list(widths)}: a network"
            " without a hidden layer closes none"
        )
    if not decay > 0:
        raise ValueError(f"L_reg has a minimum for decay > 0 alone, got {decay}")
    n_weights = np.array([n_in * n_out for n_in, n_out in pairwise(widths)], dtype=float)
    coupling = np.diag(np.sqrt(n_weights[:-1] * n_weights[1:]) / 2, 1)
    eigenvalues, eigenvectors = np.linalg.eigh(coupling + coupling.T)
    squares = np.sqrt(eigenvalues[-1]) / (2 * decay) * np.abs(eigenvectors[:, -1])
    return LoopOptimum(
        penalty=float(-eigenvalues[-1] / (4 * decay)),
        magnitudes=np.sqrt(squares / np.sqrt(n_weights)),
    )


def best_scale_penalty(chain: Chain, decay: float = 1.0) -> Float[Tensor, "*stack"]:
    """Return the least L_reg that a chain reaches when it is multiplied by a number.

    With M the loops and Q = sum W^4, it is -M / (4 decay Q), reached when the weights
    are multiplied by the root of sqrt(M) / (2 decay Q).
    """
    quartic = sum(W.pow(4).sum((-2, -1)) for W in chain)
    return -total_loop_sum(chain) / (4 * decay * quartic)


def block_chain(
    widths: Sequence[int], blocks: int, background: float = 0.0
) -> list[Float[Tensor, "_ _"]]:
    """Return a chain of equal blocks: weights 1 inside them, `background` between them.

    Raises:
        ValueError: if a width is not a multiple of `blocks`.
    """
    if blocks < 1 or any(width < 1 or width % blocks for width in widths):
        raise ValueError(
            f"equal blocks need widths that are multiples of their number, got {list(widths)}"
            f" and {blocks}"
        )
    between = torch.full((blocks, blocks), float(background), dtype=torch.float64)
    pattern = between.fill_diagonal_(1.0)
    return [
        torch.kron(pattern, torch.ones(n_in // blocks, n_out // blocks, dtype=torch.float64))
        for n_in, n_out in pairwise(widths)
    ]


def effective_rank(W: Float[Tensor, "*stack n_in n_out"]) -> Float[Tensor, "*stack"]:
    """Return the participation ratio of the squared singular values.

    (sum s^2)^2 / sum s^4 = ||W||_F^4 / ||W^T W||_F^2: from 1, at rank one alone, up to
    the rank, where all are equal. NaN for a matrix of zeros.
    """
    return W.square().sum((-2, -1)).square() / (W.mT @ W).square().sum((-2, -1))


def module_count(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return ||N_1 ... N_L||_F^2 of the normalised layers: b for b separate full blocks."""
    return reduce(torch.matmul, [normalised(W) for W in chain]).square().sum((-2, -1))


def descend(
    penalty: Callable[[Chain], Float[Tensor, "*stack"]],
    chain: Chain,
    steps: int,
    optimiser: Callable[..., torch.optim.Optimizer],
    snapshots: Iterable[int] = (),
) -> dict[int, list[Float[Tensor, "*stack _ _"]]]:
    """Return the chain after minimising a penalty alone, by number of steps taken.

    The last step is always among them. The chain that was given is left alone; networks
    of a stack do not influence each other.

    Raises:
        ValueError: for snapshots before the first or beyond the last step.
    """
    wanted = {*snapshots, steps}
    if not wanted <= set(range(steps + 1)):
        raise ValueError(f"snapshots must be from 0 to {steps}, got {sorted(wanted)}")
    moving = [W.detach().clone().requires_grad_() for W in chain]
    kept = {}

    def keep(step: int) -> None:
        if step in wanted:
            kept[step] = [W.detach().clone() for W in moving]

    for step in loop.descend(optimiser(moving), penalty, repeat(moving, steps)):
        keep(step)
    keep(steps)
    return kept


def descent_table(
    passed: Mapping[int, Sequence[Float[Tensor, "n_stack _ _"]]],
    penalty: Callable[[Chain], Float[Tensor, " n_stack"]],
    nulls: int = 5,
    restarts: int = 1,
) -> pd.DataFrame:
    """Return one row per step and network of what `descend` returned for a stack.

    `network`, its place in the stack; `penalty`; `rank`, the effective rank averaged over
    layers; `walk_loops`; `modules`, as in `module_count`; `q`, `q_null_mean` and `excess` as in
    `modularity`.
    """
    parts = []
    for step, chain in passed.items():
        found = modularity(chain, nulls, restarts)
        columns = {
            "step": step,
            "network": np.arange(len(chain[0])),
            "penalty": penalty(chain),
            "rank": torch.stack([effective_rank(W) for W in chain]).mean(0),
            "walk_loops": walk_loop_sum(chain),
            "modules": module_count(chain),
            "q": found.q,
            "q_null_mean": found.null_mean,
            "excess": found.excess,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
