"""Circuits: the weights that one sub-task needs, and what its community is for.

Everything here leaves the networks as they were. A sub-task's *home* is the community that most
of its outputs are in.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.study.modules import module_of_head, of_kind
from modlib.study.probes import best_guess, probe
from modlib.tasks.task import Examples, Task
from modlib.training.lesions import lesion_drops, specialisation
from modlib.training.measures import stacked
from modlib.training.stacks import Stack, with_weights

SHARES = tuple(2.0 ** (-n / 3) for n in range(24, -1, -1))
"""The shares of the weights that circuits are tried with, in steps of a third of an octave."""

KEPT = 0.95
"""The share of its accuracy above the best constant guess that a sub-task's circuit keeps."""


def off_diagonal_share(
    drops: Float[Tensor, "*stack n_communities n_tasks"],
) -> Float[Tensor, "*stack"]:
    """Return the share of what lesions cost that falls on other sub-tasks than the one hurt most.

    With d_ct the drop of sub-task t under the lesion of community c (gains count as 0), it is
    1 - sum_c max_t d_ct / sum_ct d_ct: 0 if each lesion hurts one sub-task alone, 1 - 1 / m if
    all of m alike. That is (1 - 1 / m) (1 - `specialisation`), and NaN where that is.
    """
    return (1 - 1 / drops.shape[-1]) * (1 - specialisation(drops))


def home_communities(
    communities: Int[np.ndarray, "n_stack n_neurons"], heads: Sequence[int]
) -> Int[np.ndarray, "n_stack n_tasks"]:
    """Return the community that most of each sub-task's outputs are in, the first of equals."""
    outputs = np.split(communities[:, -sum(heads) :], np.cumsum(heads)[:-1], axis=1)
    return np.array([[np.bincount(row).argmax() for row in part] for part in outputs]).T


def at_home(
    gains: Float[Tensor, "n_stack n_communities n_tasks"],
    home: Int[np.ndarray, "n_stack n_tasks"],
) -> Float[Tensor, "n_stack n_tasks n_tasks"]:
    """Return the rows of the sub-tasks' homes: entry (s, t) is what the home of s has for t."""
    return gains[torch.arange(len(gains))[:, None], torch.as_tensor(home)]


def named(matrix: Float[Tensor, "n_stack n_tasks n_tasks"]) -> Float[Tensor, " n_stack"]:
    """Return the share of sub-tasks that a matrix of `at_home` names.

    A sub-task is named where its home has strictly more for it than for any other, and more
    than nothing.
    """
    diagonal = torch.eye(matrix.shape[-1], dtype=torch.bool)
    others = matrix.masked_fill(diagonal, 0.0).amax(-1)
    return (matrix.diagonal(dim1=-2, dim2=-1) > others.clamp_min(0.0)).double().mean(-1)


def ranks(
    chain: Chain, first: Sequence[Bool[Tensor, "n_stack _ _"]]
) -> list[Int[Tensor, "n_stack _ _"]]:
    """Return the place of each weight in its network, from 0, the largest absolute ones first.

    The weights that `first` marks come before all others, but for those that are zero.
    """
    size = torch.cat([W.double().abs().flatten(1) for W in chain], dim=1)
    ahead = torch.cat([mask.flatten(1) for mask in first], dim=1) & (size > 0)
    order = (size + ahead * size.amax()).argsort(dim=1, descending=True, stable=True)
    places = order.argsort(dim=1).split([W[0].numel() for W in chain], dim=1)
    return [place.view_as(W) for place, W in zip(places, chain, strict=True)]


@torch.no_grad()
def circuit_accuracy(
    network: Stack,
    first: Sequence[Bool[Tensor, "n_stack _ _"]],
    examples: Examples,
    task: Task,
    sub_task: int,
    shares: Sequence[float] = SHARES,
) -> Float[Tensor, "n_shares n_stack"]:
    """Return each network's accuracy on one sub-task with only a share of its weights left.

    They are left in the order of `ranks`; the others are zero, and biases stay. `examples` hold
    one set per network, along a leading dimension.

    Raises:
        ValueError: for a share that is not above 0 and at most 1.
    """
    if not all(0 < share <= 1 for share in shares):
        raise ValueError(f"circuits need shares above 0 and at most 1, got {list(shares)}")
    chain = weights(network)
    places = ranks(chain, first)
    n_weights = sum(W[0].numel() for W in chain)
    curve = []
    for share in shares:
        left = round(share * n_weights)
        circuit = [(W * (p < left)).numpy() for W, p in zip(chain, places, strict=True)]
        outputs = with_weights(network, circuit)(examples.x)
        curve.append(task.scored(examples)(outputs)[:, sub_task])
    return torch.stack(curve)


def share_needed(
    curve: Float[Tensor, "n_shares n_stack"],
    guess: Float[Tensor, " n_stack"],
    shares: Sequence[float] = SHARES,
    kept: float = KEPT,
) -> Float[np.ndarray, " n_stack"]:
    """Return the smallest share of the weights that keeps a sub-task.

    That is, its accuracy above the best constant guess is at least `kept` times that with all
    weights left, the last of the curve. NaN for a network that guesses as well or better.
    """
    above = curve.double() - guess
    enough = (above >= kept * above[-1]).double().argmax(0)
    return np.where(above[-1] > 0, np.asarray(shares)[enough], np.nan)


def orders(
    network: Stack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    heads: Sequence[int],
    sub_task: int,
) -> dict[str, list[Bool[Tensor, "n_stack _ _"]]]:
    """Return which weights come first, for each way of finding the circuit of a sub-task.

    `whole`: none, so that the largest of the network are kept, wherever they are; `outputs`:
    those that do not lead to the outputs of other sub-tasks; `community`: those between neurons
    of the communities that the sub-task's outputs are in.
    """
    own, towards = (
        of_kind(module_of_head(network, labels, heads, sub_task), "weight")
        for labels in (communities, np.zeros_like(communities))
    )
    return {
        "whole": [torch.zeros_like(mask) for mask in own],
        "outputs": towards,
        "community": [mask & (W != 0) for mask, W in zip(own, weights(network), strict=True)],
    }


def dealt(
    communities: Int[np.ndarray, "n_stack n_neurons"],
    widths: Sequence[int],
    seeds: Sequence[int],
) -> Int[np.ndarray, "n_stack n_neurons"]:
    """Return the communities with those of each hidden layer's neurons in random order."""
    inputs, *hidden, outputs = np.split(communities, np.cumsum(widths)[:-1], axis=1)
    null = [
        [
            np.random.default_rng((s, 6)).permutation(row)
            for s, row in zip(seeds, layer, strict=True)
        ]
        for layer in hidden
    ]
    return np.concatenate([inputs, *null, outputs], axis=1)


def circuit_table(
    network: Stack,
    task: Task,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    tested: int = 1_000,
) -> pd.DataFrame:
    """Return one row per network and sub-task; what is one number per network is repeated.

    `seed`, `sub_task`, the number of `weights`, the best `guess` and the `accuracy`. For each way
    of `orders`, `needed_<way>`, as in `share_needed`, on `tested` test examples at most; `inside`
    is the share of the weights that come first by communities. `lesion` is what the sub-task
    loses when its home is silenced, `read_1` and `read_2` what a probe reads of it in its home's
    neurons of either hidden layer, and `dealt_1` and `dealt_2` the same with `dealt`
    communities; with `_others`, what other sub-tasks lose, or what is read of them, on average.
    `<kind>_off_diagonal` and `<kind>_named` are of the network.
    """
    heads, data = task.heads, [task.draw(seed) for seed in network.seeds]
    validation, test = (stacked(getattr(d, part) for d in data) for part in ("validation", "test"))
    some = Examples(*(part[:, :tested] for part in test))
    gains = {"lesion": lesion_drops(network, communities, test.x, task.scored(test))}
    null = dealt(communities, network.widths, network.seeds)
    for kind, labels in (("read", communities), ("dealt", null)):
        layers = probe(network, labels, validation, test, heads)
        gains |= {f"{kind}_{depth}": layer for depth, layer in enumerate(layers, 1)}
    home = home_communities(communities, heads)
    of_home = {kind: at_home(matrix, home) for kind, matrix in gains.items()}
    of_network = {"seed": network.seeds, "weights": sum(W[0].numel() for W in weights(network))}
    for kind, matrix in gains.items():
        of_network[f"{kind}_off_diagonal"] = off_diagonal_share(matrix)
        of_network[f"{kind}_named"] = named(of_home[kind])

    guess = best_guess(some.targets)
    parts = []
    for t in range(len(heads)):
        columns = of_network | {"sub_task": t, "guess": guess[:, t]}
        for way, first in orders(network, communities, heads, t).items():
            curve = circuit_accuracy(network, first, some, task, t)
            columns["accuracy"] = curve[-1]
            columns[f"needed_{way}"] = share_needed(curve, guess[:, t])
        columns["inside"] = sum(mask.sum((1, 2)) for mask in first) / of_network["weights"]
        others = [other for other in range(len(heads)) if other != t]
        for kind, matrix in of_home.items():
            columns[kind] = matrix[:, t, t]
            columns[f"{kind}_others"] = matrix[:, t, others].mean(-1)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
