"""What walk loops cost, beside what they bring: the page `costs`.

What is asked of walk loops as steps, by size of the network and mini-batch: at most so many plain
steps, as in `TARGETS`, at a share, an agreement and an accuracy within `MARGINS` of what they reach
in the loss of every step. Targets and margins were set before anything was timed.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics
from modlib.batch.claims import Claim, Together, above, below, exact, not_below, together
from modlib.batch.names import SEPARATE
from modlib.penalties import PENALTIES
from modlib.study.step_costs import step_costs

SIZE = ["widths", "batch"]
OWN = ["walk_loops", "walk_loop_steps"]
SMALL, LARGE = ("128-48-48-20", 128), ("784-1024-1024-10", 128)
TARGETS = {SMALL: 1.2, LARGE: 1.05, ("3072-2048-2048-2048-10", 256): 1.05}
"""Plain steps that one with walk loops may cost, by widths and mini-batch."""

MARGINS = {"share": 0.02, "connected_ari": 0.02, "accuracy": 0.003}
"""By how much steps may fall short of walk loops in the loss."""

BY_EXAMPLES = "784-256-256-10"
"""The network that is timed with several mini-batches."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    tasks: Annotated[
        list[Literal[tuple(SEPARATE)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]
    free: float = Field(gt=1, le=10)
    widths: list[Annotated[int, Field(ge=1, le=2_048)]] = Field(min_length=3, max_length=8)
    examples: int = Field(ge=1, le=4_096)


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a step costs in plain ones: by size and penalty, one column per round."""
    seconds = table.pivot(index=[*SIZE, "penalty"], columns="round", values="seconds")
    plain = seconds.xs("none", level="penalty")
    return seconds / plain.reindex(seconds.index.droplevel("penalty")).to_numpy()


def beside(found: pd.DataFrame, penalty: str, other: str) -> pd.DataFrame:
    """Return the intervals of a penalty's `ratios` over those of another, by size."""
    one, two = (found.xs(name, level="penalty") for name in (penalty, other))
    return statistics.intervals(one / two)


def least(widths: str, batch: int) -> float:
    """Return what walk loops in the loss cost at the least: multiplications over plain ones.

    Loops take n_in n_hid n_out of them for each hidden layer, a plain step n_in n_out for each
    matrix and example; the way back doubles both.

    >>> least("2-3-4", batch=1)
    2.3333333333333335
    """
    n = [int(width) for width in widths.split("-")]
    loops = sum(a * b * c for a, b, c in zip(n, n[1:], n[2:], strict=False))
    return 1 + loops / (batch * sum(a * b for a, b in pairwise(n)))


def over(found: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Return the costs with two hidden layers over `width`, or those over `batch`, by penalty.

    Beside them, as the penalty `least`, what `least` says.
    """
    rows = statistics.intervals(found).reset_index()
    rows["width"] = rows.widths.str.extract(r"^784-(\d+)-\1-10$").astype(float)
    narrow = rows.widths == BY_EXAMPLES if factor == "batch" else rows.batch == LARGE[1]
    rows = rows[narrow & rows.width.notna()]
    counted = rows[rows.penalty == "none"].assign(penalty="least")
    counted["mean"] = [least(*size) for size in counted[SIZE].itertuples(index=False)]
    return pd.concat([rows, counted]).set_index(["penalty", factor]).sort_index()


def free_from(found: pd.DataFrame, free: float) -> int | None:
    """Return the least mini-batch from which on walk loops in the loss cost at most `free`."""
    costs = over(found, "batch").loc["walk_loops", "mean"]
    dear = costs.index[costs > free]
    cheap = costs.index[costs.index > max(dear, default=0)]
    return int(cheap.min()) if len(cheap) else None


def asked(found: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of walk loops at the sizes that a target was set for, and whether it is met.

    It is met where all of the interval lies below it.
    """
    costs = statistics.intervals(found)
    rows = {
        size: {name: costs.loc[(*size, name)] for name in ("walk_loops", "noise", OWN[1])}
        for size in TARGETS
        if size in found.index.droplevel("penalty")
    }
    text = {
        size: {name: statistics.interval_text(of) for name, of in row.items()}
        | {"target": f"{TARGETS[size]:g}", "met": "yes" if row[OWN[1]].high <= TARGETS[size] else "no"}
        for size, row in rows.items()
    }
    return pd.DataFrame(text).T.rename_axis(["widths", "examples"])


def short(networks: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Return the paired differences of steps to walk loops in the loss, by measure and task.

    Both at their defaults; `kept` where the mean is at most the margin below.
    """
    judged = networks[(networks.role == "evaluation") & networks.task.isin(tasks)]
    one, two = (
        judged[(judged.penalty == name) & (judged.strength == PENALTIES[name].strength)]
        for name in OWN
    )
    found = {}
    for measure, margin in MARGINS.items():
        values = (of.pivot(index="task", columns="seed", values=measure) for of in (two, one))
        pairs = statistics.intervals(next(values) - next(values)).reindex(list(tasks))
        found[measure] = pairs.assign(kept=pairs["mean"] >= -margin)
    return pd.concat(found, names=["measure"])


def frontier(found: pd.DataFrame, networks: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Return costs at two sizes, `mean`, `low` and `high`, and the share on each task.

    Shares are those of the published networks, whatever their size: of walk loops at their
    defaults, of others at the strength chosen for them.
    """
    share = selection.summary(networks).share.unstack("task")
    for name in OWN:
        share.loc[name] = selection.summary_at(networks, name, PENALTIES[name].strength).share
    costs = statistics.intervals(found)[["mean", "low", "high"]].reset_index()
    costs = costs[[size in (SMALL, LARGE) for size in costs[SIZE].itertuples(index=False, name=None)]]
    return costs.merge(share[list(tasks)], left_on="penalty", right_index=True)


def of_ones_own(widths: Sequence[int], examples: int) -> pd.DataFrame:
    """Return the `ratios` of a network of one's own, on the processor that runs this, by penalty."""
    table = step_costs("-".join(map(str, widths)), examples, [], rounds=3, seconds=0.2)
    found = statistics.intervals(ratios(table)).droplevel(SIZE)
    return found.drop(index="none")[["mean", "low", "high"]]
