r"""Other forms of the loop term, each with one thing changed, to see what matters.

The default is `walks.walk_loop_penalty`: the loops of N = D_row^(-1/2) |W| D_col^(-1/2), those
that retrace their steps left out, added up over hidden layers, minus a quadratic decay.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import SMALLEST_DEGREE
from modlib.loops import (
    connections_by_layer,
    hidden_layers,
    joined,
    loop_penalty,
    loop_sum,
    retraced_sum,
    total_loop_sum,
)
from modlib.network.matrices import Weighted, mapped, matrices, squares
from modlib.penalties.penalty import Penalty, of_weights
from modlib.walks import normalised, walk_loop_penalty, walk_loop_sum

DECAY = 0.007
"""Of the default, and of the forms whose gradient is about as large."""

SMALLEST_SUM = 1e-6
"""Added to a sum of loops before its root or logarithm, whose gradients are infinite at 0."""


def without_decay(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the walk loops alone, negative."""
    return -walk_loop_sum(chain)


def of_squared_weights(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with w^2 in place of |w| in the loops."""
    return DECAY * squares(chain) - walk_loop_sum(mapped(Tensor.square, chain))


def with_retraced(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with the j = k loops, which only retrace their steps, kept."""
    return DECAY * squares(chain) - total_loop_sum(mapped(normalised, chain))


def walk_return_sum(chain: Weighted) -> Float[Tensor, "*stack"]:
    r"""Return the walk loops of a walker who draws each step in proportion to |w|.

    Those of a hidden layer are sum_i sum_l sum_{j != k} P_ij P_jl P_lk P_ki: the probability,
    added up over the neurons i below it, that a walk two layers forward and back returns to i
    along another hidden neuron. `walk_loop_sum` takes the geometric mean of a loop and its
    reverse in place of their arithmetic mean, and so is never larger.
    """
    total = torch.zeros(())
    for layer in connections_by_layer(mapped(Tensor.abs, chain)):
        up_W, up_V = joined(*([_shares(M, -1) for M in side] for side in layer))
        down_W, down_V = joined(*([_shares(M, -2) for M in side] for side in layer))
        below = down_W.mT @ up_W  # (k, j): from k down to an input and up to j
        above = up_V @ down_V.mT  # (j, k)
        retraced = below.diagonal(dim1=-2, dim2=-1) * above.diagonal(dim1=-2, dim2=-1)
        total = total + (below.mT * above).sum((-2, -1)) - retraced.sum(-1)
    return total


def row_stochastic(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with transition probabilities in place of symmetric normalisation."""
    return DECAY * squares(chain) - walk_return_sum(chain)


def _shares(A: Float[Tensor, "*stack _ _"], dim: int) -> Float[Tensor, "*stack _ _"]:
    return A / A.sum(dim, keepdim=True).clamp_min(SMALLEST_DEGREE)


def root(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with the square root of each hidden layer's loops.

    The decay is that of the default in proportion to the gradient, of loops around 4.
    """
    return DECAY / 4 * squares(chain) - sum((x + SMALLEST_SUM).sqrt() for x in _by_layer(chain))


def logarithm(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with the logarithm of each hidden layer's loops; decay as in `root`."""
    return DECAY / 4 * squares(chain) - sum((x + SMALLEST_SUM).log() for x in _by_layer(chain))


def _by_layer(chain: Weighted) -> list[Float[Tensor, "*stack"]]:
    layers = hidden_layers(mapped(normalised, chain))
    # rounding may leave less than nothing where all loops retrace their steps
    return [(loop_sum(W, V) - retraced_sum(W, V)).clamp_min(0.0) for W, V in layers]


def per_weight(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with the loops multiplied by the number of weights, decay 100."""
    n_weights = sum(W.shape[-2] * W.shape[-1] for W in matrices(chain))
    return 100 * squares(chain) - n_weights * walk_loop_sum(chain)


def with_more_decay(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with five times the decay."""
    return walk_loop_penalty(chain, decay=5 * DECAY)


def with_less_decay(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the penalty with a fifth of the decay."""
    return walk_loop_penalty(chain, decay=DECAY / 5)


def more_quartic_decay(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the paper's penalty with C = 10."""
    return loop_penalty(chain, decay=10.0)


def most_quartic_decay(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return the paper's penalty with C = 100."""
    return loop_penalty(chain, decay=100.0)


def printed_with_l2(chain: Weighted) -> Float[Tensor, "*stack"]:
    """Return -sqrt(loops as printed) + sum W^2: the paper's penalty with a quadratic decay."""
    return squares(chain) - (total_loop_sum(chain) + SMALLEST_SUM).sqrt()


FORMS: dict[str, Penalty] = {
    "no_decay": of_weights("no_decay", without_decay, 0.15),
    "less_decay": of_weights("less_decay", with_less_decay, 0.15),
    "more_decay": of_weights("more_decay", with_more_decay, 0.15),
    "squared_weights": of_weights("squared_weights", of_squared_weights, 0.15),
    "row_stochastic": of_weights("row_stochastic", row_stochastic, 0.15),
    "retraced": of_weights("retraced", with_retraced, 0.15),
    "root": of_weights("root", root, 0.6),
    "logarithm": of_weights("logarithm", logarithm, 0.6),
    "per_weight": of_weights("per_weight", per_weight, 3e-5),
    "loops_l2": of_weights("loops_l2", printed_with_l2, 3e-3),
    "loops_c10": of_weights("loops_c10", more_quartic_decay, 1e-3),
    "loops_c100": of_weights("loops_c100", most_quartic_decay, 1e-3),
}
"""The forms by name, with the strength of each where none is given."""
