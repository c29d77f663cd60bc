"""What walk loops make: by themselves from even and uneven weights, and together with a task."""

from collections.abc import Mapping, Sequence
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
from modlib.training.fit import Run, train
from modlib.training.stacks import Stack
from modlib.walks import walk_loop_penalty, walk_loop_sum

WATCHED = [0, 60, 100, 200]
"""The steps at which networks are looked at on the way."""


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
    budget = {"seeds": seeds, "steps": steps, "nulls": 2}
    bare = of_weights("no decay", partial(walk_loop_penalty, decay=0.0), strength)
    l2 = train(task, "l2", strength=[0.0, strength * decay], **budget)
    loops = train(task, bare, strength=[strength, stronger * strength], **budget)
    full = train(task, "walk_loops", strength=strength, **budget)
    layers = [W.shape[-2] for W in full.chain] + [full.chain[-1].shape[-1]]
    adam = partial(torch.optim.Adam, lr=rate)
    initial = weights(Stack(layers, seeds))
    ends = theory.descend(ALONE["walk loops"], initial, steps_alone, adam)[steps_alone]
    kinds = {
        "task": _part(l2, 0, len(seeds)),
        "walk loops": (ends, pd.DataFrame({"seed": seeds})),
        "task, decay": _part(l2, 1, len(seeds)),
        "task, walk loops": _part(loops, 0, len(seeds)),
        "task, stronger walk loops": _part(loops, 1, len(seeds)),
        "task, decay, walk loops": _part(full, 0, len(seeds)),
    }
    tables = {kind: _measured(*pair) for kind, pair in kinds.items()}
    table = pd.concat(tables, names=["kind"]).reset_index("kind").reset_index(drop=True)
    return {kind: chain for kind, (chain, _) in kinds.items()}, table


def _part(run: Run, place: int, n_seeds: int) -> tuple[list[Tensor], pd.DataFrame]:
    """Return the networks and the table of one of a run's strengths."""
    of_strength = slice(place * n_seeds, (place + 1) * n_seeds)
    columns = ["seed", "ari", "specialisation", "accuracy"]
    return [W[of_strength] for W in run.chain], run.table[of_strength][columns]


def _measured(chain: Chain, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        excess=modularity(chain, nulls=10).excess, modules=theory.module_count(chain).numpy()
    )
