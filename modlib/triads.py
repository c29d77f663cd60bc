r"""The original procedure: three-node cliques on a weighted directed graph.

One step samples an edge u -> v uniformly among the edges, then a child w of v with
probability proportional to the weight of v -> w, and strengthens u -> w, which
closes the triad u -> v -> w. The layered penalty of `modlib.loops` stands for it
in networks whose layers have no three-node cliques.
"""

from math import inf

import networkx as nx
import numpy as np
from jaxtyping import Float

SMALLEST_WEIGHT = 1e-300
"""What decay leaves of an edge at least, above the smallest numbers, which are rounded to zero."""


def close_triads(
    graph: nx.DiGraph,
    steps: int,
    seed: int,
    increment: float = 1.0,
    decay: float = 0.0,
    threshold: float = 0.0,
) -> nx.DiGraph:
    """Return the graph after a number of steps; the one that was given is left alone.

    A closing edge that is missing is made. A step whose head has no child, or whose
    child is the parent itself, strengthens nothing.

    With `decay`, each step also samples one edge uniformly, takes that fraction of its
    weight away, and removes it where less than `threshold` is left: a graph of E edges then
    tends to a total weight of at most E * increment / decay. The last edge is spared.

    Args:
        graph: weights in the edge attribute `weight`, 1 where it is missing.
        increment: what a closing edge gains, above 0.
        decay: at least 0 and below 1.

    Raises:
        ValueError: if the graph is not directed, has parallel edges or none at all, if a
            weight is not a positive, finite number, or for a setting out of its range.

    >>> closed = close_triads(nx.DiGraph([("a", "b"), ("b", "c")]), steps=50, seed=0)
    >>> closed.has_edge("a", "c")
    True
    """
    if not graph.is_directed() or graph.is_multigraph() or graph.number_of_edges() == 0:
        raise ValueError(
            f"close_triads needs a directed graph with edges, got {graph}; nx.DiGraph(graph)"
            " makes one of an undirected graph or a multigraph"
        )
    if steps < 0 or not 0 < increment < inf or not 0 <= decay < 1:
        raise ValueError(
            "close_triads needs steps >= 0, a finite increment > 0 and 0 <= decay < 1, got"
            f" {steps}, {increment} and {decay}"
        )
    nodes = list(graph)
    W = nx.to_numpy_array(graph, nodelist=nodes, nonedge=0.0)
    edges = list(zip(*(index.tolist() for index in np.nonzero(W)), strict=True))
    held = W[W != 0]
    if len(held) < graph.number_of_edges() or not (
        SMALLEST_WEIGHT <= held.min() <= held.max() < inf
    ):
        raise ValueError(
            "close_triads needs finite weights above zero, of at least"
            f" {SMALLEST_WEIGHT}, got one that is not"
        )
    place = {edge: position for position, edge in enumerate(edges)}
    rng = np.random.default_rng(seed)

    for draw_edge, draw_child, draw_loss in rng.random((steps, 3)):
        parent, head = edges[int(draw_edge * len(edges))]
        cumulative = W[head].cumsum()
        if cumulative[-1] > 0:
            child = int(cumulative.searchsorted(draw_child * cumulative[-1], side="right"))
            if child != parent:
                if (parent, child) not in place:
                    place[parent, child] = len(edges)
                    edges.append((parent, child))
                W[parent, child] += increment
        if decay and len(edges) > 1:
            losing = edges[int(draw_loss * len(edges))]
            W[losing] = max(W[losing] * (1 - decay), SMALLEST_WEIGHT)
            if W[losing] < threshold:
                W[losing] = 0.0
                hole, last = place.pop(losing), edges.pop()
                if last != losing:
                    edges[hole], place[last] = last, hole

    closed = nx.DiGraph()
    closed.add_nodes_from(graph.nodes(data=True))
    closed.add_weighted_edges_from((nodes[u], nodes[v], W.item(u, v)) for u, v in edges)
    return closed


def expected_gain(
    W: Float[np.ndarray, "n_nodes n_nodes"], increment: float = 1.0
) -> Float[np.ndarray, "n_nodes n_nodes"]:
    """Return what each weight gains in one step of `close_triads` on average, without decay.

    With E edges, A their 0/1 adjacency matrix and P the weights divided by their row
    sums (zeros in the row of a node without child), it is increment / E * A P off the
    diagonal, and zero on it.
    """
    A, strengths = W > 0, W.sum(1, keepdims=True)
    P = np.divide(W, strengths, out=np.zeros_like(W), where=strengths > 0)
    gain = increment / A.sum() * (A @ P)
    np.fill_diagonal(gain, 0.0)
    return gain
