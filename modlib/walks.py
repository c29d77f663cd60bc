r"""Degree-normalised loops: the regulariser that mends the paper's.

The old local rule samples a child in proportion to weight, that is, relative to
the edges that compete at the same node; the printed loop term drops this. Put
back, a layer enters as

    N_ij = |W_ij| / sqrt(r_i c_j),   r_i = sum_j |W_ij|,   c_j = sum_i |W_ij|,

whose square is the probability of stepping from i to j along an edge drawn in
proportion to weight and back to i likewise. Loops that retrace their steps are
left out:

    walk loops = sum over hidden layers of  ||N1 N2||_F^2 - sum_j ||N1_:j||^2 ||N2_j:||^2.

Each term is the geometric mean of the probabilities of a walk around the loop and of
its reverse. Rescaling a layer changes nothing. A chain of b disconnected blocks of equal
weights, each of m neurons a layer, scores b (1 - 1/m) per hidden layer, and no layer of n
hidden neurons more than n / 4; the book's chapter on the training procedure has the proofs.
"""

from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import SMALLEST_DEGREE
from modlib.loops import hidden_layers, loop_sum, loops_through, retraced_sum
from modlib.network.matrices import Weighted, in_full_precision, mapped, matrices, squares


def normalised(W: Float[Tensor, "*stack n_in n_out"]) -> Float[Tensor, "*stack n_in n_out"]:
    """Return N = D_row^(-1/2) |W| D_col^(-1/2).

    Degrees below `SMALLEST_DEGREE` are raised to it, so that a neuron without
    weights has a row or column of zeros, and a finite gradient.
    """
    A = W.abs()
    rows, columns = (A.sum(dim, keepdim=True).clamp_min(SMALLEST_DEGREE) for dim in (-1, -2))
    return A * (rows.rsqrt() * columns.rsqrt())


@in_full_precision
def walk_loop_sum(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the walk loops of a chain or a network, in O(n_in n_hid n_out) per hidden layer.

    Two blocks of two neurons a layer score 2 (1 - 1/2):

    >>> block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2))
    >>> round(walk_loop_sum([block, block]).item(), 4)
    1.0
    """
    layers = hidden_layers(mapped(normalised, chain))
    loops = (loop_sum(W, V) - retraced_sum(W, V) for W, V in layers)
    return sum(loops, torch.zeros(()))


@in_full_precision
def walk_loop_penalty(chain: Weighted, decay: float = 0.007) -> Float[Tensor, "*stack"]:
    """Return -walk_loop_sum + decay * sum W^2.

    Like the paper's it rewards loops and balances them with a decay. The loops do not
    depend on a layer's scale, so the reward is bounded without it: the decay removes
    weights that neither the task nor the loops hold up, and so begins a division into
    modules, which from even weights the loops alone do not.

    Raises:
        ValueError: if `decay` is negative or not finite.

    >>> block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2))
    >>> round(walk_loop_penalty([block, block], decay=0.01).item(), 4)
    -0.84
    """
    if not 0 <= decay < inf:
        raise ValueError(f"walk_loop_penalty needs a finite decay >= 0, got {decay}")
    return decay * squares(chain) - walk_loop_sum(chain)


ROUNDING = 1e-6
"""A matrix whose walk loops sum to less closes none: what is left are rounding errors."""


@in_full_precision
def relative_loops(chain: Weighted) -> list[Float[Tensor, "*stack _ _"]]:
    """Return how many walk loops each connection closes for its weight.

    That is its share of the loops through its matrix over its share of the matrix's weight: 1 on
    average over weight, 0 for a connection through which none is closed. A matrix through which
    none is closed at all has 1 throughout. No gradient flows.

    Two blocks with a weak connection between them:

    >>> W = torch.tensor([[1.0, 1.0, 0.1, 0.0], [1.0, 1.0, 0.0, 0.0],
    ...                   [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    >>> ratio, _ = relative_loops([W, W.mT])
    >>> round(ratio[0, 2].item(), 2), round(ratio[1, 1].item(), 2)
    (0.09, 1.04)
    """
    # a matrix that lies transposed in memory is slow beside one that does not
    absolute = mapped(lambda W: W.detach().abs().contiguous(), chain)
    closed = loops_through(mapped(normalised, absolute))
    ratios = []
    for weight, through in zip(matrices(absolute), closed, strict=True):
        total, of_all = (x.sum((-2, -1), keepdim=True) for x in (through.clamp_min_(0), weight))
        closes = total > ROUNDING
        ratio = through.div_(weight.clamp_min(torch.finfo(weight.dtype).tiny))
        ratio = ratio.mul_(torch.where(closes, of_all / total, 0.0)).add_(~closes)
        ratios.append(ratio)
    return ratios
