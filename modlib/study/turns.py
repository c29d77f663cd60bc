"""Training on goals that take turns, with the same inputs and as many outputs.

After Kashtan & Alon (2005), doi 10.1073/pnas.0503610102, by gradient descent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.penalties.penalty import no_penalty
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
