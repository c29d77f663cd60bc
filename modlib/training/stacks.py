"""Multilayer perceptrons in a stack: many networks of one shape, run at once."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call

from modlib.chain import StackedLinear, weights
from modlib.graphs import pruned
from modlib.penalties.penalty import Penalty
from modlib.tasks.task import Task


class Stack(nn.Module):
    """A stack of perceptrons, one per seed, with linear outputs.

    A network's initial weights and biases follow from its seed and the widths alone,
    whatever else is in the stack; they are distributed as in `nn.Linear`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        seeds: Sequence[int],
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(
                f"a network needs two widths or more, each at least 1; got {list(widths)}"
            )
        if len(seeds) == 0:
            raise ValueError("a stack needs at least one seed, got none")
        self.widths, self.seeds = tuple(widths), tuple(seeds)
        networks = [initial_layers(widths, seed) for seed in seeds]
        self.layers = nn.ModuleList(
            StackedLinear(*(torch.stack(part) for part in zip(*same_depth, strict=True)))
            for same_depth in zip(*networks, strict=True)
        )
        self.activation = activation
        self.noise = nn.Identity()  # on the activity of hidden neurons, in training alone

    def forward(
        self,
        x: Float[Tensor, "n_stack batch n_in"],
        silenced: Sequence[Bool[Tensor, "n_stack _"]] | None = None,
    ) -> Float[Tensor, "n_stack batch n_out"]:
        """Return the outputs; `silenced` marks, per hidden layer, neurons held at zero."""
        *hidden, output = self.layers
        for depth, layer in enumerate(hidden):
            x = self.noise(self.activation(layer(x)))
            if silenced is not None:
                x = x.masked_fill(silenced[depth][:, None], 0.0)
        return output(x)


def joined(stacks: Sequence[Stack]) -> Stack:
    """Return the networks of several stacks of one shape as one, in evaluation."""
    first, states = stacks[0], [stack.layers.state_dict() for stack in stacks]
    network = Stack(first.widths, [s for stack in stacks for s in stack.seeds], first.activation)
    network.layers.load_state_dict(
        {name: torch.cat([state[name] for state in states]) for name in states[0]}
    )
    return network.eval()


def with_weights(
    network: Stack, chain: Sequence[Float[np.ndarray, "n_stack _ _"]]
) -> Callable[[Tensor], Tensor]:
    """Return the network as a function of its inputs, with other weights in place of its own."""
    replaced = {
        f"layers.{depth}.weight": torch.as_tensor(W, dtype=torch.float32)
        for depth, W in enumerate(chain)
    }
    return lambda x: functional_call(network, replaced, (x,))


def initial_layers(
    widths: Sequence[int], seed: int
) -> list[tuple[Float[Tensor, "n_in n_out"], Float[Tensor, "1 n_out"]]]:
    """Return one network's weights and biases, uniform between +-1 / sqrt(n_in)."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(n_in: int, *shape: int) -> Tensor:
        empty = torch.empty(shape, dtype=torch.float32)
        return empty.uniform_(-(n_in**-0.5), n_in**-0.5, generator=generator)

    return [(uniform(i, i, o), uniform(i, 1, o)) for i, o in pairwise(widths)]


@torch.no_grad()
def scale_weights(network: nn.Module, factor: float | int) -> None:
    """Multiply a network's weights by a factor; biases are left alone."""
    for W in weights(network):
        W.mul_(factor)


def scaled_start(penalty: Penalty, factor: float) -> Penalty:
    """Return a penalty whose networks begin with initial weights multiplied by a factor."""

    def prepare(task: Task | None, network: nn.Module, strengths: Sequence[float]) -> None:
        scale_weights(network, factor)
        penalty.prepare(task, network, strengths)

    return penalty._replace(prepare=prepare)


def prune_by_magnitude(network: nn.Module, density: float) -> None:
    """Set all but the largest weights of a stack to zero, and hold them there in training.

    In each `StackedLinear` of each network the share `density` of the weights is left; biases are
    left alone.

    Source: Han et al. (2015), arXiv:1506.02626.

    Raises:
        ValueError: if `density` is not above 0 and at most 1.
    """
    for layer in (part for part in network.modules() if isinstance(part, StackedLinear)):
        left = np.stack(pruned([*layer.weight.detach().numpy()], density))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(left))
        layer.weight.register_hook((layer.weight.detach() != 0).mul)
