"""What modules are said to be good for, benefit by benefit, from the published tables."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from modlib import PENALTIES
from modlib.batch import statistics
from modlib.batch.tables import published_table

Read = Callable[[str], pd.DataFrame]
"""Returns a table by its name."""


class Benefit(NamedTuple):
    """One number per network: an expression of a published table's columns, in some of its rows."""

    table: str
    rows: str
    value: str


AT_DEFAULT = (
    "role == 'evaluation' and"
    f" (penalty != 'walk_loops' or strength == {PENALTIES['walk_loops'].strength})"
)
TUNED = "role == 'evaluation' and chosen and examples == {}"
FREE = "way == 'free' and optimiser == '{}'"
KEPT = "1 - (accuracy - kept)"  # less what was there before

BENEFITS = {
    "noise on weights": Benefit("damage", "damage == 'weight noise'", "area"),
    "noise on inputs": Benefit("damage", "damage == 'input noise'", "area"),
    "connections removed": Benefit("damage", "damage == 'removed connections'", "area"),
    "neurons removed": Benefit("damage", "damage == 'removed neurons'", "area"),
    "lesions hurt one sub-task": Benefit("circuits", "sub_task == 0", "1 - lesion_off_diagonal"),
    "kept, slow SGD": Benefit("retraining", FREE.format("SGD 0.01"), KEPT),
    "kept, fast SGD": Benefit("retraining", FREE.format("SGD 0.1"), KEPT),
    "kept, slow Adam": Benefit("retraining", FREE.format("Adam 0.0005"), KEPT),
    "kept, fast Adam": Benefit("retraining", FREE.format("Adam 0.005"), KEPT),
    "kept, module alone, fast Adam": Benefit(
        "retraining", "way == 'module' and optimiser == 'Adam 0.005'", KEPT
    ),
    "module reused": Benefit(
        "reuse", "way == 'module, frozen' and new == 'two_digits_exchanged'", "area"
    ),
    "whole network reused": Benefit(
        "reuse", "way == 'donor, frozen' and new == 'two_digits_exchanged'", "area"
    ),
    "goals in turn": Benefit(
        "goals", "schedule == 'in turn, every 300 steps' and epoch >= 6", "unseen"
    ),
    "50 examples": Benefit("curves", TUNED.format(50), "accuracy"),
    "100 examples": Benefit("curves", TUNED.format(100), "accuracy"),
    "300 examples": Benefit("curves", TUNED.format(300), "accuracy"),
    "1,000 examples": Benefit("curves", TUNED.format(1000), "accuracy"),
    "3,000 examples": Benefit("curves", TUNED.format(3000), "accuracy"),
    "recall": Benefit("recurrent", AT_DEFAULT, "accuracy"),
}
"""The benefits by name. Each value is a share, and more is better.

What is kept, 1 less the accuracy lost, is above 1 where some was gained.
"""

NOT_THE_BEST_OTHER = ["none", "pruned", "l2", "hard_wired", "more_decay", "walk_loop_steps"]
"""Left out when the best other is looked for: what walk loops are compared with anyway, what is
told the modules, and other forms of the walk loops."""


def measured(benefit: Benefit, read: Read = published_table) -> pd.DataFrame:
    """Return one row per network: its task, penalty, seed and value.

    Rows of one network, as of several switches or sub-tasks, are averaged.
    """
    table = read(benefit.table).query(benefit.rows)
    if "task" not in table:
        table = table.assign(task="retina AND and OR")
    table = table.assign(value=table.eval(benefit.value))
    return table.groupby(["task", "penalty", "seed"], as_index=False).value.mean()


def differences(own: str = "walk_loops", read: Read = published_table) -> pd.DataFrame:
    """Return a penalty's paired differences to each other one, for each benefit and task.

    Rows of `comparisons.against` under the index (benefit, task, penalty). The largest mean of
    those that are neither `NOT_THE_BEST_OTHER` nor the penalty itself stands there once more, as
    'best other'.
    """
    found = {}
    for name, benefit in BENEFITS.items():
        for task, rows in measured(benefit, read).groupby("task"):
            pairs = statistics.against(rows, own, "value")
            others = pairs.index.difference(NOT_THE_BEST_OTHER)
            if len(others):
                best = rows.groupby("penalty").value.mean()[others].idxmax()
                pairs.loc["best other"] = pairs.loc[best]
            found[name, task] = pairs
    return pd.concat(found, names=["benefit", "task"])
