"""What the measures say of networks that are made by hand: the page `measures`."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.metrics import adjusted_rand_score
from torch.nn.functional import one_hot

from modlib.batch import tables
from modlib.modularity.measure import modularity
from modlib.modularity.nulls import permuted, same_strengths
from modlib.network import weights
from modlib.study.whole_graph import rescaled

N, DEPTH = 32, 2
"""Neurons a layer, and weight matrices, of the networks that are made by hand."""

STRAY = 0.1
"""The share of the weights between two parts that have any."""

PERMUTED = ["none", "l2", "l1", "connection_cost", "learned_places", "bimt", "walk_loops"]
"""Penalties whose networks' weights are put in random order, the densest first."""

Made = Callable[[np.random.Generator], list[Float[np.ndarray, "_ _"]]]
"""Draws a network."""


def parts(first: int, between: float = 0.0) -> Made:
    """Return what draws two parts, the first of so many neurons a layer.

    A weight between them is there with the probability `between`, and as large as the others.
    """
    part = np.arange(N) >= first
    same = part[:, None] == part

    def drawn(rng: np.random.Generator) -> list[Float[np.ndarray, "_ _"]]:
        there = (same | (rng.random((N, N)) < between) for _ in range(DEPTH))
        return [np.abs(rng.standard_normal((N, N))) * each for each in there]

    return drawn


def hubs(spread: float) -> Made:
    """Return what draws random weights times log-normal factors of the neurons on either side."""

    def drawn(rng: np.random.Generator) -> list[Float[np.ndarray, "_ _"]]:
        factors = np.exp(spread * rng.standard_normal((DEPTH, 2, N)))
        return [np.abs(rng.standard_normal((N, N))) * r[:, None] * c for r, c in factors]

    return drawn


def random(spread: float, density: float) -> Made:
    """Return what draws random weights, log-normal if they have a spread, and leaves out others."""

    def drawn(rng: np.random.Generator) -> list[Float[np.ndarray, "_ _"]]:
        sizes = rng.standard_normal((DEPTH, N, N))
        sizes = np.exp(spread * sizes) if spread else np.abs(sizes)
        return [*(sizes * (rng.random(sizes.shape) < density))]

    return drawn


EXAMPLES: dict[str, tuple[Made, int]] = {
    "random weights": (hubs(0.0), N // 2),
    "random, one in sixteen there": (random(0.0, 1 / 16), N // 2),
    "random, of very different size": (random(3.0, 1.0), N // 2),
    "random, and some neurons stronger": (hubs(1.0), N // 2),
    "two equal parts": (parts(N // 2), N // 2),
    "two equal parts, stray weights": (parts(N // 2, STRAY), N // 2),
    "two parts, three to one": (parts(3 * N // 4), 3 * N // 4),
    "two parts, seven to one": (parts(7 * N // 8), 7 * N // 8),
}
"""What draws networks of a kind, and of how many neurons a layer its first part is."""


def in_random_order(task: str, orders: int, nulls: int, restarts: int) -> pd.DataFrame:
    """Return the share of published networks, and that of their weights in random order.

    The weights of each matrix are permuted as they are, before any neuron is rescaled; `lowest` and
    `highest` are over the orders. One row for each of `PERMUTED`.
    """
    rows = {}
    for penalty in PERMUTED:
        chain = [W[:1].double() for W in weights(tables.published_network(task, penalty).network)]
        generators = (torch.Generator().manual_seed(order) for order in range(orders))
        each = [permuted([W[0].abs() for W in chain], one) for one in generators]
        shuffled = [torch.stack(matrices) for matrices in zip(*each, strict=True)]
        shares = modularity(shuffled, nulls, restarts).share
        rows[penalty] = {
            "share": float(modularity(chain, nulls, restarts).share[0]),
            "in random order": shares.mean(),
            "lowest": shares.min(),
            "highest": shares.max(),
        }
    return pd.DataFrame(rows).T.rename_axis("penalty")


def examples(seeds: Sequence[int], nulls: int, restarts: int) -> pd.DataFrame:
    """Return the mean of each measure of networks of each kind in `EXAMPLES`.

    `within` is the share of the weight that stays within the communities found; `agreement` is
    with the parts, or with halves where there are none.
    """
    rows = {}
    for name, (made, first) in EXAMPLES.items():
        chain = [
            np.stack(layer)
            for layer in zip(*(made(np.random.default_rng(s)) for s in seeds), strict=True)
        ]
        found = modularity(chain, nulls, restarts, list(seeds))
        kept = modularity(chain, nulls, restarts, list(seeds), same_strengths)
        members = one_hot(torch.as_tensor(found.communities)).double().split(N, dim=1)
        within = [
            torch.einsum("bik,bij,bjk->b", members[n], W, members[n + 1]).mean()
            for n, W in enumerate(rescaled(chain))
        ]
        part = np.tile(np.arange(N) >= first, DEPTH + 1)
        rows[name] = {
            "Q": np.mean(found.q),
            "excess": np.mean(found.excess),
            "share": np.mean(found.share),
            "excess, strengths kept": np.mean(kept.excess),
            "weight within": float(torch.stack(within).mean()),
            "agreement": np.mean([adjusted_rand_score(part, c) for c in found.communities]),
        }
    return pd.DataFrame(rows).T.rename_axis("network")
