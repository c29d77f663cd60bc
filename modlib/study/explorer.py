"""Small networks followed through their training: what the page `explorer` lets one look at."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from pydantic import AfterValidator, Field

from modlib.batch import pages
from modlib.batch.claims import Claim, above, below, exact
from modlib.batch.names import NAMES
from modlib.chain import weights
from modlib.penalties import PENALTIES
from modlib.penalties.penalty import unchanged
from modlib.study.weights import Divided, by_outputs, first
from modlib.tasks import TASKS
from modlib.tasks.task import Task
from modlib.training.fit import Run, fit
from modlib.training.lesions import lesion_drops, specialisation
from modlib.training.measures import overview, repeated, stack_modularity, stacked
from modlib.training.stacks import joined

FRAMES = 9
"""At so many steps of its training a network is looked at."""

NULLS = 3
"""The permuted networks that each Q is held against."""

MOST = 1.2
"""Megabytes that the page's data may have: with the book's own files, three are to be loaded."""

FREE = [
    name
    for name, penalty in PENALTIES.items()
    if penalty.prepare is unchanged and name != "communicability"
]
"""The penalties that may have any strength, and train within a page's time."""

Several = Field(min_length=1, max_length=4)


class Parameters(pages.Parameters):
    """What the page may be run with."""

    tasks: Annotated[list[Literal[tuple(TASKS)]], Several, AfterValidator(pages.distinct)]
    penalties: Annotated[list[Literal[tuple(FREE)]], Several, AfterValidator(pages.distinct)]
    factors: Annotated[
        list[Annotated[float, Field(gt=0, le=10)]], Several, AfterValidator(pages.distinct)
    ]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    steps: Annotated[int, Field(ge=20, le=20_000)]


class Followed(NamedTuple):
    """One network at some steps of its training.

    Attributes:
        chain: its weights, input side first.
        communities: those after training, in the order of their outputs.
        measures: `accuracy`, `excess` and `ari`, as in `overview`, by training step.
        intact: the test accuracy at each sub-task.
        silenced: the same without the hidden neurons of one community, for each.
    """

    task: Task
    penalty: str
    strength: float
    chain: list[Float[np.ndarray, "n_frames _ _"]]
    communities: Int[np.ndarray, " n_neurons"]
    measures: pd.DataFrame
    intact: Float[np.ndarray, "n_frames n_tasks"]
    silenced: Float[np.ndarray, "n_frames n_communities n_tasks"]


def frames(steps: int) -> list[int]:
    """Return the steps at which to look: the start, and from 5 on about evenly in their logarithm.

    >>> frames(640)
    [0, 5, 10, 20, 40, 80, 160, 320, 640]
    """
    return [0, *np.unique(np.geomspace(5, steps, FRAMES - 1).round().astype(int)).tolist()]


def trained(task: str, penalty: str, factors: Sequence[float], seed: int, steps: int) -> Run:
    """Return a stack, a network for each multiple of the default strength, with its `frames`.

    Strengths ascend.
    """
    strengths = sorted({factor * PENALTIES[penalty].strength for factor in factors})
    return fit(task, penalty, strengths, [seed], steps=steps, snapshots=frames(steps))


@torch.no_grad()
def followed(run: Run) -> list[Followed]:
    """Return each network of a run, measured at its snapshots."""
    network, n, at = joined(list(run.snapshots.values())), len(run.table), list(run.snapshots)
    found = stack_modularity(network, NULLS, restarts=1)
    rows = overview(network, run.task, run.data, found)[["accuracy", "excess", "ari"]]
    ends = [by_outputs(first(run.network), labels) for labels in found.communities[-n:]]
    test = repeated(stacked(d.test for d in run.data), len(network.seeds))
    scored = run.task.scored(test)
    intact = scored(network(test.x))
    drops = lesion_drops(network, np.tile(ends, (len(at), 1)), test.x, scored)
    return [
        Followed(
            run.task,
            run.penalty.name,
            strength,
            [W[place::n].numpy() for W in weights(network)],
            communities,
            rows.iloc[place::n].set_axis(pd.Index(at, name="step")),
            intact[place::n].numpy(),
            (intact[:, None] - drops)[place::n, : communities.max() + 1].numpy(),
        )
        for place, (strength, communities) in enumerate(zip(run.table.strength, ends, strict=True))
    ]


def ended(networks: Sequence[Followed]) -> pd.DataFrame:
    """Return what is measured of each network after training, by task, penalty and strength.

    `specialisation` is that of the communities' lesions.
    """
    rows = {
        (each.task.name, each.penalty, f"{each.strength:.3g}"): {
            **each.measures.iloc[-1],
            "specialisation": float(
                specialisation(torch.tensor(each.intact[-1] - each.silenced[-1]))
            ),
        }
        for each in networks
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["task", "penalty", "strength"])


def strongest(networks: Sequence[Followed]) -> dict[str, Divided]:
    """Return, of the last task, the network of each penalty's largest strength after training."""
    last = [each for each in networks if each.task.name == networks[-1].task.name]
    return {each.penalty: Divided([W[-1] for W in each.chain], each.communities) for each in last}


def claims(networks: Sequence[Followed], megabytes: float) -> list[Claim]:
    """Return what the page claims of its networks: of the first and the strongest of each task."""
    table, last = ended(networks).reset_index(), networks[-1].penalty
    before = table.groupby("task").first()
    after = table[table.penalty == last].groupby("task").last()
    named = f"With {NAMES.get(last, last)} at the largest strength"
    return [
        Claim(
            f"{named}, communities are the task's modules.",
            "agreement (ARI)", exact(after.ari), above(0.9), ".2f",
        ),
        Claim(
            f"{named}, one that is silenced costs one sub-task alone.",
            "specialisation", exact(after.specialisation), above(0.95), ".2f",
        ),
        Claim(
            f"{named}, networks are more modular than the first ones shown.",
            "difference of excess", exact(after.excess - before.excess), above(0.1), "+.2f",
        ),
        Claim(
            f"{named}, they are as right to two points.",
            "difference of accuracy", exact(after.accuracy - before.accuracy), above(-0.02), "+.3f",
        ),
        Claim(
            "The explorer's data leave room for the book's own files in three megabytes.",
            "megabytes", exact(megabytes), below(MOST), ".1f",
        ),
    ]  # fmt: skip
