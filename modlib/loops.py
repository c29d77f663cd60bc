r"""Four-node loops between consecutive weight matrices: the paper's regulariser.

Hidden units j and k that share an input i and an output l close the loop
i-j-l-k-i. With W of shape (n_in, n_hid) and V of shape (n_hid, n_out),

    M(W, V) = sum_ijkl W_ij W_ik V_jl V_kl = ||W V||_F^2 = <W^T W, V V^T>,

and the paper's penalty, to be minimised, is

    L_reg = -sqrt(sum of M over consecutive layers) + decay * sum of W^4.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor


def loop_sum(
    W: Float[Tensor, "*stack n_in n_hid"], V: Float[Tensor, "*stack n_hid n_out"]
) -> Float[Tensor, "*stack"]:
    """Return M(W, V) for one hidden layer, in O(n_in n_hid n_out) operations.

    The j = k terms, which only retrace their steps, are included; subtract
    `retraced_sum` to leave them out.

    >>> W, V = torch.ones(2, 3), torch.ones(3, 2)
    >>> loop_sum(W, V).item()
    36.0
    """
    return (W @ V).square().sum((-2, -1))


def retraced_sum(
    W: Float[Tensor, "*stack n_in n_hid"], V: Float[Tensor, "*stack n_hid n_out"]
) -> Float[Tensor, "*stack"]:
    """Return the j = k part of `loop_sum`, sum_ijl W_ij^2 V_jl^2.

    >>> retraced_sum(torch.ones(2, 3), torch.ones(3, 2)).item()
    12.0
    """
    return (W.square().sum(-2) * V.square().sum(-1)).sum(-1)


def total_loop_sum(
    chain: Sequence[Float[Tensor, "*stack _ _"]],
) -> Float[Tensor, "*stack"]:
    """Add up `loop_sum` over the hidden layers of a network, input side first.

    >>> total_loop_sum([torch.ones(2, 3), torch.ones(3, 2), torch.ones(2, 2)]).item()
    60.0
    """
    return sum((loop_sum(W, V) for W, V in hidden_layers(chain)), torch.zeros(()))


def loop_penalty(
    chain: Sequence[Float[Tensor, "*stack _ _"]], decay: float = 1.0
) -> Float[Tensor, "*stack"]:
    """Return L_reg = -sqrt(total loops) + decay * sum W^4.

    The square root of the count is the Frobenius norm of the matrices W V taken
    together, and is computed as one: where they vanish the root has no
    gradient, and PyTorch takes the norm's subgradient of least length, zero.

    Raises:
        ValueError: if `decay` is not positive, for then L_reg has no minimum, or not finite.

    >>> loop_penalty([torch.ones(2, 3), torch.ones(3, 2)]).item()
    6.0
    """
    if not 0 < decay < inf:
        raise ValueError(
            f"loop_penalty needs a finite decay > 0, got {decay}: without a decay of higher"
            " degree than the reward the weights grow without bound"
        )
    products = torch.cat([(W @ V).flatten(-2) for W, V in hidden_layers(chain)], dim=-1)
    quartic = sum(W.square().square().sum((-2, -1)) for W in chain)
    return decay * quartic - torch.linalg.vector_norm(products, dim=-1)


def hidden_layers(
    chain: Sequence[Float[Tensor, "*stack _ _"]],
) -> list[tuple[Tensor, Tensor]]:
    """Return each hidden layer's matrices (into it, out of it), input side first."""
    if len(chain) < 2:
        raise ValueError(
            f"loops need two weight matrices or more, got {len(chain)}: a network"
            " without a hidden layer closes none"
        )
    return list(pairwise(chain))
