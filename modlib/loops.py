r"""Four-node loops between consecutive weight matrices: the paper's regulariser.

Hidden units j and k that share an input i and an output l close the loop
i-j-l-k-i. With W of shape (n_in, n_hid) and V of shape (n_hid, n_out),

    M(W, V) = sum_ijkl W_ij W_ik V_jl V_kl = ||W V||_F^2 = <W^T W, V V^T>,

and the paper's penalty, to be minimised, is

    L_reg = -sqrt(sum of M over hidden layers) + decay * sum of W^4.

In a network whose layers form no line a loop closes at a hidden layer through any connection into
it, W, and any out of it, V; one from the layer to itself is both.
"""

from collections import defaultdict
from itertools import pairwise
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from modlib.network.connections import Network
from modlib.network.matrices import Weighted, in_full_precision, mapped, matrices


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


@in_full_precision
def total_loop_sum(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Add up `loop_sum` over the hidden layers of a chain or a network, input side first.

    >>> total_loop_sum([torch.ones(2, 3), torch.ones(3, 2), torch.ones(2, 2)]).item()
    60.0
    """
    return sum((loop_sum(W, V) for W, V in hidden_layers(chain)), torch.zeros(()))


@in_full_precision
def loop_penalty(chain: Weighted, decay: float = 1.0) -> Float[Tensor, "*stack"]:
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
    quartic = sum(W.square().square().sum((-2, -1)) for W in matrices(chain))
    return decay * quartic - torch.linalg.vector_norm(products, dim=-1)


def loops_through(chain: Weighted) -> list[Float[Tensor, "*stack _ _"]]:
    r"""Return how many loops pass through each connection, those that retrace their steps left out.

    At a hidden layer with matrices W into it and V out of it that is

        W_ij sum over k != j and l of W_ik V_kl V_jl,   V_jl sum over k != j and i of W_ij W_ik V_kl.

    A connection between two hidden layers has loops at both. No gradient flows.

    >>> W, V = torch.ones(2, 3), torch.ones(3, 2)
    >>> loops_through([W, V])[0].tolist()
    [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """
    # each matrix an object of its own, which tells whose a part is
    chain = mapped(Tensor.detach, chain)
    slopes = {id(W): torch.zeros_like(W) for W in matrices(chain)}
    for into, out in connections_by_layer(chain):
        W, V = joined(into, out)
        paths = W @ V
        of_W = (paths @ V.mT).addcmul_(W, V.square().sum(-1)[..., None, :], value=-1)
        of_V = (W.mT @ paths).addcmul_(V, W.square().sum(-2)[..., None], value=-1)
        parts = of_W.split([N.shape[-2] for N in into], -2)
        parts += of_V.split([N.shape[-1] for N in out], -1)
        for N, part in zip([*into, *out], parts, strict=True):
            slopes[id(N)] += part
    return [W * slopes[id(W)] for W in matrices(chain)]


def hidden_layers(chain: Weighted) -> list[tuple[Tensor, Tensor]]:
    """Return each hidden layer's matrices (into it, out of it), input side first.

    Where several connections enter a layer their rows are stacked, and where several leave it
    their columns, so that one product closes the loops of all pairs.
    """
    return [joined(into, out) for into, out in connections_by_layer(chain)]


def connections_by_layer(chain: Weighted) -> list[tuple[list[Tensor], list[Tensor]]]:
    """Return all matrices into each hidden layer, and all out of it, input side first.

    Raises:
        ValueError: as `require_hidden_layer` does.
    """
    require_hidden_layer(chain)
    if not isinstance(chain, Network):
        return [([W], [V]) for W, V in pairwise(chain)]
    into: defaultdict[str, list[Tensor]] = defaultdict(list)
    out: defaultdict[str, list[Tensor]] = defaultdict(list)
    for connection in chain.connections:
        into[connection.target].append(connection.weight)
        out[connection.source].append(connection.weight)
    return [(into[name], out[name]) for name in chain.sizes if into[name] and out[name]]


def require_hidden_layer(chain: Weighted) -> None:
    """Raise ValueError unless there is a hidden layer, which something enters and something leaves.

    >>> require_hidden_layer([torch.ones(2, 3), torch.ones(3, 2)])
    """
    if isinstance(chain, Network):
        targets = {connection.target for connection in chain.connections}
        hidden = any(connection.source in targets for connection in chain.connections)
    else:
        hidden = len(chain) > 1
    if not hidden:
        raise ValueError(
            f"loops need two weight matrices or more, got {len(matrices(chain))}: a network"
            " without a hidden layer closes none; add one, or use another penalty"
        )


def joined(into: list[Tensor], out: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the matrices into a layer one above the other, and those out of it side by side."""
    # one alone is not copied: a copy lies otherwise in memory, and products round otherwise
    W, V = (
        parts[0] if len(parts) == 1 else torch.cat(parts, dim)
        for parts, dim in ((into, -2), (out, -1))
    )
    return W, V
