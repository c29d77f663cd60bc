"""Measure a stack of networks: one row per network, during training and after it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from modlib.chain import weights
from modlib.graphs import conductance, neuron_graph, pruned
from modlib.modularity.agreement import agreement, connected, connected_agreement
from modlib.modularity.measure import Modularity, modularity
from modlib.modularity.nulls import same_strengths
from modlib.tasks.task import Data, Examples, Task
from modlib.training.lesions import lesion_drops, specialisation
from modlib.training.stacks import Stack, joined, with_weights


def stacked(examples: Iterable[Examples]) -> Examples:
    """Return the examples of several networks along a new leading dimension."""
    return Examples(*(torch.stack(parts) for parts in zip(*examples, strict=True)))


def repeated(examples: Examples, times: int) -> Examples:
    """Return stacked examples over and over, for networks that differ in strength alone."""
    return Examples(*(part.expand(times, *part.shape).flatten(0, 1) for part in examples))


def finite(chain: Sequence[Float[Tensor, "n_stack _ _"]]) -> Bool[Tensor, " n_stack"]:
    """Return which networks of a stack have finite weights throughout."""
    return torch.stack([W.isfinite().all(-1).all(-1) for W in chain]).all(0)


@torch.no_grad()
def progress(
    snapshots: Sequence[Stack], regularisers: Sequence[nn.Module], task: Task, data: Sequence[Data]
) -> pd.DataFrame:
    """Return where each network of a stack stood at some steps of its training.

    `task_loss` (nats) and `accuracy` on its validation examples, the `penalty` before
    it is multiplied by the strength, and the `excess` of Q over 5 nulls, one search each;
    NaN for a diverged network. All networks of the first step come first.
    """
    network = joined(snapshots)
    chain = weights(network)
    sound = finite(chain)
    x, targets = repeated(stacked(d.validation for d in data), len(sound) // len(data))
    outputs = network(x)
    found = modularity([W.where(sound[:, None, None], 0.0) for W in chain], nulls=5, restarts=1)
    penalties = [
        regulariser(weights(stack))
        for stack, regulariser in zip(snapshots, regularisers, strict=True)
    ]
    return pd.DataFrame(
        {
            "task_loss": task.loss(outputs, targets, task.heads),
            "penalty": torch.cat(penalties),
            "accuracy": task.accuracy(outputs, targets, task.heads).mean(-1),
            "excess": found.excess,
        }
    ).where(pd.Series(sound.numpy()), axis=0)


class Measure(NamedTuple):
    """What is measured of a trained network, and what others have to know of it.

    Attributes:
        name: of the column.
        label: in figures.
        low, high: what it lies between.
        needed: the roles of networks in which it is never empty, unless they diverged.
        summarised: its mean and interval are in `summary`.
        compared: penalties are compared by it in pairs.
    """

    name: str
    label: str
    low: float
    high: float
    needed: tuple[str, ...] = ()
    summarised: bool = False
    compared: bool = False


ALL, JUDGED = ("selection", "evaluation"), ("evaluation",)

MEASURES = [
    Measure("accuracy", "test accuracy", 0, 1, ALL, True, True),
    Measure("validation_accuracy", "validation accuracy", 0, 1, ALL),
    Measure("q", "modularity Q", -0.5, 1, ALL),
    Measure("q_null_mean", "mean Q of the nulls", -0.5, 1, ALL),
    Measure("q_null_std", "standard deviation of the nulls' Q", 0, 1, ALL),
    Measure("excess", "excess modularity", -1, 1, ALL, True, True),
    Measure("share", "share of the attainable excess", -1, 1, ALL, True, True),
    Measure("strengths_excess", "excess over nulls that keep strengths", -1, 1, JUDGED, True),
    Measure("live_excess", "excess without dead inputs", -1, 1, JUDGED, True),
    Measure("conductance", "share of weight that leaves a community", 0, 1, JUDGED, True),
    Measure("communities", "communities of two neurons or more", 0, np.inf, ALL),
    Measure("ari", "agreement with the known modules (ARI)", -1, 1, (), True, True),
    Measure("connected", "share of inputs and outputs that are connected", 0, 1, JUDGED, True),
    Measure("connected_ari", "agreement of those that are connected", -1, 1, (), True),
    Measure("specialisation", "specialisation", 0, 1, (), True, True),
    Measure("pruned_excess", "excess, a quarter of the weights left", -1, 1, JUDGED, True),
    Measure("pruned_accuracy", "accuracy, a quarter of the weights left", 0, 1, JUDGED, True),
]
"""What is measured of each network, in the order of the table's columns.

`ari` is empty where fewer than two modules are known, `specialisation` where there is one
sub-task or no lesion hurts.
"""

DENSITY = 0.25
"""The share of each layer's weights that is left when networks are compared equally dense."""


def stack_modularity(network: Stack, nulls: int, restarts: int) -> Modularity:
    """Return the modularity of a stack's networks, diverged ones as if without weights.

    Nulls and searches follow from a network's seed.
    """
    return modularity(_finite_arrays(network), nulls, restarts, np.array(network.seeds))


def _finite_arrays(network: Stack) -> list[Float[np.ndarray, "n_stack _ _"]]:
    chain = weights(network)
    sound = finite(chain)
    return [W.detach().where(sound[:, None, None], 0.0).numpy() for W in chain]


@torch.no_grad()
def overview(network: Stack, task: Task, data: Sequence[Data], found: Modularity) -> pd.DataFrame:
    """Return one row per network of a trained stack: how right and how modular it is.

    `status` ('ok' or 'diverged'); `accuracy` on test examples and `validation_accuracy`, both
    averaged over sub-tasks; of what `stack_modularity` found `q`, `q_null_mean`, `q_null_std`,
    `excess`, `share` and `communities`, the number of those with two neurons or more; `ari`, as in
    `agreement`. A diverged network's measures are NaN.
    """
    sound = finite(weights(network))
    measures = {}
    for column, part in (("accuracy", "test"), ("validation_accuracy", "validation")):
        x, targets = repeated(stacked(getattr(d, part) for d in data), len(sound) // len(data))
        measures[column] = task.accuracy(network(x), targets, task.heads).mean(-1)
    measures |= {
        "q": found.q,
        "q_null_mean": found.null_mean,
        "q_null_std": found.null_std,
        "excess": found.excess,
        "share": found.share,
        "communities": [np.sum(np.bincount(labels) > 1) for labels in found.communities],
        "ari": agreement(found.communities, task.input_modules, task.output_modules),
    }
    rows = pd.DataFrame(measures).where(pd.Series(sound.numpy()), axis=0)
    rows.insert(0, "status", np.where(sound, "ok", "diverged"))
    return rows


def drops_on_tests(
    network: Stack, task: Task, data: Sequence[Data], communities: Int[np.ndarray, "n_stack n"]
) -> Float[Tensor, "n_stack n_communities n_tasks"]:
    """Return the `lesion_drops` of a trained stack's communities on its test examples."""
    test = repeated(stacked(d.test for d in data), len(network.seeds) // len(data))
    return lesion_drops(network, communities, test.x, task.scored(test))


@torch.no_grad()
def measure(
    network: Stack, task: Task, data: Sequence[Data], nulls: int = 20, restarts: int = 5
) -> pd.DataFrame:
    """Return one row per network of a trained stack: its `overview`, and what that is held against.

    `strengths_excess`, the excess over nulls that keep every neuron's strength; the share of inputs
    and outputs that are `connected`, and the agreement of those alone, `connected_ari`;
    `live_excess`, that of the network without its dead inputs; the `conductance` of its
    communities; `specialisation`, by lesions on test examples; `pruned_excess` and
    `pruned_accuracy`, those of the same network with the `DENSITY` largest weights of each layer.
    A diverged network's measures are NaN.
    """
    chain, seeds = _finite_arrays(network), np.array(network.seeds)
    sparse_chain = [
        np.stack(layer)
        for layer in zip(
            *(pruned([W[n] for W in chain], DENSITY) for n in range(len(seeds))), strict=True
        )
    ]
    found = stack_modularity(network, nulls, restarts)
    rows = overview(network, task, data, found)
    test = repeated(stacked(d.test for d in data), len(seeds) // len(data))
    measures = pd.DataFrame(
        {
            "strengths_excess": modularity(chain, nulls, restarts, seeds, same_strengths).excess,
            "connected": connected(chain).mean(-1),
            "connected_ari": connected_agreement(
                chain, found.communities, task.input_modules, task.output_modules
            ),
            "live_excess": found.excess
            if task.live.all()
            else modularity([chain[0][:, task.live], *chain[1:]], nulls, restarts, seeds).excess,
            "conductance": [
                conductance(neuron_graph([W[n] for W in chain]), labels)
                for n, labels in enumerate(found.communities)
            ],
            "specialisation": specialisation(
                drops_on_tests(network, task, data, found.communities)
            ),
            "pruned_excess": modularity(sparse_chain, nulls, restarts, seeds).excess,
            "pruned_accuracy": task.accuracy(
                with_weights(network, sparse_chain)(test.x), test.targets, task.heads
            ).mean(-1),
        }
    ).where(rows.status == "ok", axis=0)
    return pd.concat([rows, measures], axis=1)
