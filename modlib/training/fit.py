"""Train a stack of networks at once, one per strength and seed, and measure them."""

import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from modlib.chain import weights
from modlib.modularity.measure import require_searches
from modlib.penalties import PENALTIES
from modlib.penalties.forms import FORMS
from modlib.penalties.penalty import Penalty
from modlib.tasks import TASKS
from modlib.tasks.task import Data, Examples, Task
from modlib.training.loop import descend, falling, mini_batches
from modlib.training.measures import (
    measure,
    overview,
    progress,
    repeated,
    stack_modularity,
)
from modlib.training.optimisers import ADAM
from modlib.training.stacks import Stack


@dataclass(frozen=True)
class Run:
    """A trained stack of networks.

    Attributes:
        task: what it was trained on.
        penalty: what it was trained with.
        data: those of each seed.
        network: the stack, its networks in the order of the table's rows.
        table: one row per network: what it was trained with, and what was measured of it.
        snapshots: copies of the stack at the steps that were asked for.
        regularisers: copies of what the penalty computed there, with what it had learned.

    >>> run = fit("retina", seeds=[0, 1], steps=1)
    >>> [tuple(W.shape)[0] for W in run.chain]
    [2, 2, 2]
    """

    task: Task
    penalty: Penalty
    data: list[Data]
    network: Stack
    table: pd.DataFrame
    snapshots: dict[int, Stack]
    regularisers: dict[int, nn.Module]

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per network and snapshot, with the columns of `progress`; measured when asked."""
        if not self.snapshots:
            return pd.DataFrame()
        grid = self.table[["strength", "seed"]]
        keys = pd.concat([grid.assign(step=step) for step in self.snapshots], ignore_index=True)
        then = list(self.snapshots.values()), list(self.regularisers.values())
        return keys.join(progress(*then, self.task, self.data))

    @property
    def chain(self) -> list[Float[Tensor, "n_stack _ _"]]:
        """The weights of the whole stack, without their gradient."""
        return [W.detach() for W in weights(self.network)]


def train(
    task: str | Task,
    penalty: str | Penalty = "none",
    strength: float | Iterable[float] | None = None,
    seeds: Iterable[int] = range(5),
    *,
    nulls: int = 20,
    restarts: int = 5,
    **settings: Any,
) -> Run:
    """Train one network for each strength and seed, as `fit` does, and `measure` each.

    Args:
        nulls, restarts: as in `modularity`, by which networks are measured.
        settings: any others of `fit`.

    Raises:
        ValueError: as `fit` and `modularity` do, before anything is trained.

    >>> run = train("retina", "walk_loops", seeds=[0, 1], steps=2, nulls=2, restarts=1)
    >>> run.table[["penalty", "seed", "steps"]].values.tolist()
    [['walk_loops', 0, 2], ['walk_loops', 1, 2]]
    """
    require_searches(nulls, restarts)
    run = fit(task, penalty, strength, seeds, **settings)
    return _measured(run, measure(run.network, run.task, run.data, nulls, restarts))


def trial(
    task: str | Task,
    penalty: str | Penalty,
    strength: float | Iterable[float] | None,
    seeds: Iterable[int],
    *,
    nulls: int = 20,
    restarts: int = 5,
    **settings: Any,
) -> Run:
    """Train networks that a strength is chosen on: as `train`, with the `overview` alone."""
    require_searches(nulls, restarts)
    run = fit(task, penalty, strength, seeds, **settings)
    found = stack_modularity(run.network, nulls, restarts)
    return _measured(run, overview(run.network, run.task, run.data, found))


def _measured(run: Run, columns: pd.DataFrame) -> Run:
    return replace(run, table=pd.concat([run.table, columns], axis=1))


def fit(
    task: str | Task,
    penalty: str | Penalty = "none",
    strength: float | Iterable[float] | None = None,
    seeds: Iterable[int] = range(5),
    *,
    hidden: Sequence[int] | None = None,
    activation: Callable[[Tensor], Tensor] | None = None,
    optimiser: Callable[..., torch.optim.Optimizer] = ADAM,
    steps: int | None = None,
    batch_size: int = 128,
    snapshots: Iterable[int] = (),
) -> Run:
    """Train one network for each strength and seed, as one stack.

    A network's seed fixes its data, initial weights and mini-batches (drawn with
    replacement), whatever else is in the stack. A network that diverges keeps its
    row.

    Args:
        strength: what the penalty is multiplied by, one or several; the penalty's own
            default if left out.
        hidden, activation, steps: the task's own if left out.
        optimiser: called with the parameters of the stack and of the penalty; over the last
            fifth of the steps its learning rate falls to 0.
        snapshots: numbers of steps after which to keep a copy.

    Raises:
        ValueError: for an unknown task or penalty; for no or repeated strengths or seeds,
            a strength that is negative or not finite, or a seed that is no whole number of at
            least 0; for sizes below 1; for snapshots beyond the last step.

    >>> fit("retina", "l1", [0.0, 1e-3], seeds=[0], steps=2).table.strength.tolist()
    [0.0, 0.001]
    """
    task = _known("task", task, TASKS)() if isinstance(task, str) else task
    penalty = _known("penalty", penalty, PENALTIES | FORMS) if isinstance(penalty, str) else penalty
    strengths = _distinct("strength", penalty.strength if strength is None else strength)
    seeds = _distinct("seed", seeds)
    hidden = task.hidden if hidden is None else hidden
    activation = task.activation if activation is None else activation
    steps = task.steps if steps is None else steps
    snapshots = set(snapshots)
    if any(seed < 0 or seed != int(seed) for seed in seeds):
        raise ValueError(f"seeds must be whole numbers of at least 0, got {seeds}")
    if not np.isfinite(strengths).all() or min(strengths) < 0:
        raise ValueError(f"training needs finite strengths of at least 0, got {strengths}")
    if steps < 1 or batch_size < 1:
        raise ValueError(
            f"training needs steps and batch_size of at least 1, got {steps} and {batch_size}"
        )
    if not snapshots <= set(range(steps + 1)):
        raise ValueError(
            f"snapshots must be numbers of steps from 0 to {steps}, got {sorted(snapshots)}"
        )

    grid = pd.DataFrame(list(product(strengths, seeds)), columns=["strength", "seed"])
    data = [task.draw(seed) for seed in seeds]
    widths = [len(task.input_modules), *hidden, len(task.output_modules)]
    network = Stack(widths, grid.seed.tolist(), activation)
    penalty.prepare(task, network, grid.strength.tolist())
    regulariser = penalty.make(task, widths, network.seeds, grid.strength.tolist())
    update = optimiser([*network.parameters(), *regulariser.parameters()])
    rule = penalty.follow(network, grid.strength.tolist(), steps)
    update.register_step_post_hook(lambda *_: rule())
    factor = torch.tensor(grid.strength.to_numpy(), dtype=torch.float32)
    kept: dict[int, Stack] = {}
    regularisers: dict[int, nn.Module] = {}

    def record(step: int) -> None:
        if step in snapshots:
            kept[step] = deepcopy(network).eval()
            regularisers[step] = deepcopy(regulariser)

    def losses(batch: Examples) -> Float[Tensor, " n_stack"]:
        x, targets = repeated(batch, len(strengths))
        return task.loss(network(x), targets, task.heads) + factor * regulariser(weights(network))

    start = time.perf_counter()
    batches = mini_batches([d.train for d in data], seeds, batch_size, steps)
    shown = tqdm(batches, total=steps, disable=None)
    for step in descend(update, losses, shown, falling(update, steps)):
        record(step)
    seconds = (time.perf_counter() - start) / len(grid)
    record(steps)
    network.eval()

    return Run(
        task=task,
        penalty=penalty,
        data=data,
        network=network,
        table=grid.assign(task=task.name, penalty=penalty.name, steps=steps, seconds=seconds),
        snapshots=kept,
        regularisers=regularisers,
    )


Entry = TypeVar("Entry")


def _known(kind: str, name: str, registry: dict[str, Entry]) -> Entry:
    if name not in registry:
        raise ValueError(f"{name!r} is no {kind}; the known ones are {', '.join(registry)}")
    return registry[name]


def _distinct(kind: str, values: Any) -> list:
    values = [values] if isinstance(values, Real) else list(values)
    numbers = all(isinstance(value, Real) for value in values)
    if not values or not numbers or len(set(values)) < len(values):
        raise ValueError(
            f"training needs at least one {kind}, numbers all, none twice; got {values}"
            " (YAML reads 1e-5 as text, 1.0e-5 as a number)"
        )
    return values
