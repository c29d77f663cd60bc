r"""Search for the communities of layered networks that make their modularity largest.

The search begins with random communities that are *annealed*: each neuron's community is drawn in
proportion to exp(surplus / temperature), for a whole layer at once, as in Gibbs sampling, while the
temperature, one for each layer, falls. (Neurons of a layer that leads to itself take turns.) Then
follows the ascent, and communities are joined while that raises Q. The best of several such
searches is warmed and cooled again, and last each community is divided in two where that raises Q.

Source: Kirkpatrick, Gelatt & Vecchi (1983), doi 10.1126/science.220.4598.671.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from modlib.modularity.communities import Labels, Layers, Side, divided, settled, strengths, swept

COMMUNITIES, IN_USE = 16, 0.6
"""So many communities there may be; where a larger share is in use, there may be twice as many."""

HOT, WARM, COLD = 0.5, 0.15, 0.05
"""Temperatures, as shares of the length of the mean neuron's surplus in its layer."""

SWEEPS, REHEATS, SWEEPS_REHEATED = 20, 12, 6
"""Sweeps while cooling from `HOT`; how often the best is warmed, and the sweeps after that."""

DIVISIONS = 4
"""How often all communities are divided, to see whether Q rises."""

ASCENTS, LAST_ASCENTS = 3, 20
"""An ascent, and the last one, ends after so many sweeps, if it has not come to rest."""


def search(
    layers: Layers, restarts: int, seeds: Sequence[int]
) -> tuple[Float[Tensor, " batch"], list[Int[Tensor, "batch _"]]]:
    """Return the largest Q that is found in each network of a batch, and its communities.

    Draws in a network follow from its own seed, not from the others of the batch.
    """
    connected = [layer > 0 for layer in strengths(layers)]
    neurons = sum(layer.shape[-1] for layer in connected)
    k = min(COMMUNITIES, neurons)
    q, labels = _annealed(layers, restarts, seeds, k)
    while k < neurons:
        numbers = 1 + max(int(layer.max()) for layer in labels)
        used = torch.stack(
            [
                (one_hot(layer, numbers) * there[..., None]).sum(1)
                for layer, there in zip(labels, connected, strict=True)
            ]
        ).sum(0)
        crowded = ((used > 0).sum(-1) > IN_USE * k).nonzero().squeeze(-1)
        if not len(crowded):
            break
        k = min(2 * k, neurons)
        some = [[Side(side.other, *(x[crowded] for x in side[1:])) for side in s] for s in layers]
        again, found = _annealed(some, restarts, [seeds[n] for n in crowded.tolist()], k)
        better = again > q[crowded]
        q[crowded[better]] = again[better]
        for layer, new in zip(labels, found, strict=True):
            layer[crowded[better]] = new[better]
    return q, labels


def _annealed(
    layers: Layers, restarts: int, seeds: Sequence[int], k: int
) -> tuple[Float[Tensor, " batch"], list[Int[Tensor, "batch _"]]]:
    """Return the largest Q that searches with at most k communities find, and the communities."""
    sizes = [sides[0].here.shape[-1] for sides in layers]
    gumbel = _gumbel(seeds, k, layers[0][0].here)
    scales = [_scale(sides) for sides in layers]

    def cooled(labels: Labels, hottest: float, sweeps: int) -> Labels:
        for temperature in np.geomspace(hottest, COLD, sweeps):
            noise = [
                (gumbel(n, layer.shape[-1]), temperature * scale)
                for n, layer, scale in zip(sizes, labels, scales, strict=True)
            ]
            labels = swept(layers, labels, k, noise)
        return labels

    random = [gumbel(n, restarts).argmax(-1).expand(len(seeds), -1, -1) for n in sizes]
    q, labels = settled(layers, cooled(random, HOT, SWEEPS), k, ASCENTS)
    q, labels = _picked(q, labels)
    for _ in range(REHEATS):
        new_q, new = settled(layers, cooled(labels, WARM, SWEEPS_REHEATED), k, ASCENTS)
        q, labels = _better(q, labels, new_q, new)
    for _ in range(DIVISIONS):
        halves = [gumbel(n, 1)[..., :2].argmax(-1) for n in sizes]
        new, k = divided(layers, labels, halves, k)
        new_q, new = settled(layers, new, k, ASCENTS)
        q, labels = _better(q, labels, new_q, new)
    q, labels = settled(layers, labels, k, LAST_ASCENTS)
    return q.squeeze(-1), [layer.squeeze(-1) for layer in labels]


def _gumbel(seeds: Sequence[int], k: int, like: Tensor) -> Callable[[int, int], Tensor]:
    """Return what draws Gumbel noise, for each network of a batch from its own seed."""
    distinct, which = np.unique(np.asarray(seeds), return_inverse=True)
    generators = [
        torch.Generator(like.device).manual_seed(mixed(int(seed), k)) for seed in distinct
    ]

    def draw(n: int, restarts: int) -> Float[Tensor, "batch n restarts k"]:
        empty = like.new_empty((len(generators), n, restarts, k))
        for one, generator in zip(empty, generators, strict=True):
            one.exponential_(generator=generator)
        noise = empty.log_().neg_()
        return noise if len(noise) == 1 else noise[which]

    return draw


def mixed(*numbers: int) -> int:
    """Return a seed for a generator of torch's, another one for other numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _scale(sides: Sequence[Side]) -> Float[Tensor, "batch 1 1 1"]:
    """Return the mean length of a layer's surpluses, neurons without weight left out."""
    lengths = torch.stack([side.squared_length() for side in sides]).sum(0).sqrt()
    mean = lengths.sum(-1) / (lengths > 0).sum(-1).clamp_min(1)
    return mean[:, None, None, None]


def _picked(
    q: Float[Tensor, "batch restarts"], labels: Labels
) -> tuple[Float[Tensor, "batch 1"], list[Int[Tensor, "batch _ 1"]]]:
    """Return the largest Q among the restarts, and its communities."""
    at = q.argmax(-1, keepdim=True)
    return q.gather(-1, at), [
        layer.gather(-1, at[:, None].expand(-1, layer.shape[1], -1)) for layer in labels
    ]


def _better(
    q: Float[Tensor, "batch 1"], labels: Labels, new_q: Float[Tensor, "batch 1"], new: Labels
) -> tuple[Float[Tensor, "batch 1"], Labels]:
    """Return, for each network, the larger Q and its communities."""
    better = (new_q > q)[:, None]
    kept = [torch.where(better, b, a) for a, b in zip(labels, new, strict=True)]
    return torch.maximum(q, new_q), kept
