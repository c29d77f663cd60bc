r"""The original procedure: three-node cliques on a weighted directed graph.

One step samples an edge u -> v uniformly among the edges, then a child w of v with
probability proportional to the weight of v -> w, and strengthens u -> w, which
closes the triad u -> v -> w. The layered penalty of `modlib.loops` stands for it
in networks whose layers have no three-node cliques.
"""

import networkx as nx
import numpy as np


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

    With `decay`, each step also samples one edge uniformly and takes that fraction of
    its weight away, and removes it where less than `threshold` is left: a graph of E
    edges then tends to a total weight of at most E * increment / decay.

    Args:
        graph: weights in the edge attribute `weight`, 1 where it is missing.
        increment: what a closing edge gains.
        decay: between 0 and 1.

    Raises:
        ValueError: if the graph is not directed or has no edge, if a weight is not
            positive, or for `steps` or `increment` below 0 or `decay` outside [0, 1].
    """
    if not graph.is_directed() or graph.number_of_edges() == 0:
        raise ValueError(
            f"close_triads needs a directed graph with edges, got {graph}; nx.DiGraph(graph)"
            " makes one of an undirected graph"
        )
    if steps < 0 or increment < 0 or not 0 <= decay <= 1:
        raise ValueError(
            "close_triads needs steps >= 0, increment >= 0 and 0 <= decay <= 1, got"
            f" {steps}, {increment} and {decay}"
        )
    nodes = list(graph)
    W = nx.to_numpy_array(graph, nodelist=nodes, nonedge=0.0)
    edges = list(zip(*(index.tolist() for index in np.nonzero(W)), strict=True))
    if (W < 0).any() or len(edges) < graph.number_of_edges():
        raise ValueError("close_triads needs positive weights, got a weight of zero or below")
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
        if decay:
            losing = edges[int(draw_loss * len(edges))]
            W[losing] *= 1 - decay
            if W[losing] < threshold and len(edges) > 1:
                W[losing] = 0.0
                hole, last = place.pop(losing), edges.pop()
                if last != losing:
                    edges[hole], place[last] = last, hole

    closed = nx.DiGraph()
    closed.add_nodes_from(graph.nodes(data=True))
    closed.add_weighted_edges_from((nodes[u], nodes[v], W[u, v]) for u, v in edges)
    return closed
