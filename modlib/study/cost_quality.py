"""What walk loops bring as steps, beside what they bring in the loss, and what others bring."""

from collections.abc import Sequence

import pandas as pd

from modlib.batch import selection
from modlib.batch.statistics import in_points, interval_text, intervals
from modlib.penalties import PENALTIES
from modlib.study.cost_ratios import LOSS, SIZE, STEPS

MARGINS = {"share": 0.02, "connected_ari": 0.02, "accuracy": 0.003}
"""By how much steps may fall short of walk loops in the loss."""


def short(networks: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Return the paired differences of steps to walk loops in the loss, by measure and task.

    Both at their defaults; `kept` where the mean is at most the margin below.
    """
    judged = networks[(networks.role == "evaluation") & networks.task.isin(tasks)]
    one, two = (
        judged[(judged.penalty == name) & (judged.strength == PENALTIES[name].strength)]
        for name in (LOSS, STEPS)
    )
    found = {}
    for measure, margin in MARGINS.items():
        values = (of.pivot(index="task", columns="seed", values=measure) for of in (two, one))
        pairs = intervals(next(values) - next(values)).reindex(list(tasks))
        found[measure] = pairs.assign(kept=pairs["mean"] >= -margin)
    return pd.concat(found, names=["measure"])


def named(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of `short` as text, by task; a star where one is not `kept`."""
    names = {"share": "share", "connected_ari": "agreement", "accuracy": "accuracy"}
    text = {}
    for measure, name in names.items():
        rows = pairs.loc[measure]
        points = measure == "accuracy"
        shown = (in_points(rows) if points else rows).apply(
            interval_text, axis=1, form="+.1f" if points else "+.3f"
        )
        text[name] = shown + rows.kept.map({True: "", False: " *"})
    return pd.DataFrame(text)


def frontier(
    found: pd.DataFrame,
    networks: pd.DataFrame,
    sizes: Sequence[tuple[str, int]],
    tasks: Sequence[str],
) -> pd.DataFrame:
    """Return costs at some sizes, `mean`, `low` and `high`, and the share on each task.

    Shares are those of the published networks, whatever their size: of walk loops at their
    defaults, of others at the strength chosen for them.
    """
    share = selection.summary(networks).share.unstack("task")
    for name in (LOSS, STEPS):
        share.loc[name] = selection.summary_at(networks, name, PENALTIES[name].strength).share
    costs = intervals(found)[["mean", "low", "high"]].reset_index()
    costs = costs[[size in sizes for size in costs[SIZE].itertuples(index=False, name=None)]]
    return costs.merge(share[list(tasks)], left_on="penalty", right_index=True)
