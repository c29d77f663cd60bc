"""Seconds of the table `step_costs` as costs in plain steps: by size, width and mini-batch."""

from collections.abc import Iterable
from itertools import pairwise

import pandas as pd

from modlib.batch.statistics import intervals

SIZE = ["widths", "batch"]
LOSS, STEPS = "walk_loops", "walk_loop_steps"
BY_WIDTH, BY_EXAMPLES = 128, "784-256-256-10"
"""The mini-batch that all widths are timed with, and the network that is timed with several."""


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a step costs in plain ones: by size and penalty, one column per round."""
    seconds = table.pivot(index=[*SIZE, "penalty"], columns="round", values="seconds")
    plain = seconds.xs("none", level="penalty")
    return seconds / plain.reindex(seconds.index.droplevel("penalty")).to_numpy()


def of(found: pd.DataFrame, penalty: str, sizes: Iterable[tuple[str, int]]) -> pd.DataFrame:
    """Return the `ratios` of a penalty at some sizes, in their order."""
    return found.xs(penalty, level="penalty").loc[[*sizes]]


def multiplications(widths: str, batch: int) -> float:
    """Return what walk loops in the loss would cost, were multiplications all that costs.

    Loops take n_in n_hid n_out of them for each hidden layer, a plain step n_in n_out for each
    matrix and example; the way back takes twice as many of either.

    >>> round(multiplications("2-3-4", batch=1), 3)
    2.333
    """
    n = [int(width) for width in widths.split("-")]
    loops = sum(a * b * c for a, b, c in zip(n, n[1:], n[2:], strict=False))
    return 1 + loops / (batch * sum(a * b for a, b in pairwise(n)))


def over(found: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Return the costs with two hidden layers over `width`, or those over `batch`, by penalty.

    Beside them, as the penalty `counted`, what `multiplications` says.
    """
    rows = intervals(found).reset_index()
    rows["width"] = rows.widths.str.extract(r"^784-(\d+)-\1-10$").astype(float)
    narrow = rows.widths == BY_EXAMPLES if factor == "batch" else rows.batch == BY_WIDTH
    rows = rows[narrow & rows.width.notna()]
    counted = rows[rows.penalty == "none"].assign(penalty="counted")
    counted["mean"] = [multiplications(*size) for size in counted[SIZE].itertuples(index=False)]
    return pd.concat([rows, counted]).set_index(["penalty", factor]).sort_index()


def free_from(found: pd.DataFrame, free: float) -> int | None:
    """Return the least mini-batch from which on walk loops in the loss cost at most `free`."""
    costs = over(found, "batch").loc[LOSS, "mean"]
    dear = costs.index[costs > free]
    cheap = costs.index[costs.index > max(dear, default=0)]
    return int(cheap.min()) if len(cheap) else None
