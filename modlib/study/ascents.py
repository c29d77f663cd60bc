"""What walk loops make: by themselves from even and uneven weights, and together with a task."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from inspect import signature

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.loops import loop_penalty
from modlib.modularity.measure import modularity
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import of_weights
from modlib.study import theory
from modlib.study.closed_forms import with_retraced
from modlib.training.fit import Run, fit
from modlib.training.lesions import specialisation
from modlib.training.measures import drops_on_tests, overview, stack_modularity
from modlib.training.stacks import Stack
from modlib.walks import walk_loop_penalty, walk_loop_sum

WATCHED = [0, 60, 100, 200]
"""The steps at which networks are looked at on the way."""

NULLS = 10
"""The permuted networks that each Q of a network with a task is held against."""


ALONE = {
    "loops (as printed)": loop_penalty,
    "with retraced walks": lambda chain: -with_retraced(chain),
    "walk loops": lambda chain: -walk_loop_sum(chain),
}
"""Penalties that are minimised without a task."""


def uneven(W: Float[Tensor, "*stack"], power: float | int) -> Float[Tensor, "*stack"]:
    """Return sign(w) |w|^power of all weights, scaled to the same mean size."""
    raised = W.detach().abs() ** power
    return W.detach().sign() * raised * W.detach().abs().mean() / raised.mean()


def from_uneven(
    width: int,
    seeds: Sequence[int],
    powers: Sequence[float | int],
    steps: int,
    learning_rate: float,
) -> pd.DataFrame:
    """Return `theory.descent_table` of walk loops alone, from initial weights made uneven.

    The networks have four layers of one width; `power` is that of their start, `seed` their seed.
    """
    usual = weights(Stack([width] * 4, seeds))
    starts = [torch.cat([uneven(W, power) for power in powers]) for W in usual]
    adam = partial(torch.optim.Adam, lr=learning_rate)
    watched = [step for step in WATCHED if step < steps]
    passed = theory.descend(ALONE["walk loops"], starts, steps, adam, watched)
    history = theory.descent_table(passed, walk_loop_sum)
    place = history.network.to_numpy()
    return history.assign(
        power=np.repeat(powers, len(seeds))[place], seed=np.tile(seeds, len(powers))[place]
    )


def alone(
    width: int, seed: int, power: float | int, steps: int, learning_rate: float
) -> dict[str, Chain]:
    """Return one uneven network, and what minimising each of `ALONE` makes of it."""
    start = [uneven(W, power) for W in weights(Stack([width] * 4, [seed]))]
    adam = partial(torch.optim.Adam, lr=learning_rate)
    ends = {
        name: theory.descend(penalty, start, steps, adam)[steps] for name, penalty in ALONE.items()
    }
    return {"start": start} | ends


def described(chains: Mapping[str, Chain]) -> pd.DataFrame:
    """Return excess modularity and median number of partners of the first network of each stack.

    Partners are the effective number of neurons above that a neuron feeds.
    """
    rows = {}
    for name, chain in chains.items():
        sizes = [W[0].abs() for W in chain]
        partners = torch.cat([A.sum(-1) ** 2 / A.square().sum(-1) for A in sizes]).median()
        excess = float(modularity(chain, nulls=5).excess[0])
        rows[name] = {"excess": excess, "partners": float(partners)}
    return pd.DataFrame(rows).T


def with_task(
    task: str, seeds: Sequence[int], steps: int, stronger: float, steps_alone: int, rate: float
) -> tuple[dict[str, Chain], pd.DataFrame]:
    """Return networks from the same initial weights, trained for a task, walk loops and decay.

    Each of these alone, in pairs and all together, at the default strength; without the decay also
    at a strength that is `stronger` times the default. By kind, the stack of networks; and a table
    of one row per kind and network.
    """
    strength = PENALTIES["walk_loops"].strength
    decay = signature(walk_loop_penalty).parameters["decay"].default
    budget = {"seeds": seeds, "steps": steps}
    no_decay = of_weights("no decay", partial(walk_loop_penalty, decay=0.0), strength)
    l2 = fit(task, "l2", strength=[0.0, strength * decay], **budget)
    bare = fit(task, no_decay, strength=[strength, stronger * strength], **budget)
    full = fit(task, "walk_loops", strength=strength, **budget)
    layers = [W.shape[-2] for W in full.chain] + [full.chain[-1].shape[-1]]
    adam = partial(torch.optim.Adam, lr=rate)
    initial = weights(Stack(layers, seeds))
    ends = theory.descend(ALONE["walk loops"], initial, steps_alone, adam)[steps_alone]
    alone = {
        "seed": seeds,
        "excess": modularity(ends, nulls=NULLS).excess,
        "modules": theory.module_count(ends).numpy(),
    }
    (task_alone, with_decay), (with_loops, with_stronger), (with_both,) = map(
        _parts, (l2, bare, full)
    )
    kinds = {
        "task": task_alone,
        "walk loops": (ends, pd.DataFrame(alone)),
        "task, decay": with_decay,
        "task, walk loops": with_loops,
        "task, stronger walk loops": with_stronger,
        "task, decay, walk loops": with_both,
    }
    table = pd.concat({kind: rows for kind, (_, rows) in kinds.items()}, names=["kind"])
    table = table.reset_index("kind").reset_index(drop=True)
    return {kind: chain for kind, (chain, _) in kinds.items()}, table


def _parts(run: Run) -> Iterator[tuple[list[Tensor], pd.DataFrame]]:
    """Yield the networks of each strength of a run, and what is measured of them."""
    found = stack_modularity(run.network, NULLS, restarts=5)
    rows = overview(run.network, run.task, run.data, found)[["accuracy", "ari", "excess"]]
    drops = drops_on_tests(run.network, run.task, run.data, found.communities)
    rows = rows.assign(
        seed=run.table.seed,
        specialisation=specialisation(drops).numpy(),
        modules=theory.module_count(run.chain).numpy(),
    )
    for of_strength in run.table.groupby("strength").indices.values():
        yield [W[of_strength] for W in run.chain], rows.iloc[of_strength]
