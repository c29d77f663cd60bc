"""Circuits: the weights that one sub-task needs, and what can be read from a community.

Everything here leaves the networks as they were. A sub-task's *home* is the community that most
of its outputs are in.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from modlib.chain import Chain, weights
from modlib.data import Examples, Task
from modlib.lesions import specialisation
from modlib.networks import Stack, accuracy, with_weights
from modlib.retraining import of_sub_task

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


def best_guess(targets: Int[Tensor, "n_stack batch n_tasks"]) -> Float[Tensor, "n_stack n_tasks"]:
    """Return the accuracy of the best constant guess, the commonest class, in each sub-task."""
    return F.one_hot(targets).double().mean(1).amax(-1)


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
    one: int,
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
        own = of_sub_task(outputs, examples.targets, task.heads, one)
        curve.append(task.accuracy(*own)[:, 0])
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


def hidden_activity(
    network: Stack, x: Float[Tensor, "n_stack batch n_in"]
) -> list[Float[Tensor, "n_stack batch _"]]:
    """Return the activity of the hidden neurons, layer by layer."""
    found = []
    for layer in network.layers[:-1]:
        x = network.activation(layer(x))
        found.append(x)
    return found


@torch.no_grad()
def probe(
    network: Stack,
    communities: Int[np.ndarray, "n_stack n_neurons"],
    fitted: Examples,
    judged: Examples,
    heads: Sequence[int],
) -> Float[Tensor, "n_hidden n_stack n_communities n_tasks"]:
    """Return how well each sub-task's class can be read from each community, layer by layer.

    A ridge classifier (one output per class, classes coded as 0 and 1, activities standardised,
    penalty 1) is fitted to the activity of the community's neurons in one hidden layer on some
    examples. What is returned is its accuracy on others, less that of the best constant guess
    there; 0 where the community has no neuron in the layer. Both sets of examples hold one set
    per network, along a leading dimension.

    Raises:
        ValueError: if a sub-task has no classes.
    """
    if fitted.targets.is_floating_point():
        raise ValueError("a probe needs classes, got a sub-task of numbers to be predicted")
    classes = [max(n, 2) for n in heads]
    coded = torch.cat(
        [F.one_hot(c, n) for c, n in zip(fitted.targets.unbind(-1), classes, strict=True)], dim=-1
    ).double()
    guess = best_guess(judged.targets)
    hidden = torch.as_tensor(communities)[:, network.widths[0] : -network.widths[-1]]
    layers = zip(
        hidden_activity(network, fitted.x),
        hidden_activity(network, judged.x),
        hidden.split(network.widths[1:-1], dim=-1),
        strict=True,
    )
    found = []
    for seen, unseen, labels in layers:
        gains = torch.zeros(len(labels), communities.max() + 1, len(heads))
        for n, row in enumerate(labels):
            for c in row.unique():
                classifier = make_pipeline(StandardScaler(), Ridge())
                classifier.fit(seen[n][:, row == c].double(), coded[n])
                scores = torch.from_numpy(classifier.predict(unseen[n][:, row == c].double()))
                gains[n, c] = accuracy(scores[None], judged.targets[[n]], classes)[0] - guess[n]
        found.append(gains)
    return torch.stack(found)
