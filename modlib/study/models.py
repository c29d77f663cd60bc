"""Table of networks of other architectures: traced, trained and measured as any others."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import nn

from modlib.modularity.agreement import agreement
from modlib.modularity.measure import modularity
from modlib.modularity.nulls import same_strengths
from modlib.network import Trace
from modlib.network.connections import Network
from modlib.penalties import PENALTIES
from modlib.study.model_tasks import CASES, Case
from modlib.tasks.task import Data, Examples
from modlib.training.following import Following
from modlib.training.loop import descend, falling, mini_batches
from modlib.training.optimisers import ADAM

BATCH_SIZE = 32

OF_NETWORKS = ("none", "l1", "l2", "walk_loops", "walk_loop_steps")
"""The penalties that take a network as they take a chain, and know nothing of a task."""


def initial(case: Case, seed: int) -> nn.Module:
    """Return an architecture's network with the initial weights of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return case.make()


def train_model(
    case: Case, penalty: str, strength: float, seed: int, steps: int
) -> tuple[Trace, Data]:
    """Train one network with a penalty of its traced weights; return its trace and its data.

    In evaluation and training it is one and the same function: it has neither dropout nor norms,
    and noise is taken off.

    Raises:
        ValueError: if the penalty is none of `OF_NETWORKS`.
    """
    if penalty not in OF_NETWORKS:
        raise ValueError(
            f"a traced network is trained with a penalty of {list(OF_NETWORKS)}, got {penalty!r}"
        )
    model, data = initial(case, seed), case.draw(seed)
    trace = Trace(model, data.train.x[:2])
    regulariser = PENALTIES[penalty].make(None, [], [seed], [strength])
    update = ADAM(model.parameters())
    draw = partial(torch.rand, generator=torch.Generator().manual_seed(seed))
    loops = Following(data.train.x[:2], strength=strength, draw=draw)
    if penalty == "walk_loop_steps":
        loops.begin(model, update, steps)

    def losses(batch: Examples) -> torch.Tensor:
        x, targets = (part[0] for part in batch)
        loss = case.loss(model(x), targets)
        return loss + strength * regulariser(trace()) if strength > 0 else loss

    batches = mini_batches([data.train], [seed], BATCH_SIZE, steps)
    for _ in descend(update, losses, batches, falling(update, steps)):
        pass
    loops.end()
    return trace, data


def measured(
    network: Network,
    input_modules: Int[np.ndarray, " n_in"],
    output_modules: Int[np.ndarray, " n_out"],
    nulls: int,
    restarts: int,
    seed: int,
) -> dict[str, float]:
    """Return what is measured of a network's weights: its modularity against both nulls.

    `communities` counts those of two neurons or more; `ari` is the agreement of the first and the
    last layer with the modules that are known, NaN where none are.
    """
    found = modularity(network, nulls, restarts, seed)
    kept = modularity(network, nulls, restarts, seed, same_strengths)
    return {
        "q": found.q,
        "q_null_mean": found.null_mean,
        "excess": found.excess,
        "share": found.share,
        "strengths_excess": kept.excess,
        "communities": int((np.bincount(found.communities) > 1).sum()),
        "ari": float(agreement(found.communities, input_modules, output_modules)),
    }


def model_table(
    strengths: Mapping[str, Mapping[str, Sequence[float]]],
    seeds: Sequence[int],
    steps: int | None = None,
    nulls: int = 5,
    restarts: int = 2,
) -> pd.DataFrame:
    """Train networks of `CASES` with penalties at some strengths; return one row per network.

    `steps` of training are the architecture's own unless given. `accuracy` is that on test
    examples, the mean over sub-tasks.

    Raises:
        ValueError: for an architecture or a penalty that is not known.
    """
    if not strengths.keys() <= CASES.keys():
        raise ValueError(f"architectures are {list(CASES)}, got {list(strengths)}")
    rows = []
    for architecture, of in strengths.items():
        case = CASES[architecture]()
        modules = case.input_modules, case.output_modules
        asked = [(penalty, strength) for penalty, tried in of.items() for strength in tried]
        for (penalty, strength), seed in product(asked, seeds):
            trace, data = train_model(case, penalty, strength, seed, steps or case.steps)
            with torch.no_grad():
                right = case.score(trace.model(data.test.x), data.test.targets)
            told = {"architecture": architecture, "task": case.task, "penalty": penalty}
            told |= {"strength": strength, "seed": seed, "accuracy": right.mean().item()}
            rows.append(told | measured(trace(), *modules, nulls, restarts, seed))
    return pd.DataFrame(rows)
