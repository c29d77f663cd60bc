r"""Modularity of layered networks, against nulls and against known modules.

Each weight matrix is held against its own row and column sums,

    Q = (1/L) sum_l sum_ij [ |W_ij| / m_l - r_i c_j / m_l^2 ] delta(community of i, community of j),

with r and c the sums of the l-th matrix's rows and columns and m_l its total: Barber's (2007)
bipartite modularity, averaged over the matrices, for communities that run through all layers.
Hidden neurons are rescaled first, so that all networks that a rescaling of rectified neurons makes
of one another have one Q (`modlib.modularity.gauge`). Raw Q rises with sparsity alone, so it is
held against the mean Q that the same search finds on null networks: the difference is the *excess*,
and the *share* what that is of an upper bound.

As layers of a multiplex network whose edges have a direction, the matrices have this modularity in
Mucha et al. (2010), without a coupling of their own, since what they share are the neurons.

Sources: Barber (2007), doi 10.1103/PhysRevE.76.066102; Leicht & Newman (2008),
doi 10.1103/PhysRevLett.100.118703; Mucha et al. (2010), doi 10.1126/science.1184819.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from torch import Tensor
from torch.nn.functional import one_hot
from tqdm import tqdm

from modlib.graphs import in_order_of_appearance
from modlib.modularity.annealing import mixed, search
from modlib.modularity.communities import Layers, layers_of, strengths
from modlib.modularity.gauge import Ends, balanced, chained
from modlib.modularity.nulls import Null, permuted
from modlib.network.connections import Network
from modlib.network.matrices import checked, matrices

AT_ONCE = 1_000_000
"""Networks are searched together as long as they have no more weights than so many. Larger ones are
searched one by one, and in single precision."""

SIDE_BY_SIDE = 40_000_000
"""As many searches run side by side, a thread each, as have no more weights than so many."""


class Modularity(NamedTuple):
    """Modularity of a network, or of each network of a stack.

    Attributes:
        q: largest Q found.
        null_mean: mean of the nulls' largest Q.
        null_std: its standard deviation.
        excess: q - null_mean.
        share: excess / (attainable - null_mean), where attainable is 1 - sum_k r_k c_k / m^2,
            which the Q of these communities reaches if no weight leaves them, and never exceeds;
            excess / null_mean if that is negative, so that about zero a gain may count for more
            than a loss. It lies between -1, where nothing is left of the nulls' Q, and 1; 0 where
            there is nothing to gain or to lose. Separate parts have 1 only if attainable exceeds
            null_mean, as it does not where one part has nearly all weight.
        communities: each neuron's community, numbered from 0 in the order in which neurons, inputs
            first, meet them; a neuron without weight is a community of its own.

    >>> modularity([np.eye(2)] * 2, nulls=2).communities.tolist()
    [0, 1, 0, 1, 0, 1]
    """

    q: Float[np.ndarray, "*stack"] | float
    null_mean: Float[np.ndarray, "*stack"] | float
    null_std: Float[np.ndarray, "*stack"] | float
    excess: Float[np.ndarray, "*stack"] | float
    share: Float[np.ndarray, "*stack"] | float
    communities: Int[np.ndarray, "*stack n_neurons"]


def modularity(
    network: Sequence[Real[Tensor | np.ndarray, "*stack _ _"]] | Network,
    nulls: int = 20,
    restarts: int = 5,
    seed: Any = 0,
    null: Null = permuted,
) -> Modularity:
    """Measure the modularity of a chain, or of a network, against nulls.

    Each network of a stack is searched as it would be alone, from the same starts and against the
    same nulls. Sums of a stack round otherwise, so that a search may end in another optimum about
    as good. It runs on the device that the weights are on. A network without any weight has Q = 0.

    Args:
        nulls: number of null networks, at least 2.
        restarts: searches in each network, of which the best counts.
        seed: fixes the nulls and the searches; one whole number for all networks, or one for each.
        null: makes a null network: `nulls.permuted`, weights permuted within each matrix, or
            `nulls.same_strengths`, which keeps every neuron's strength too.

    Raises:
        ValueError: if weights are not finite, if the matrices do not fit together or stack
            different numbers of networks, if a layer of a network has no connection, or if `nulls`
            or `restarts` is too small.

    Two networks side by side have Q = 1/2:

    >>> block = np.kron(np.eye(2), np.ones((2, 2)))
    >>> found = modularity([block, block])
    >>> round(float(found.q), 4), round(float(found.share), 4)
    (0.5, 1.0)
    """
    require_searches(nulls, restarts)
    weights, ends = _weights_and_ends(network)
    stack = weights[0].shape[:-2]
    seeds = [int(one) for one in _seeds(seed, tuple(stack)).flat]
    weights = [W.reshape(-1, *W.shape[-2:]) for W in weights]
    n_weights = sum(W[0].numel() for W in weights)
    size = max(1, AT_ONCE // max(1, n_weights))
    pairs = [(one, number) for one in range(len(seeds)) for number in range(nulls + 1)]
    batches = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    threads = torch.get_num_threads() if weights[0].device.type == "cpu" else 1
    workers = min(threads, max(1, SIDE_BY_SIDE // max(1, n_weights)))
    bar = tqdm(total=len(pairs), unit="network", delay=5, disable=None)
    found = []
    each = threads // workers
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(each,))
    with bar, _threads(each), pool:
        base = balanced(weights, ends)
        searched = partial(_searched, base, ends, seeds, null, restarts)
        for batch, of_batch in zip(batches, pool.map(searched, batches), strict=True):
            found.append(of_batch)
            bar.update(len(batch))
    q, attainable, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    q, attainable = (values.cpu().numpy().reshape(-1, nulls + 1) for values in (q, attainable))
    numbered = [in_order_of_appearance(row) for row in labels.cpu().numpy()]
    mean, std, excess = q[:, 1:].mean(1), q[:, 1:].std(1), q[:, 0] - q[:, 1:].mean(1)
    room = np.where(excess < 0, mean, attainable[:, 0] - mean)
    share = np.divide(excess, room, out=np.zeros_like(room), where=room > 1e-9)
    communities = np.array(numbered).reshape(*stack, -1)
    numbers = (q[:, 0], mean, std, excess, share)
    return Modularity._make(
        [*(x.reshape(stack) if stack else x.item() for x in numbers), communities]
    )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch compute on so many threads, when this one calls it.

    On several, small products take longer, and forked workers wait for ever.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def require_searches(nulls: int, restarts: int) -> None:
    """Raise ValueError unless there are two nulls, for a spread, and one search or more."""
    if nulls < 2 or restarts < 1:
        raise ValueError(
            f"modularity needs nulls >= 2 and restarts >= 1, got {nulls} and {restarts}:"
            " the nulls' spread takes two of them, a partition one search"
        )


def _weights_and_ends(network: object) -> tuple[list[Float[Tensor, "*stack _ _"]], Ends]:
    """Return the weights, and which layers they join, counted in the order of a network's."""
    network = checked(network)
    weights = [W.detach() for W in matrices(network)]
    for n, W in enumerate(weights):
        if not W.isfinite().all():
            raise ValueError(
                f"modularity needs finite weights, got NaN or infinity in matrix {n}; leave"
                " diverged networks out"
            )
    precision = _precision(weights)
    ends = chained(len(weights))
    if isinstance(network, Network):
        places = {name: n for n, name in enumerate(network.sizes)}
        ends = [(places[each.source], places[each.target]) for each in network.connections]
        alone = [name for name, n in places.items() if n not in {*sum(ends, ())}]
        if alone:
            raise ValueError(
                f"modularity needs a connection at each layer, got none at {', '.join(alone)};"
                " leave such layers out of `sizes`"
            )
    return [W.to(precision) for W in weights], ends


def _precision(weights: Sequence[Tensor]) -> torch.dtype:
    """Return double precision, but single for large networks, whose search takes half the time."""
    large = sum(W.shape[-2] * W.shape[-1] for W in weights) > AT_ONCE
    return torch.float32 if large else torch.float64


def _seeds(seed: object, stack: tuple[int, ...]) -> Int[np.ndarray, "..."]:
    found = np.asarray(seed)
    if found.dtype.kind not in "iu" or (found < 0).any():
        raise ValueError(
            f"modularity needs whole numbers from 0 as seeds, got {seed!r}; the same seed gives"
            " the same answer"
        )
    if found.shape not in ((), stack):
        raise ValueError(
            f"modularity needs one seed, or one for each network of a stack of shape {stack}, got"
            f" {seed!r}"
        )
    return np.broadcast_to(found, stack)


@torch.no_grad()
def _searched(
    base: Sequence[Float[Tensor, "n_stack _ _"]],
    ends: Ends,
    seeds: Sequence[int],
    null: Null,
    restarts: int,
    pairs: Sequence[tuple[int, int]],
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"], Int[Tensor, "n_own n_neurons"]]:
    """Return the largest Q of networks and nulls, its upper bound, and the networks' communities.

    Networks are those of `base` with the number 0, their nulls have a number each.
    """
    layers = layers_of(_with_nulls(base, ends, pairs, seeds, null), ends)
    q, labels = search(layers, restarts, [seeds[one] for one, _ in pairs])
    own = [place for place, (_, number) in enumerate(pairs) if number == 0]
    return q, _attainable(layers, labels), _of_connected(layers, labels)[own]


def _with_nulls(
    base: Sequence[Float[Tensor, "n_stack _ _"]],
    ends: Ends,
    pairs: Sequence[tuple[int, int]],
    seeds: Sequence[int],
    null: Null,
) -> list[Float[Tensor, "batch _ _"]]:
    """Return the networks, each with the number 0, and their nulls, each with its number."""
    made = []
    for one, number in pairs:
        weights = [W[one] for W in base]
        if number:
            generator = torch.Generator(weights[0].device).manual_seed(mixed(seeds[one], 0, number))
            weights = null(weights, generator)
        made.append(weights)
    return balanced([torch.stack(matrices) for matrices in zip(*made, strict=True)], ends)


def _attainable(
    layers: Layers, labels: Sequence[Int[Tensor, "batch _"]]
) -> Float[Tensor, " batch"]:
    """Return an upper bound of Q, which it reaches if no weight leaves its community.

    That is 1 - sum_c r_c c_c / m^2, with r_c and c_c the sums over a community's rows and columns;
    the mean over the matrices.
    """
    k = 1 + max(int(layer.max()) for layer in labels)
    chosen = [one_hot(layer, k).to(layers[0][0].here.dtype) for layer in labels]
    found = []
    for sides, own in zip(layers, chosen, strict=True):
        for side in sides:
            here, there = (
                (strength[:, None] @ members).squeeze(1)
                for strength, members in ((side.here, own), (side.there, chosen[side.other]))
            )
            found.append(side.here.sum(-1) - (here * there).sum(-1))
    return torch.stack(found).mean(0)


def _of_connected(
    layers: Layers, labels: Sequence[Int[Tensor, "batch _"]]
) -> Int[Tensor, "batch n_neurons"]:
    """Return the communities of all layers side by side, others' own for neurons without weight."""
    joined, strength = torch.cat(list(labels), 1), torch.cat(strengths(layers), 1)
    alone = joined.max() + 1 + torch.arange(joined.shape[1], device=joined.device)
    return torch.where(strength > 0, joined, alone)
