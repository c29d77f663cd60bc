"""One network without and with a penalty, trained here, and what every penalty makes of it."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from pydantic import AfterValidator, Field
from torch import nn

from modlib.batch import pages, statistics, tables
from modlib.batch.claims import Claim, above, below, exact
from modlib.batch.storage import Trained
from modlib.chain import weights
from modlib.modularity.measure import modularity
from modlib.penalties import PENALTIES
from modlib.tasks import TASKS
from modlib.tasks.task import Examples, Task
from modlib.training.fit import Run, train
from modlib.training.stacks import Stack

PUBLISHED = ["two_digits", "two_mnist", "mnist"]
"""The tasks of which networks are published."""

QUICK = [penalty for penalty in PENALTIES if penalty not in {"none", "communicability"}]
"""The penalties that train within a page's time."""

NULLS = 5
"""The permuted networks that each Q is held against on the page."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal[tuple(TASKS)]
    penalty: Literal[tuple(QUICK)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    n_seeds: Annotated[int, Field(ge=3, le=20)]
    steps: Annotated[int, Field(ge=1)]
    published: Literal[tuple(PUBLISHED)]
    drawn: Annotated[
        list[Literal[tuple(PENALTIES)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]


class Divided(NamedTuple):
    """One network to be drawn: its weights, and the community of each neuron."""

    chain: list[Float[np.ndarray, "_ _"]]
    communities: Int[np.ndarray, " n_neurons"]


def first(network: nn.Module) -> list[Float[np.ndarray, "_ _"]]:
    """Return the weights of the first network of a stack."""
    return [W[0].detach().numpy() for W in weights(network)]


def by_outputs(
    chain: Sequence[Float[np.ndarray, "_ _"]], communities: Int[np.ndarray, " n_neurons"]
) -> Int[np.ndarray, " n_neurons"]:
    """Number communities by where their outputs lie, so that networks can be held side by side.

    Those without an output come last.
    """
    n_out = chain[-1].shape[1]
    outputs, names = communities[-n_out:], np.unique(communities)
    places = [
        np.flatnonzero(outputs == name).mean() if name in outputs else n_out + name
        for name in names
    ]
    return np.argsort(np.argsort(places, kind="stable"))[np.searchsorted(names, communities)]


def divided(network: nn.Module) -> Divided:
    """Return the first network of a stack with its communities, in the order of their outputs."""
    chain = first(network)
    return Divided(chain, by_outputs(chain, modularity(chain, nulls=2).communities))


def example(task: Task, seed: int) -> Float[np.ndarray, " n_in"]:
    """Return the first test input of a network's data, between 0 and 1 by absolute value."""
    x = task.draw(seed).test.x[0].abs()
    return (x / x.max().clamp_min(1e-12)).numpy()


def trained(task: str, penalty: str, seeds: Sequence[int], steps: int) -> dict[str, Run]:
    """Return the networks without and with a penalty, each with snapshots of its training."""
    frames = sorted({step for step in (0, 50, 100, 200, 400, 800) if step < steps} | {steps})
    return {
        name: train(task, name, seeds=seeds, steps=steps, nulls=NULLS, snapshots=frames)
        for name in ("none", penalty)
    }


def measured(runs: dict[str, Run]) -> pd.DataFrame:
    """Return what is shown of each network, by penalty and seed."""
    columns = {
        "accuracy": "accuracy",
        "excess": "excess",
        "conductance": "weight between communities",
        "ari": "agreement (ARI)",
        "specialisation": "specialisation",
    }
    rows = pd.concat([run.table for run in runs.values()]).set_index(["penalty", "seed"])
    return rows[list(columns)].rename(columns=columns)


def kept(task: str, penalties: Sequence[str]) -> dict[str, Trained]:
    """Return the published networks of a task; ValueError where a penalty has none."""
    folder = tables.FOLDER / "networks"
    there = [p for p in PENALTIES if (folder / f"{task}-{p}.safetensors").exists()]
    if lacking := [penalty for penalty in penalties if penalty not in there]:
        raise ValueError(
            f"networks on {task} are published for {', '.join(there)}; got {', '.join(lacking)}:"
            " draw others, or of another task"
        )
    return {penalty: tables.published_network(task, penalty) for penalty in penalties}


def start(published: dict[str, Trained]) -> Stack:
    """Return the network that all published ones of a task started from."""
    (network, *_) = (trained.network for trained in published.values())
    return Stack(network.widths, network.seeds)


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what is shown of the rows of `in_table`."""
    columns = {"accuracy": "accuracy", "excess": "excess", "ari": "agreement (ARI)"}
    measured = rows[[*columns, "specialisation"]].astype(float).rename(columns=columns)
    return pd.concat([rows.strength.map("{:g}".format), measured], axis=1)


def in_table(published: dict[str, Trained], networks: pd.DataFrame) -> pd.DataFrame:
    """Return the row that the table of networks has of each published one, by penalty."""
    rows = {}
    for penalty, trained in published.items():
        (seed,) = trained.network.seeds
        row = networks[
            (networks.task == trained.task.name) & (networks.penalty == penalty)
            & (networks.seed == seed) & np.isclose(networks.strength, trained.strength)
        ]  # fmt: skip
        rows[penalty] = row.squeeze()
    return pd.DataFrame(rows).T.rename_axis("penalty")


@torch.no_grad()
def accuracies(published: dict[str, Trained]) -> pd.Series:
    """Return the test accuracy of each published network, computed anew."""
    found = {}
    for penalty, trained in published.items():
        (seed,) = trained.network.seeds
        test = Examples(*(part[None] for part in trained.task.draw(seed).test))
        found[penalty] = float(trained.task.scored(test)(trained.network(test.x)).mean())
    return pd.Series(found)


def claims(
    runs: dict[str, Run], published: dict[str, Trained], networks: pd.DataFrame
) -> list[Claim]:
    """Return what the page claims of the networks trained here and of the published ones."""
    table = pd.concat([run.table for run in runs.values()])
    (penalty,) = set(runs) - {"none"}
    with_it = table[table.penalty == penalty].set_index("seed")
    gain = {
        measure: statistics.against(table, penalty, measure)
        for measure in ("accuracy", "excess", "conductance")
    }
    means = statistics.intervals(with_it[["ari", "specialisation"]].T)
    off = (accuracies(published) - in_table(published, networks).accuracy).abs().max()
    return [
        Claim(
            "With the penalty a network is more modular than without,",
            "difference of excess", gain["excess"], above(0.1), "+.2f",
        ),
        Claim("along the digits.", "agreement (ARI)", means.loc[["ari"]], above(0.8), ".2f"),
        Claim(
            "Next to nothing is left between communities.",
            "difference of the share of weight that leaves one",
            gain["conductance"], below(-0.3), "+.2f",
        ),
        Claim(
            "A lesion of a community hurts one digit alone.",
            "specialisation", means.loc[["specialisation"]], above(0.9), ".2f",
        ),
        Claim(
            "The penalty costs less than a point of accuracy.",
            "difference, points", statistics.in_points(gain["accuracy"]), above(-1),
        ),
        Claim(
            "The published networks are those of the table.",
            "largest difference of test accuracy", exact(float(off)), below(1e-5), ".0e",
        ),
    ]  # fmt: skip
