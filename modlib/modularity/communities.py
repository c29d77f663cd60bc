r"""Communities of layered networks, and the ascents that make their modularity larger.

A neuron's *surplus* towards a community is the weight that joins it to the community's neurons,
less what the sums of its matrices let expect. Neurons of one layer do not touch each other: given
the communities of the layers beside it, each one's best community is the one towards which it has
the largest surplus. Setting layer after layer is an exact ascent, by matrix products alone; so are
joining two communities and dividing one.

Source: Barber (2007), doi 10.1103/PhysRevE.76.066102.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from modlib.modularity.gauge import Ends

HALVINGS = 3
"""How many sweeps divided communities ascend for."""

LEAST_GAIN, DECIMALS = 1e-12, 13
"""What raises Q by less counts as rounding; and the decimals to which Q is known."""


class Side(NamedTuple):
    """A weight matrix as one of its layers sees it: W / m, and its sums r / m and c / m."""

    other: int
    weights: Float[Tensor, "batch n_layer n_other"]
    here: Float[Tensor, "batch n_layer"]
    there: Float[Tensor, "batch n_other"]

    def surplus(
        self, chosen: Float[Tensor, "batch n_other k"], neurons: slice = slice(None)
    ) -> Float[Tensor, "batch _ k"]:
        """Return W / m - r c / m^2 of some neurons, summed over each of the chosen groups."""
        weights, here = self.weights[:, neurons], self.here[:, neurons, None]
        return (weights @ chosen).baddbmm_(here, self.there[:, None] @ chosen, alpha=-1)

    def squared_length(self) -> Float[Tensor, "batch n_layer"]:
        """Return the square of the length of each neuron's surplus."""
        expected = self.here * (self.weights @ self.there[..., None]).squeeze(-1)
        squares = torch.linalg.vector_norm(self.weights, dim=-1).square()
        expected_squares = self.here.square() * self.there.square().sum(-1, keepdim=True)
        return (squares - 2 * expected + expected_squares).clamp_min(0)


Layers = Sequence[Sequence[Side]]
"""For each layer, the matrices that lead to it or from it."""

Labels = Sequence[Int[Tensor, "batch _ restarts"]]
"""For each layer, the communities of its neurons."""


def layers_of(weights: Sequence[Float[Tensor, "batch _ _"]], ends: Ends) -> list[list[Side]]:
    """Return the layers of a batch of networks, given absolute weights.

    A matrix without any weight has no surplus.
    """
    layers: list[list[Side]] = [[] for _ in range(1 + max(max(pair) for pair in ends))]
    for W, (source, target) in zip(weights, ends, strict=True):
        total = W.sum((-2, -1), keepdim=True)
        share = torch.where(total > 0, W / total, 0.0)
        rows, columns = share.sum(-1), share.sum(-2)
        layers[source].append(Side(target, share, rows, columns))
        layers[target].append(Side(source, share.mT, columns, rows))
    return layers


def strengths(layers: Layers) -> list[Float[Tensor, "batch _"]]:
    """Return each neuron's share of the weight of its matrices, added up."""
    return [torch.stack([side.here for side in sides]).sum(0) for sides in layers]


def between(layers: Layers, labels: Labels, k: int) -> Float[Tensor, "batch restarts k k"]:
    """Return the surplus between communities, both ways, as a mean over the matrices.

    Q is half of its trace.
    """
    chosen = [_one_hot(layer, k, layers) for layer in labels]
    found = [
        torch.einsum("bnrk,bnrl->brkl", own, _towards(sides, chosen))
        for sides, own in zip(layers, chosen, strict=True)
    ]
    return 2 * torch.stack(found).sum(0) / sum(len(sides) for sides in layers)


def _one_hot(
    labels: Int[Tensor, "batch n restarts"], k: int, layers: Layers
) -> Float[Tensor, "batch n restarts k"]:
    found = layers[0][0].here.new_zeros((*labels.shape, k))
    return found.scatter_(-1, labels[..., None], 1.0)


def _towards(
    sides: Sequence[Side],
    chosen: Sequence[Float[Tensor, "batch _ restarts k"]],
    neurons: slice = slice(None),
) -> Float[Tensor, "batch _ restarts k"]:
    """Return the surplus of weight of some of a layer's neurons towards each community."""
    first, *others = (side.surplus(chosen[side.other].flatten(2), neurons) for side in sides)
    for more in others:
        first += more
    return first.unflatten(-1, chosen[0].shape[2:])


def divided(
    layers: Layers, labels: Labels, halves: Sequence[Int[Tensor, "_ _ 1"]], k: int
) -> tuple[Labels, int]:
    """Return the communities after each was divided, and those joined again that should be.

    Neurons begin in random halves of their community, and ascend within it.
    """
    pairs = [2 * layer[..., None] + torch.arange(2, device=layer.device) for layer in labels]
    split = [2 * layer + half for layer, half in zip(labels, halves, strict=True)]
    chosen = [_one_hot(layer, 2 * k, layers) for layer in split]
    for _ in range(HALVINGS):
        for layer, sides in enumerate(layers):
            towards = _towards(sides, chosen).gather(-1, pairs[layer])
            split[layer] = 2 * labels[layer] + towards.argmax(-1)
            chosen[layer] = _one_hot(split[layer], 2 * k, layers)
    _, joined = _merged(between(layers, split, 2 * k), split)
    used = torch.stack([_one_hot(layer, 2 * k, layers).sum(1) for layer in joined]).sum(0) > 0
    number = used.cumsum(-1) - 1
    compact = [number.mT.gather(1, layer) for layer in joined]
    # one more than are in use, so that a neuron may leave for an empty one
    return compact, max(k, int(number.max()) + 2)


def swept(
    layers: Layers, labels: Labels, k: int, noise: Sequence[tuple[Tensor, Tensor]] = ()
) -> list[Int[Tensor, "batch _ restarts"]]:
    """Return the communities after each layer's neurons, in turn, have joined their best one.

    That is the one towards which surplus and noise are largest. Where a layer leads to itself, its
    neurons move one at a time.
    """
    labels, chosen = list(labels), [_one_hot(layer, k, layers) for layer in labels]
    for layer, sides in enumerate(layers):
        moved = labels[layer].clone()
        for neurons in _turns(layer, sides):
            # what a neuron tells itself is within its community, whichever that is
            chosen[layer][:, neurons] = 0
            surplus = _towards(sides, chosen, neurons)
            if noise:
                gumbel, scale = noise[layer]
                surplus.addcmul_(gumbel[:, neurons], scale)
            moved[:, neurons] = surplus.argmax(-1)
            chosen[layer][:, neurons] = _one_hot(moved[:, neurons], k, layers)
        labels[layer] = moved
    return labels


def _turns(layer: int, sides: Sequence[Side]) -> list[slice]:
    """Return which neurons of a layer move at once: all, unless they touch each other."""
    if all(side.other != layer for side in sides):
        return [slice(None)]
    return [slice(n, n + 1) for n in range(sides[0].here.shape[-1])]


def settled(
    layers: Layers, labels: Labels, k: int, sweeps: int
) -> tuple[Float[Tensor, "batch restarts"], list[Int[Tensor, "batch _ restarts"]]]:
    """Return Q and the communities after the ascent, merged while that raises Q."""
    for _ in range(sweeps):
        before, labels = labels, swept(layers, labels, k)
        if all(torch.equal(a, b) for a, b in zip(before, labels, strict=True)):
            break
    return _merged(between(layers, labels, k), labels)


def _merged(
    M: Float[Tensor, "batch restarts k k"], labels: Labels
) -> tuple[Float[Tensor, "batch restarts"], list[Int[Tensor, "batch _ restarts"]]]:
    """Return Q and the communities after joining in turn the two that raise Q most."""
    k = M.shape[-1]
    numbers = torch.arange(k, device=M.device)
    now = numbers.expand(M.shape[:-1])
    for _ in range(k - 1):
        gain, at = M.masked_fill(numbers == numbers[:, None], 0.0).flatten(-2).max(-1, keepdim=True)
        lost = torch.where(gain > LEAST_GAIN, at % k, -1)
        if (lost < 0).all():
            break
        joined = torch.where(numbers == lost, at // k, numbers)
        now = joined.gather(-1, now)
        T = one_hot(joined, k).to(M.dtype)
        M = T.mT @ M @ T
    # rounded, so that of equal partitions it is not the rounding that chooses
    q = (M.diagonal(dim1=-2, dim2=-1).sum(-1) / 2).round(decimals=DECIMALS)
    return q, [now.mT.gather(1, layer) for layer in labels]
