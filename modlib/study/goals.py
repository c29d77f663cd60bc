"""Training towards goals that take turns, with the same inputs and as many outputs.

Whether that makes networks modular, and whether modular networks follow the turns faster, is
the question of Kashtan & Alon (2005), doi 10.1073/pnas.0503610102, asked of gradient descent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.modularity.agreement import agreement
from modlib.modularity.measure import modularity
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import no_penalty, without_rule
from modlib.tasks.task import Data, Examples, Task
from modlib.training.loop import descend, mini_batches
from modlib.training.measures import stacked
from modlib.training.optimisers import ADAM
from modlib.training.stacks import Stack


def with_all_targets(drawn: Sequence[Data]) -> Data:
    """Return one network's data with the targets of several goals side by side.

    Raises:
        ValueError: if the goals' inputs differ.
    """
    if any(not torch.equal(d.train.x, drawn[0].train.x) for d in drawn):
        raise ValueError("goals that take turns need the same inputs; draw them from one seed")
    return Data(
        *(
            Examples(parts[0].x, torch.cat([part.targets for part in parts], dim=1))
            for parts in zip(*drawn, strict=True)
        )
    )


def at_once(goals: Sequence[Task]) -> Task:
    """Return the task of answering several goals on the same inputs at once, each by its outputs.

    What networks would learn from goals that take turns, without the turns.
    """
    return replace(
        goals[0],
        name="+".join(goal.name for goal in goals),
        draw=lambda seed: with_all_targets([goal.draw(seed) for goal in goals]),
        heads=tuple(n for goal in goals for n in goal.heads),
        output_modules=np.concatenate([goal.output_modules for goal in goals]),
        guess_accuracy=float(np.mean([goal.guess_accuracy for goal in goals])),
        blind_accuracy=float(np.mean([goal.blind_accuracy for goal in goals])),
    )


def follow(
    network: Stack,
    schedule: Sequence[Task],
    *,
    penalty: Callable[[Chain], Tensor] = no_penalty,
    strength: float = 0.0,
    parameters: Sequence[Tensor] = (),
    optimiser: Callable[..., torch.optim.Optimizer] = ADAM,
    steps: int = 300,
    every: int = 5,
    batch_size: int = 128,
) -> pd.DataFrame:
    """Train a stack of networks, in place, on one goal after another.

    The optimiser keeps its state and its learning rate from goal to goal. Each network's data
    and mini-batches follow from its seed.

    Args:
        schedule: the goal of each epoch; a goal may come again.
        penalty, strength: what is added to the loss; nothing if left out.
        parameters: what the penalty learns beside the networks.
        optimiser: called with the parameters of the stack and of the penalty.
        steps: of an epoch.
        every: steps between measurements; each epoch is measured at its end too.

    Returns:
        One row per network and measurement: `network`, its place in the stack, `epoch`, `goal`,
        `step` within the epoch, and the accuracy at that epoch's goal, averaged over sub-tasks,
        on the training examples (`seen`) and on the test examples (`unseen`).

    Raises:
        ValueError: for an empty schedule, goals with other inputs or heads than the first, or
            numbers of steps below 1.
    """
    if not schedule or any(goal.heads != schedule[0].heads for goal in schedule):
        raise ValueError(
            "a schedule needs goals with the same heads, one for each epoch, got"
            f" {[goal.heads for goal in schedule]}"
        )
    if steps < 1 or every < 1:
        raise ValueError(f"goals need steps and every of at least 1, got {steps} and {every}")
    goals = list({goal.name: goal for goal in schedule}.values())
    seeds = list(network.seeds)
    data = [with_all_targets([goal.draw(seed) for goal in goals]) for seed in seeds]
    seen, unseen = stacked(d.train for d in data), stacked(d.test for d in data)
    n_tasks = len(schedule[0].heads)
    columns = {
        goal.name: slice(place * n_tasks, (place + 1) * n_tasks) for place, goal in enumerate(goals)
    }
    update = optimiser([*network.parameters(), *parameters])
    rows = []

    @torch.no_grad()
    def record(goal: Task, epoch: int, step: int) -> None:
        hits = [
            goal.accuracy(network(part.x), part.targets[..., columns[goal.name]], goal.heads)
            for part in (seen, unseen)
        ]
        rows.append(
            pd.DataFrame(
                {
                    "network": range(len(seeds)),
                    "epoch": epoch,
                    "goal": goal.name,
                    "step": step,
                    "seen": hits[0].mean(-1),
                    "unseen": hits[1].mean(-1),
                }
            )
        )

    batches = mini_batches([d.train for d in data], seeds, batch_size, steps * len(schedule))
    for epoch, goal in enumerate(schedule):

        def losses(batch: Examples, goal: Task = goal) -> Float[Tensor, " n_stack"]:
            targets = batch.targets[..., columns[goal.name]]
            loss = goal.loss(network(batch.x), targets, goal.heads)
            return loss + strength * penalty(weights(network))

        for step in descend(update, losses, islice(batches, steps)):
            if step % every == 0:
                record(goal, epoch, step)
        record(goal, epoch, steps)
    return pd.concat(rows, ignore_index=True)


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
