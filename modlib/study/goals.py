"""Networks whose goals take turns: the table `goals`.

Whether that makes networks modular, and whether modular networks follow the turns faster, is
the question of Kashtan & Alon (2005), doi 10.1073/pnas.0503610102, asked of gradient descent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from modlib.chain import weights
from modlib.modularity.agreement import agreement
from modlib.modularity.measure import modularity
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import without_rule
from modlib.study.turns import follow
from modlib.tasks.task import Task
from modlib.training.stacks import Stack


def switch_costs(history: pd.DataFrame, share: float = 0.95) -> pd.DataFrame:
    """Return how many steps each network takes to follow each switch of its goal.

    That is until its accuracy on the training examples is back at a share of what it was at the
    end of the epoch before.

    Returns:
        One row per network and epoch but the first: `network`, `epoch`, `goal`, `before`, `cost`
        (the steps; of an epoch in which the accuracy does not come back, all its steps) and
        `back`, whether it does.
    """
    ends = history.groupby(["network", "epoch"]).seen.last()
    rows = []
    for (network, epoch), part in history[history.epoch > 0].groupby(["network", "epoch"]):
        before = ends[network, epoch - 1]
        back = part.step[part.seen >= share * before]
        rows.append(
            {
                "network": network,
                "epoch": epoch,
                "goal": part.goal.iloc[0],
                "before": before,
                "cost": back.min() if len(back) else part.step.max(),
                "back": len(back) > 0,
            }
        )
    return pd.DataFrame(rows, columns=["network", "epoch", "goal", "before", "cost", "back"])


class Schedule(NamedTuple):
    """Goals in turn.

    Attributes:
        goals: one after the other, over and over.
        length: steps until the next.
        every: steps between measurements.
    """

    goals: Sequence[Task]
    length: int
    every: int


AROUND = (0, 5, 10, 15, 20, 30, 40, 50, 75, 100)
"""Steps after a switch whose accuracy is kept."""


def trained(
    schedule: Schedule,
    penalty: str,
    strength: float,
    seeds: Sequence[int],
    steps: int,
    *,
    nulls: int,
    restarts: int,
) -> pd.DataFrame:
    """Train one network for each seed, for so many steps in all, and return what is kept of it.

    Returns:
        One row per network and kept epoch: the last one, or two at either end if goals switch,
        with its accuracy as in `follow`, its cost as in `switch_costs` and the accuracy `AROUND`
        the switch; `seed`, and what was measured of the network at the end.
    """
    task = schedule.goals[0]
    network = Stack([8, *task.hidden, len(task.output_modules)], list(seeds))
    record, each = without_rule(PENALTIES[penalty]), [strength] * len(seeds)
    record.prepare(task, network, each)
    regulariser = record.make(task, network.widths, seeds, each)
    n_epochs = steps // schedule.length
    history = follow(
        network,
        [schedule.goals[epoch % len(schedule.goals)] for epoch in range(n_epochs)],
        penalty=regulariser,
        strength=strength,
        parameters=list(regulariser.parameters()),
        steps=schedule.length,
        every=schedule.every,
    )
    chain = [W.detach() for W in weights(network)]
    found = modularity(chain, nulls, restarts, seeds)
    of_network = pd.DataFrame(
        {
            "seed": seeds,
            "excess": found.excess,
            "share": found.share,
            "ari": agreement(found.communities, task.input_modules, task.output_modules),
            "size": sum(W.square().sum((-2, -1)) for W in chain).sqrt(),
        }
    )
    kept = _kept(history, schedule, n_epochs)
    return kept.merge(of_network, left_on="network", right_index=True).drop(columns="network")


def _kept(history: pd.DataFrame, schedule: Schedule, n_epochs: int) -> pd.DataFrame:
    """Return one row per network and kept epoch of a history."""
    switches = len(schedule.goals) > 1
    epochs = [1, 2, n_epochs - 2, n_epochs - 1] if switches else [n_epochs - 1]
    ends = history[(history.step == schedule.length) & history.epoch.isin(epochs)]
    rows = ends.set_index(["network", "epoch"])[["goal", "unseen", "seen"]]
    if switches:
        costs = switch_costs(history).set_index(["network", "epoch"])[["cost", "back"]]
        around = history[history.step.isin(AROUND)].pivot(
            index=["network", "epoch"], columns="step", values="seen"
        )
        rows = rows.join(costs).join(around.add_prefix("seen_"))
    return rows.reset_index()
