"""Newman's Q of the whole graph of a network's neurons.

Newman's Q expects edges between any two neurons, most of which a layered network cannot have.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modlib.graphs import neuron_graph, newman_q
from modlib.louvain import communities_of, largest_q
from modlib.nulls import permuted


class WholeGraph(NamedTuple):
    """Newman's modularity of one network, its excess over permuted nulls, and the communities."""

    q: float
    excess: float
    communities: Int[np.ndarray, " n_neurons"]


def newman(
    chain: Sequence[Float[Tensor | np.ndarray, "_ _"]], nulls: int, restarts: int, seed: int
) -> WholeGraph:
    """Measure one network's graph of neurons, searched by the Louvain method."""
    weights, generator = [torch.as_tensor(W).abs() for W in chain], torch.Generator()
    generator.manual_seed(seed)
    graph, *null_graphs = (
        neuron_graph([W.numpy() for W in matrices])
        for matrices in [weights, *(permuted(weights, generator) for _ in range(nulls))]
    )
    communities = communities_of(graph, restarts)
    null_q = [largest_q(one, restarts) for one in null_graphs]
    q = newman_q(graph, communities)
    return WholeGraph(q, q - float(np.mean(null_q)), communities)
