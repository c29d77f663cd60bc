"""Linear probes: what can be read of a sub-task in the activity of a community."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from modlib.tasks.scores import accuracy
from modlib.tasks.task import Examples
from modlib.training.stacks import Stack


def best_guess(targets: Int[Tensor, "n_stack batch n_tasks"]) -> Float[Tensor, "n_stack n_tasks"]:
    """Return the accuracy of the best constant guess, the commonest class, in each sub-task."""
    return F.one_hot(targets).double().mean(1).amax(-1)


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
