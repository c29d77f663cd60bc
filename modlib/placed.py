r"""Penalties on networks whose neurons lie in space: wiring costs its length.

Layers are one unit apart in depth; inputs lie where the task says, hidden neurons are
spread evenly over the rectangle that the inputs span, outputs over the line through its
middle. `BIMT` places each layer on the unit interval instead.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain
from modlib.data import Task
from modlib.networks import Stack

LARGEST_COMMUNICABILITY = 100
"""Neurons up to which `communicability` takes a network: its matrix exponential is dense."""


def spread(
    n: int, inputs: Float[np.ndarray, "n_in 2"], in_one_row: bool = False
) -> Float[Tensor, "n 2"]:
    """Return n places spread evenly over the rectangle that the inputs span."""
    low, high = inputs.min(0) - 0.5, inputs.max(0) + 0.5
    width, height = high - low
    rows = 1 if in_one_row else min(n, max(1, round((n * height / width) ** 0.5)))
    columns = -(-n // rows)
    column, row = np.divmod(np.arange(n), rows)
    share = np.stack([(column + 0.5) / columns, (row + 0.5) / rows], axis=1)
    return torch.tensor(low + share * (high - low), dtype=torch.float32)


def layer_places(task: Task, network: Stack) -> list[Float[Tensor, "_ 2"]]:
    """Return where each layer's neurons lie in the plane."""
    _, *hidden, n_out = network.widths
    inputs = torch.tensor(task.places, dtype=torch.float32)
    return [
        inputs,
        *(spread(n, task.places) for n in hidden),
        spread(n_out, task.places, in_one_row=True),
    ]


def squared_lengths(
    places: Sequence[Float[Tensor, "... _ 2"]],
) -> list[Float[Tensor, "... _ _"]]:
    """Return the squared length of each connection between layers one unit apart."""
    return [
        1 + (here[..., :, None, :] - there[..., None, :, :]).square().sum(-1)
        for here, there in pairwise(places)
    ]


def mean(lengths: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, ""]:
    """Return the mean over all connections."""
    return torch.cat([d.flatten() for d in lengths]).mean()


class ConnectionCost(nn.Module):
    r"""sum |w_ij| d_ij^2 / <d^2>: squared lengths d^2 of connections, by their weight.

    <d^2> is the mean over all connections, so that a strength compares with L1's. Clune
    et al. count connections that are there or not; the weight makes it differentiable.

    Source: Clune, Mouret & Lipson (2013), doi 10.1098/rspb.2012.2863.
    """

    def __init__(self, task: Task, network: Stack) -> None:
        super().__init__()
        lengths = squared_lengths(layer_places(task, network))
        for depth, d in enumerate(lengths):
            self.register_buffer(f"lengths{depth}", d / mean(lengths))

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        lengths = list(self.buffers())
        return sum((W.abs() * d).sum((-2, -1)) for W, d in zip(chain, lengths, strict=True))


class LearnedConnectionCost(nn.Module):
    """`ConnectionCost` whose hidden neurons move: their places are learned.

    A place is held in units of the inputs' span, in which the learning rate of weights
    suits it; the mean squared length is that of the places at the start.
    """

    def __init__(self, task: Task, network: Stack) -> None:
        super().__init__()
        first, *hidden, last = layer_places(task, network)
        self.scale = mean(squared_lengths([first, *hidden, last])).item()
        self.span = float(np.ptp(task.places, axis=0).max() + 1)
        self.register_buffer("inputs", first)
        self.register_buffer("outputs", last)
        n_stack = len(network.seeds)
        self.hidden = nn.ParameterList(p.expand(n_stack, -1, -1) / self.span for p in hidden)

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        places = [self.inputs, *(p * self.span for p in self.hidden), self.outputs]
        lengths = squared_lengths(places)
        cost = sum((W.abs() * d).sum((-2, -1)) for W, d in zip(chain, lengths, strict=True))
        return cost / self.scale


class BIMT(nn.Module):
    r"""sum |w_ij| (|x_i - x_j| + 0.1), the places x of neurons swapped where that costs less.

    Each layer lies evenly on [0, 1]. Every `every` steps, in each layer, the `swapped`
    neurons of largest total weight change places with whichever neuron of the layer
    makes the cost least.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041.
    """

    def __init__(self, network: Stack, every: int = 200, swapped: int = 5) -> None:
        super().__init__()
        self.every, self.swapped, self.steps = every, swapped, 0
        n_stack = len(network.seeds)
        for depth, n in enumerate(network.widths):
            places = (torch.arange(n) + 0.5) / n
            self.register_buffer(f"places{depth}", places.repeat(n_stack, 1))

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        places = list(self.buffers())
        if torch.is_grad_enabled():
            self.steps += 1
            if self.steps % self.every == 0:
                for depth in range(len(places)):
                    self.swap(depth, chain)
        return sum(
            (W.abs() * ((here[..., :, None] - there[..., None, :]).abs() + 0.1)).sum((-2, -1))
            for W, (here, there) in zip(chain, pairwise(places), strict=True)
        )

    @torch.no_grad()
    def swap(self, depth: int, chain: Chain) -> None:
        """Move the most important neurons of a layer to where they cost least."""
        places = [p.to(chain[0]) for p in self.buffers()]
        mine = places[depth]
        # what each neuron would pay at each neuron's place: (stack, neuron, place)
        cost = mine.new_zeros(*mine.shape, mine.shape[-1])
        importance = torch.zeros_like(mine)
        sides = []
        if depth > 0:
            sides.append((chain[depth - 1].abs().mT, places[depth - 1]))
        if depth < len(chain):
            sides.append((chain[depth].abs(), places[depth + 1]))
        for weight, neighbours in sides:
            cost += weight @ (neighbours[..., :, None] - mine[..., None, :]).abs()
            importance += weight.sum(-1)
        network = torch.arange(len(mine))
        at = torch.arange(mine.shape[-1]).repeat(len(mine), 1)  # which place a neuron holds
        for j in importance.topk(min(self.swapped, mine.shape[-1])).indices.unbind(-1):
            holds = at[network, j]
            here = cost.gather(-1, at[..., None])[..., 0]  # what each neuron pays now
            there = cost[network, :, holds]  # what each would pay at j's place
            j_there = cost[network, j].gather(-1, at)  # what j would pay at each one's
            k = (there - here + j_there - here[network, j][:, None]).argmin(-1)
            at[network, j], at[network, k] = at[network, k], holds
        self.get_buffer(f"places{depth}").copy_(mine.gather(-1, at))


def require_small(network: Stack) -> None:
    """Raise ValueError unless a network is small enough for matrix exponentials."""
    n_neurons = sum(network.widths)
    if n_neurons > LARGEST_COMMUNICABILITY:
        raise ValueError(
            f"communicability needs at most {LARGEST_COMMUNICABILITY} neurons, got {n_neurons}: it"
            " takes the exponential of a dense matrix at every step; choose a smaller task"
        )


class Communicability(nn.Module):
    r"""sum |w_ij| d_ij C_ij / <d>: length times communicability, by weight.

    C = exp(S^(-1/2) A S^(-1/2)) with A the neurons' adjacency matrix of absolute weights and
    S its row sums; <d> is the mean length. The source takes a recurrent matrix for A.

    Source: Achterberg et al. (2023), doi 10.1038/s42256-023-00748-9.

    Raises:
        ValueError: if a network has more than 100 neurons.
    """

    def __init__(self, task: Task, network: Stack) -> None:
        super().__init__()
        require_small(network)
        lengths = [d.sqrt() for d in squared_lengths(layer_places(task, network))]
        for depth, d in enumerate(lengths):
            self.register_buffer(f"lengths{depth}", d / mean(lengths))

    def forward(self, chain: Chain) -> Float[Tensor, "*stack"]:
        sizes = [chain[0].shape[-2], *(W.shape[-1] for W in chain)]
        starts = np.cumsum([0, *sizes])
        degrees = [chain[0].new_zeros(*chain[0].shape[:-2], n) for n in sizes]
        for depth, W in enumerate(chain):
            degrees[depth] = degrees[depth] + W.abs().sum(-1)
            degrees[depth + 1] = degrees[depth + 1] + W.abs().sum(-2)
        roots = [d.clamp_min(1e-12).rsqrt() for d in degrees]
        A = chain[0].new_zeros(*chain[0].shape[:-2], starts[-1], starts[-1])
        for depth, W in enumerate(chain):
            rows, columns = (slice(*starts[d : d + 2]) for d in (depth, depth + 1))
            balanced = W.abs() * roots[depth][..., :, None] * roots[depth + 1][..., None, :]
            A[..., rows, columns] = balanced
        C = torch.matrix_exp(A + A.mT)
        return sum(
            (W.abs() * d * C[..., starts[i] : starts[i + 1], starts[i + 1] : starts[i + 2]]).sum(
                (-2, -1)
            )
            for i, (W, d) in enumerate(zip(chain, self.buffers(), strict=True))
        )
