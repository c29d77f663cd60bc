r"""An L2 decay beside any penalty or prior, with a strength of its own.

With P the penalty, s its strength and d the decay, the loss has s P + d sum w^2. So each rival can
be given the decay that walk loops have, chosen beside its own strength, and L1 with a decay is the
elastic net.

Source: Zou & Hastie (2005), doi 10.1111/j.1467-9868.2005.00503.x, for L1 with L2.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.network.matrices import checked, matrices, squares
from modlib.penalties.penalty import Penalty, in_stack


class Decayed(nn.Module):
    """P + (d / s) sum w^2, which is P and a decay d once it is multiplied by the strength s."""

    def __init__(self, penalty: nn.Module, strengths: Sequence[float], decay: float) -> None:
        super().__init__()
        self.penalty = penalty
        ratios = [[decay / strength if strength else 0.0] for strength in strengths]
        self.register_buffer("ratios", torch.tensor(ratios, dtype=torch.float32))

    def forward(self, chain: object) -> Float[Tensor, "*stack"]:
        chain = checked(chain)
        ratios = in_stack(self.get_buffer("ratios"), matrices(chain))
        return self.penalty(chain) + ratios.squeeze(-1) * squares(chain)


def with_decay(penalty: Penalty, decay: float) -> Penalty:
    """Return the record of a penalty, or a prior, with a decay beside it.

    A network of strength 0 has neither: for a decay alone there is L2.

    Raises:
        ValueError: if the decay is negative or not finite.

    >>> from modlib.penalties import PENALTIES
    >>> elastic_net = with_decay(PENALTIES["l1"], 0.01).make(None, (1, 2), [0], [0.1])
    >>> round(0.1 * elastic_net([torch.tensor([[3.0, -4.0]])]).item(), 4)  # 0.1 (3 + 4) + 0.01 5^2
    0.95
    """
    if not 0 <= decay < inf:
        raise ValueError(f"with_decay needs a finite decay >= 0, got {decay}")
    name = f"{penalty.name}_decay_{decay:g}"
    return penalty._replace(name=name, make=partial(_made, penalty.make, decay))


def _made(
    make: Callable[..., nn.Module], decay: float, task: object, widths: object,
    seeds: object, strengths: Sequence[float],
) -> Decayed:  # fmt: skip
    return Decayed(make(task, widths, seeds, strengths), strengths, decay)
