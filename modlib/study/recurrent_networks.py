"""Recurrent networks that are trained, in a stack: streams of bits to be remembered.

A network is x(t) = tanh(u(t) W_in + x(t - 1) W_rec + b), y(t) = x(t) W_out + c. Each stream of
bits, -1 or 1, has one input, and one output for each delay.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from modlib.chain import Chain, StackedLinear, weights
from modlib.penalties.penalty import no_penalty
from modlib.training.loop import descend, falling
from modlib.training.optimisers import RECURRENT
from modlib.training.stacks import initial_layers, prune_by_magnitude

Target = Callable[[Tensor, Sequence[int]], Tensor]
"""Maps streams of bits and delays to what the outputs should be, stream by stream."""


class RecurrentStack(nn.Module):
    """A stack of recurrent networks, one per seed.

    A network's initial weights follow from its seed and the widths alone; they are distributed
    as in `nn.Linear`.
    """

    def __init__(self, n_in: int, n: int, n_out: int, seeds: Sequence[int]) -> None:
        super().__init__()
        if min(n_in, n, n_out) < 1 or len(seeds) == 0:
            raise ValueError(
                f"a stack needs widths of at least 1 and a seed, got {(n_in, n, n_out)}, {seeds}"
            )
        self.seeds = tuple(seeds)
        networks = [initial_layers([n_in, n, n, n_out], seed) for seed in seeds]
        self.layers = nn.ModuleList(
            StackedLinear(*(torch.stack(part) for part in zip(*same, strict=True)))
            for same in zip(*networks, strict=True)
        )

    def states(
        self,
        u: Float[Tensor, "n_stack batch time n_in"],
        silenced: Bool[Tensor, "n_stack n"] | None = None,
    ) -> Float[Tensor, "n_stack batch time n"]:
        """Return the states from rest; `silenced` marks neurons that are held at zero."""
        into, recurrent, _ = self.layers
        drive = into(u.flatten(1, 2)).unflatten(1, u.shape[1:3])
        x = torch.zeros_like(drive[:, :, 0])
        found = []
        for now in drive.unbind(2):
            x = torch.tanh(now + recurrent(x))
            if silenced is not None:
                x = x.masked_fill(silenced[:, None], 0.0)
            found.append(x)
        return torch.stack(found, 2)

    def forward(
        self,
        u: Float[Tensor, "n_stack batch time n_in"],
        silenced: Bool[Tensor, "n_stack n"] | None = None,
    ) -> Float[Tensor, "n_stack batch time n_out"]:
        x = self.states(u, silenced)
        return self.layers[-1](x.flatten(1, 2)).unflatten(1, x.shape[1:3])


def unrolled(chain: Chain) -> list[Float[Tensor, "*stack _ _"]]:
    """Return the chain W_in, W_rec, W_rec, W_out, from W_in, W_rec, W_out.

    It is the network over two steps: its loops join two neurons through inputs, through what
    they hear and tell, and through outputs. A longer chain would only repeat the middle.
    """
    into, recurrent, out = chain
    return [into, recurrent, recurrent, out]


def delayed_recall(
    u: Float[Tensor, "*stack time n_streams"], delays: Sequence[int]
) -> Float[Tensor, "*stack time n_out"]:
    """Return each stream as it was at each delay; before its beginning the end of the stream."""
    return torch.stack([u.roll(delay, -2) for delay in delays], -1).flatten(-2)


def n_back(
    u: Float[Tensor, "*stack time n_streams"], delays: Sequence[int]
) -> Float[Tensor, "*stack time n_out"]:
    """Return 1 where a stream is what it was n steps back, for each n, and -1 elsewhere."""
    return delayed_recall(u, delays) * u.repeat_interleave(len(delays), -1)


def bits(
    seeds: Sequence[int], shape: Sequence[int], stream: int = 0
) -> Iterator[Float[Tensor, "n_stack *shape"]]:
    """Yield random bits, -1 or 1, for ever, from a generator for each seed and `stream`."""
    rngs = [np.random.default_rng((seed, 7, stream)) for seed in seeds]
    while True:
        drawn = np.stack([rng.integers(2, size=tuple(shape), dtype=np.int8) for rng in rngs])
        yield torch.from_numpy(drawn).float() * 2 - 1


def loss_of(
    outputs: Float[Tensor, "n_stack batch time n_out"],
    targets: Float[Tensor, "n_stack batch time n_out"],
    n_streams: int,
) -> Float[Tensor, " n_stack"]:
    """Return the logistic loss, in nats, averaged over delays and added up over streams."""
    return n_streams * F.softplus(-outputs * targets).mean((1, 2, 3))


def train_recurrent(
    network: RecurrentStack,
    target: Target,
    delays: Sequence[int],
    penalty: Callable[[Chain], Tensor] = no_penalty,
    strengths: Sequence[float] | float = 0.0,
    *,
    times: int = 20,
    batch_size: int = 32,
    steps: int = 1500,
) -> None:
    """Train the networks of a stack, by backpropagation through short sequences of bits.

    Times before the longest delay do not count. `penalty` is called with W_in, W_rec, W_out, and
    is multiplied by a strength for each network, or one for all. Over the last fifth of the steps
    the learning rate falls to 0, as in `training.train`.

    Raises:
        ValueError: if sequences are not longer than the longest delay.
    """
    if min(delays) < 1 or times <= max(delays):
        raise ValueError(f"delays must lie between 1 and times - 1 = {times - 1}, got {delays}")
    n_streams = weights(network)[0].shape[-2]
    factor = torch.as_tensor(strengths, dtype=torch.float32)
    update = RECURRENT(network.parameters())

    def losses(u: Tensor) -> Float[Tensor, " n_stack"]:
        outputs, targets = (part[:, :, max(delays) :] for part in (network(u), target(u, delays)))
        return loss_of(outputs, targets, n_streams) + factor * penalty(weights(network))

    batches = islice(bits(network.seeds, (batch_size, times, n_streams)), steps)
    for _ in descend(update, losses, batches, falling(update, steps)):
        pass


def largest_left(network: RecurrentStack, density: float) -> RecurrentStack:
    """Return a copy, pruned to the share `density` of each matrix's weights, the largest.

    The other weights are zero, and stay so when the copy is trained.
    """
    copy = deepcopy(network)
    prune_by_magnitude(copy, density)
    return copy
