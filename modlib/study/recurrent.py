"""Tables of recurrent networks that learn to remember two independent streams of bits."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from modlib.batch.selection import chosen_strengths
from modlib.chain import Chain
from modlib.network.matrices import squares
from modlib.penalties.penalty import l1_penalty, no_penalty
from modlib.study.recurrent_measures import measure_recurrent
from modlib.study.recurrent_networks import (
    RecurrentStack,
    Target,
    delayed_recall,
    largest_left,
    n_back,
    train_recurrent,
    unrolled,
)
from modlib.study.trained import CONTROL
from modlib.training.measures import DENSITY
from modlib.walks import walk_loop_penalty

N_STREAMS = 2

TARGETS: dict[str, Target] = {
    "short recall": delayed_recall,
    "long recall": delayed_recall,
    "n-back": n_back,
}
"""What the outputs should be, by task: bits some steps ago, or whether they are the same now."""


def unrolled_walk_loops(chain: Chain) -> Float[Tensor, "*stack"]:
    """Return the walk-loop penalty of W_in, W_rec, W_rec, W_out."""
    return walk_loop_penalty(unrolled(chain))


PENALTIES: dict[str, Callable[[Chain], Tensor]] = {
    "none": no_penalty,
    "l1": l1_penalty,
    "l2": squares,
    "walk_loops": unrolled_walk_loops,
}
"""The penalties by name, as functions of W_in, W_rec, W_out."""


def recurrent_table(
    task: str,
    delays: Sequence[int],
    strengths: Mapping[str, Sequence[float]],
    also_judged: Mapping[str, Sequence[float]],
    selection_seeds: Sequence[int],
    evaluation_seeds: Sequence[int],
    *,
    neurons: int = 24,
    times: int = 20,
    steps: int = 1200,
) -> pd.DataFrame:
    """Train networks with each penalty on one of `TARGETS`; return one row per network.

    Of each penalty's strengths the one that `chosen_strengths` finds on the selection seeds is
    judged on the evaluation seeds, and those that are `also_judged`. After the networks without a
    penalty comes the control of equal density: cut to their largest weights, trained as long
    again.

    Raises:
        ValueError: for an unknown task or penalty, or as `train_recurrent` and
            `chosen_strengths` do.
    """
    if task not in TARGETS or not strengths.keys() <= PENALTIES.keys():
        raise ValueError(
            f"a table of recurrent networks needs a task of {list(TARGETS)} and penalties of"
            f" {list(PENALTIES)}, got {task!r} and {list(strengths)}"
        )

    def trained(stack: RecurrentStack, penalty: str, each: Sequence[float]) -> RecurrentStack:
        told = TARGETS[task], delays, PENALTIES[penalty], each
        train_recurrent(stack, *told, times=times, steps=steps)
        return stack

    def new(penalty: str, tried: Sequence[float], seeds: Sequence[int]) -> RecurrentStack:
        stack = RecurrentStack(N_STREAMS, neurons, N_STREAMS * len(delays), [*seeds] * len(tried))
        return trained(stack, penalty, [strength for strength in tried for _ in seeds])

    def measured(
        stack: RecurrentStack, penalty: str, tried: Sequence[float], role: str
    ) -> pd.DataFrame:
        rows = measure_recurrent(stack, TARGETS[task], delays, times=times)
        each = [strength for strength in tried for _ in range(len(rows) // len(tried))]
        told = {"task": task, "status": "ok", "penalty": penalty, "strength": each, "role": role}
        return rows.assign(**told)

    selection = pd.concat(
        measured(new(penalty, tried, selection_seeds), penalty, tried, "selection")
        for penalty, tried in strengths.items()
    )
    chosen = chosen_strengths(selection)
    found = [selection]
    for penalty in strengths:
        best = {chosen[task, penalty]} if (task, penalty) in chosen else set()
        judged = sorted(best | {*also_judged.get(penalty, [])})
        if judged:
            stack = new(penalty, judged, evaluation_seeds)
            found.append(measured(stack, penalty, judged, "evaluation"))
        if penalty == "none":
            sparse = trained(largest_left(stack, DENSITY), penalty, [0.0])
            found.append(measured(sparse, CONTROL, [0.0], "evaluation"))
    return pd.concat(found, ignore_index=True)
