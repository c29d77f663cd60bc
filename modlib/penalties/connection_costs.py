r"""Penalties on networks whose neurons lie in space: wiring costs its length.

Layers are one unit apart in depth; inputs lie where the task says, or without one on a
line, one unit apart; hidden neurons are spread evenly over the rectangle that the inputs
span, outputs over the line through its middle. `BIMT` places each layer on the unit
interval instead.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from modlib.chain import Chain, between, normalised_half
from modlib.penalties.penalty import OfChain, in_stack, require_widths_of
from modlib.tasks.task import Task, on_a_line


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


def layer_places(task: Task | None, widths: Sequence[int]) -> list[Float[Tensor, "_ 2"]]:
    """Return where each layer's neurons lie in the plane."""
    require_widths_of(task, widths)
    n_in, *hidden, n_out = widths
    inputs = on_a_line(n_in) if task is None else task.places
    return [
        torch.tensor(inputs, dtype=torch.float32),
        *(spread(n, inputs) for n in hidden),
        spread(n_out, inputs, in_one_row=True),
    ]


def squared_lengths(
    places: Sequence[Float[Tensor, "... _ 2"]],
) -> list[Float[Tensor, "... _ _"]]:
    """Return the squared length of each connection between layers one unit apart."""
    # |x - y|^2 = |x|^2 + |y|^2 - 2 x y, without a matrix for each coordinate
    return [
        1
        + here.square().sum(-1)[..., :, None]
        + there.square().sum(-1)[..., None, :]
        - 2 * here @ there.mT
        for here, there in pairwise(places)
    ]


def mean(lengths: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, ""]:
    """Return the mean over all connections."""
    return torch.cat([d.flatten() for d in lengths]).mean()


def total_cost(chain: Chain, costs: Sequence[Float[Tensor, "... _ _"]]) -> Float[Tensor, "*stack"]:
    """Return the sum of absolute weights, each times the cost of its connection."""
    parts = ((W.abs() * cost).sum((-2, -1)) for W, cost in zip(chain, costs, strict=True))
    return sum(parts, chain[0].new_zeros(()))


class ConnectionCost(OfChain):
    r"""sum |w_ij| d_ij^2 / <d^2>: squared lengths d^2 of connections, by their weight.

    <d^2> is the mean over all connections, so that a strength compares with L1's. Clune
    et al. count connections that are there or not; the weight makes it differentiable.

    Source: Clune, Mouret & Lipson (2013), doi 10.1098/rspb.2012.2863.
    """

    def __init__(self, task: Task | None, widths: Sequence[int]) -> None:
        super().__init__()
        lengths = squared_lengths(layer_places(task, widths))
        for depth, d in enumerate(lengths):
            self.register_buffer(f"lengths{depth}", d / mean(lengths))

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        return total_cost(chain, list(self.buffers()))


class LearnedConnectionCost(OfChain):
    """`ConnectionCost` whose hidden neurons move: their places are learned.

    A place is held in units of the inputs' span, in which the learning rate of weights
    suits it; the mean squared length is that of the places at the start.
    """

    def __init__(self, task: Task | None, widths: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__()
        first, *hidden, last = layer_places(task, widths)
        self.scale = mean(squared_lengths([first, *hidden, last])).item()
        self.span = (first.amax(0) - first.amin(0)).max().item() + 1
        self.register_buffer("inputs", first)
        self.register_buffer("outputs", last)
        self.hidden = nn.ParameterList(p.expand(len(seeds), -1, -1) / self.span for p in hidden)

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        hidden = [in_stack(p, chain) * self.span for p in self.hidden]
        first, last = self.buffers()
        return total_cost(chain, squared_lengths([first, *hidden, last])) / self.scale


class BIMT(OfChain):
    r"""sum |w_ij| (|x_i - x_j| + 0.1), the places x of neurons swapped where that costs less.

    Each layer lies evenly on [0, 1]. Every `every` steps, in each layer, the `swapped`
    neurons of largest total weight change places with whichever neuron of the layer
    makes the cost least.

    Source: Liu, Gan & Tegmark (2024), doi 10.3390/e26010041.
    """

    def __init__(
        self, widths: Sequence[int], seeds: Sequence[int], every: int = 200, swapped: int = 5
    ) -> None:
        super().__init__()
        self.every, self.swapped, self.steps = every, swapped, 0
        for depth, n in enumerate(widths):
            places = (torch.arange(n, dtype=torch.float32) + 0.5) / n
            self.register_buffer(f"places{depth}", places.repeat(len(seeds), 1))

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        places = [in_stack(p, chain) for p in self.buffers()]
        if torch.is_grad_enabled():
            self.steps += 1
            if self.steps % self.every == 0:
                stack = [W.reshape(-1, *W.shape[-2:]) for W in chain]
                for depth in range(len(places)):
                    self.swap(depth, stack)
        return total_cost(
            chain,
            [
                (here[..., :, None] - there[..., None, :]).abs() + 0.1
                for here, there in pairwise(places)
            ],
        )

    @torch.no_grad()
    def swap(self, depth: int, chain: Sequence[Float[Tensor, "n_stack _ _"]]) -> None:
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
        network = torch.arange(len(mine), device=mine.device)
        # which place a neuron holds
        at = torch.arange(mine.shape[-1], device=mine.device).repeat(len(mine), 1)
        for j in importance.topk(min(self.swapped, mine.shape[-1])).indices.unbind(-1):
            holds = at[network, j]
            here = cost.gather(-1, at[..., None])[..., 0]  # what each neuron pays now
            there = cost[network, :, holds]  # what each would pay at j's place
            j_there = cost[network, j].gather(-1, at)  # what j would pay at each one's
            k = (there - here + j_there - here[network, j][:, None]).argmin(-1)
            at[network, j], at[network, k] = at[network, k], holds
        self.get_buffer(f"places{depth}").copy_(mine.gather(-1, at))


class Communicability(OfChain):
    r"""sum |w_ij| d_ij C_ij / <d>: length times communicability, by weight.

    C = exp(S^(-1/2) A S^(-1/2)) with A the neurons' adjacency matrix of absolute weights and
    S its row sums; <d> is the mean length. The source takes a recurrent matrix for A. Here
    layers are joined to the next ones alone, so that C between them is the sinh, which is the
    odd part, of `normalised_half`.

    Source: Achterberg et al. (2023), doi 10.1038/s42256-023-00748-9.
    """

    def __init__(self, task: Task | None, widths: Sequence[int]) -> None:
        super().__init__()
        lengths = [d.sqrt() for d in squared_lengths(layer_places(task, widths))]
        for depth, d in enumerate(lengths):
            self.register_buffer(f"lengths{depth}", d / mean(lengths))

    def of_chain(self, chain: Chain) -> Float[Tensor, "*stack"]:
        half, places = normalised_half(chain)
        C = sinh(half)
        parts = (
            (W.abs() * d * between(C, places, depth)).sum((-2, -1))
            for depth, (W, d) in enumerate(zip(chain, self.buffers(), strict=True))
        )
        return sum(parts, chain[0].new_zeros(()))


def sinh(M: Float[Tensor, "*stack n m"]) -> Float[Tensor, "*stack n m"]:
    """Return M + M M^T M / 3! + M M^T M M^T M / 5! + ..., for singular values of at most 1.

    That is U sinh(S) V^T of the singular value decomposition M = U S V^T; what is left out
    begins with 1 / 15!.
    """
    if M.shape[-2] < M.shape[-1]:
        return sinh(M.mT).mT
    gram = M.mT @ M
    one = torch.eye(M.shape[-1], dtype=M.dtype, device=M.device)
    series = one
    for k in (6, 5, 4, 3, 2, 1):
        series = one + gram @ series / (2 * k * (2 * k + 1))
    return M @ series
