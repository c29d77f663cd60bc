"""What walk loops cost, in steps without them, and how well they divide at that: `step_costs`.

The table has four parts. `frontier` has networks for two digits, trained as in the other tables:
with walk loops in the loss of every step, or of one in so many and as many times stronger, and as
steps of their own. `width` and `examples` have what a step costs networks of other widths and with
other mini-batches; `shapes` has it for those that a target was set for.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import Penalty, of_kind
from modlib.penalties.walk_loops import COUNTS
from modlib.study import timing
from modlib.tasks import TASKS
from modlib.training.fit import train
from modlib.walks import walk_loop_penalty


class Shape(NamedTuple):
    """Of a network, the widths of its layers, and the examples in a mini-batch."""

    widths: tuple[int, ...]
    batch: int


TWO_DIGITS = Shape((128, 48, 48, 20), 128)
WIDE = Shape((784, 1024, 1024, 10), 128)
DEEP = Shape((3072, 2048, 2048, 2048, 10), 256)
"""The shapes that a target was set for; the first is that of the other tables."""

QUALITY = ["accuracy", "share", "connected_ari"]


class Seldom(nn.Module):
    """Walk loops in one call of so many, as many times stronger; nothing in the others.

    >>> import torch
    >>> penalty = Seldom(2)
    >>> block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2))
    >>> [round(penalty([block, block]).item(), 3) for _ in range(4)]
    [0.0, -1.776, 0.0, -1.776]
    """

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every, self.calls = every, 0

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        """Return the penalty of the present call."""
        self.calls += 1
        if self.calls % self.every:
            return chain[0].new_zeros(chain[0].shape[:-2])
        return self.every * walk_loop_penalty(chain)


def in_loss(every: int) -> Penalty:
    """Return the record of walk loops in the loss of one step in so many."""
    strength = PENALTIES["walk_loops"].strength
    return of_kind(f"walk_loops_{every}", lambda: Seldom(every), strength)


def costs(
    shape: Shape, forms: Mapping[str, Sequence[int]], seconds: float, seed: int
) -> pd.DataFrame:
    """Return what a step costs with each form, in steps without any: one row for each `every`.

    Args:
        forms: the values of `every` for each form, as `timing.ratios` has them.
        seconds, seed: as in `timing.times`.

    `ratio` is the median over rounds, `ratio_low` and `ratio_high` are the quartiles.

    >>> costs(Shape((4, 3, 2), 5), {"penalty": (1, 4)}, seconds=0.0, seed=0).every.tolist()
    [1, 4]
    """
    found = timing.times(*shape, seconds, seed)
    rows = []
    for form, every in [(form, every) for form, each in forms.items() for every in each]:
        low, ratio, high = timing.ratios(found, form, every).quantile([0.25, 0.5, 0.75])
        ends = {"ratio_low": low, "ratio_high": high}
        rows.append({"form": form, "every": every, "seed": seed, "ratio": ratio, **ends})
    return pd.DataFrame(rows).assign(widths="-".join(map(str, shape.widths)), batch=shape.batch)


def frontier(
    every: Sequence[int], seed: int, *, seconds: float, steps: int, nulls: int, restarts: int
) -> pd.DataFrame:
    """Return the `costs` of each form at two digits, and what networks come to that it trains.

    That is `accuracy`, `share` and `connected_ari` after so many steps, as in other tables.
    """
    task = TASKS["two_digits"]()
    methods: dict[tuple[str, int], str | Penalty] = {
        ("none", 1): "none",
        **{("penalty", k): in_loss(k) for k in every},
        ("steps", steps // COUNTS): "walk_loop_steps",
    }
    settings = {"steps": steps, "nulls": nulls, "restarts": restarts}
    quality = {
        method: train(task, penalty, None, [seed], **settings).table[QUALITY].iloc[0]
        for method, penalty in methods.items()
    }
    forms = {"none": [1], "penalty": every, "steps": [steps // COUNTS]}
    timed = costs(TWO_DIGITS, forms, seconds, seed)
    return timed.join(pd.DataFrame(quality).T, on=["form", "every"])


def shapes(part: str, widths: Sequence[int], examples: Sequence[int]) -> list[Shape]:
    """Return what a part times: `width`, `examples` or `shapes`.

    >>> [shape.batch for shape in shapes("examples", [], [16, 64])]
    [16, 64]
    """
    return {
        "width": [Shape((784, width, width, 10), WIDE.batch) for width in widths],
        "examples": [WIDE._replace(batch=batch) for batch in examples],
        "shapes": [TWO_DIGITS, WIDE, DEEP],
    }[part]


def step_costs(
    part: str,
    seed: int,
    *,
    every: Sequence[int],
    widths: Sequence[int],
    examples: Sequence[int],
    seconds: float,
    steps: int,
    nulls: int,
    restarts: int,
) -> pd.DataFrame:
    """Return a part of the table. Loops are counted as often as in a run of so many steps."""
    if part == "frontier":
        settings = {"seconds": seconds, "steps": steps, "nulls": nulls, "restarts": restarts}
        return frontier(every, seed, **settings).assign(part=part)
    forms = {"l1": [1], "dropout": [1], "penalty": [1], "steps": [steps // COUNTS]}
    of_each = [costs(shape, forms, seconds, seed) for shape in shapes(part, widths, examples)]
    return pd.concat(of_each).assign(part=part)
