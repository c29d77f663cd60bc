"""Peers in their own settings: what two of them have published figures for, trained as they did.

As far as their papers and code say. Each table has one row per network and measure, and the
columns `case` and `strength`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from sklearn.cluster import SpectralClustering
from torch import Tensor, nn

from modlib.batch.tables import long
from modlib.chain import weights
from modlib.graphs import conductances, neuron_graph
from modlib.penalties.connection_costs import BIMT
from modlib.penalties.partitions import Cut
from modlib.tasks.formulas import FORMULAS
from modlib.tasks.images import mnist_images
from modlib.tasks.scores import accuracy, cross_entropy
from modlib.tasks.task import LIVE, Examples
from modlib.training import optimisers
from modlib.training.loop import descend
from modlib.training.stacks import Stack

SCHEDULES = {
    "independence": (1e-3, 1e-2, 1e-3),
    "sharing": (1e-3, 1e-2, 1e-3),
    "composition": (1e-3, 3e-3, 3e-3),
}
"""BIMT's strengths on each formula: in the first quarter of the steps, the next half, the last."""

N_TRAIN = 60_000
"""MNIST's training images; the others are its test images."""

CLUSTERS = 12
"""The spectral clusters whose n-cut Filan et al. (2021) publish."""


def formula_points(
    name: str, seed: tuple[int, int], n: int
) -> tuple[Float[Tensor, "n n_in"], Float[Tensor, "n n_out"]]:
    """Return n points, uniform between -1 and 1, and a formula's values there as they are."""
    function, of_inputs, *_ = FORMULAS[name]
    x = np.random.default_rng(seed).uniform(-1, 1, (n, len(of_inputs))).astype(np.float32)
    return torch.tensor(x), torch.tensor(np.stack(function(*x.T), axis=1))


def formula_table(name: str, seeds: Sequence[int], steps: int) -> pd.DataFrame:
    """Return the mean squared error of BIMT's networks, on their 100 points and on 1,000 others.

    All points are in the batch at every step; SiLU; AdamW without decay, learning rate 0.002;
    strengths as in `SCHEDULES`.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041.
    """
    _, of_inputs, of_outputs, hidden = FORMULAS[name]
    (x, y), (test_x, test_y) = (
        map(torch.stack, zip(*(formula_points(name, (s, part), n) for s in seeds), strict=True))
        for part, n in ((0, 100), (1, 1_000))
    )
    network = Stack((len(of_inputs), *hidden, len(of_outputs)), seeds, nn.functional.silu)
    penalty = BIMT(network.widths, seeds)
    update = optimisers.FORMULAS(network.parameters())
    low, high, last = SCHEDULES[name]
    strengths = (
        low if step < steps / 4 else high if step < 3 * steps / 4 else last for step in range(steps)
    )

    def losses(strength: float) -> Float[Tensor, " n_stack"]:
        return (network(x) - y).square().mean((1, 2)) + strength * penalty(weights(network))

    for _ in descend(update, losses, strengths):
        pass
    with torch.no_grad():
        measures = {
            "training error": (network(x) - y).square().mean((1, 2)),
            "test error": (network(test_x) - test_y).square().mean((1, 2)),
        }
    return long(seeds, measures, case=name, strength=high)


def small_mnist() -> Examples:
    """Return MNIST in 7x7 pixels, means of 2x2 of the 14x14 that this project uses elsewhere."""
    pixels, labels = mnist_images()
    return Examples(
        torch.tensor(pixels.reshape(-1, 7, 2, 7, 2).mean((2, 4)).reshape(-1, 49)),
        torch.tensor(labels)[:, None],
    )


def spectral_n_cut(chain: Sequence[Float[np.ndarray, "_ _"]]) -> float:
    """Return the n-cut of a chain's spectral clusters, the sum of their conductances.

    Source: Filan et al. (2021), arXiv:2103.03386; the clusters by scikit-learn.
    """
    adjacency = neuron_graph(chain)
    spectral = SpectralClustering(CLUSTERS, affinity="precomputed", n_init=25, random_state=0)
    found: Int[np.ndarray, " n_neurons"] = spectral.fit_predict(adjacency.toarray())
    return float(conductances(adjacency, found).sum())


def mnist_table(strength: float, seeds: Sequence[int], epochs: int) -> pd.DataFrame:
    """Return the accuracy on MNIST's test images, and the n-cut, with and without dead pixels.

    7x7 pixels, three hidden layers of 64 ReLUs, Adam at its defaults, batches of 128, the same
    ones for all networks; the eigenvalue term `Cut` times the strength.

    Source: Filan et al. (2021), arXiv:2103.03386.
    """
    pixels, labels = small_mnist()
    live = ((pixels > 0).float().mean(0) > LIVE).numpy()
    network = Stack((49, 64, 64, 64, 10), seeds, torch.relu)
    penalty = Cut()
    update = optimisers.MNIST(network.parameters())

    def for_each(part: Tensor) -> Tensor:
        return part.expand(len(seeds), -1, -1)

    orders = np.tile(np.arange(N_TRAIN), (epochs, 1))

    def losses(batch: Tensor) -> Float[Tensor, " n_stack"]:
        outputs = network(for_each(pixels[batch]))
        loss = cross_entropy(outputs, for_each(labels[batch]), (10,))
        return loss + strength * penalty(weights(network)) if strength > 0 else loss

    for order in np.random.default_rng(0).permuted(orders, axis=1):
        for _ in descend(update, losses, torch.tensor(order).split(128)):
            pass
    with torch.no_grad():
        right = accuracy(
            network(for_each(pixels[N_TRAIN:])), for_each(labels[N_TRAIN:]), (10,)
        ).mean(-1)
        chains = [[W[n].numpy() for W in weights(network)] for n in range(len(seeds))]
    of_live = [[first[live], *others] for first, *others in chains]
    measures = {
        "accuracy": right,
        "n-cut": torch.tensor([spectral_n_cut(chain) for chain in chains]),
        "n-cut of live pixels": torch.tensor([spectral_n_cut(chain) for chain in of_live]),
    }
    return long(seeds, measures, case="mnist", strength=strength)
