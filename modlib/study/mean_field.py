"""What the three-node procedure does on average, against counts of what it did."""

from collections.abc import Iterable, Sequence
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from jaxtyping import Float

from modlib.study.closure import adjacency, course, starting_graphs
from modlib.triads import close_triads, expected_gain

ADDED = [0.0, 1.0, 3.0, 10.0, 20.0]
"""The weight added per edge, where the mean field is followed."""


def inside_share(W: Float[np.ndarray, "n_nodes n_nodes"], blocks: int) -> float:
    """Return which share of the weight joins nodes of the same of so many equal blocks."""
    block = np.arange(len(W)) // (len(W) // blocks)
    return float(W[block[:, None] == block].sum() / W.sum())


def inside_table(blocks: int, seeds: Iterable[int], **starting: Any) -> pd.DataFrame:
    """Return `inside_share` of planted graphs, and of what they gain in a step on average."""
    planted = {
        seed: adjacency(starting_graphs(blocks=blocks, seed=seed, **starting)["planted"])
        for seed in seeds
    }
    shares = {
        seed: {"weight": inside_share(W, blocks), "gain": inside_share(expected_gain(W), blocks)}
        for seed, W in planted.items()
    }
    return pd.DataFrame.from_dict(shares, orient="index")


def gain_table(graph: nx.DiGraph, runs: int) -> pd.DataFrame:
    """Return, for each ordered pair of nodes, its mean gain in so many single steps.

    Columns `expected`, as in `expected_gain`, `observed`, and the standard `error` of that, in the
    same order of pairs.
    """
    pairs = ~np.eye(len(graph), dtype=bool)
    after = sum(adjacency(close_triads(graph, 1, seed)) for seed in range(runs))
    observed = after / runs - adjacency(graph)
    expected = expected_gain(adjacency(graph))
    table = {"expected": expected, "observed": observed, "error": np.sqrt(expected / runs)}
    return pd.DataFrame({name: matrix[pairs] for name, matrix in table.items()})


def row_distance(W: Float[np.ndarray, "n_nodes n_nodes"]) -> float:
    """Return how differently two nodes choose a child: 0 if all alike, 1 if disjointly.

    The total variation distance between two rows of P, leaving out the two nodes
    themselves, averaged over pairs of nodes.
    """
    P = W / W.sum(1, keepdims=True)
    apart = np.abs(P[:, None] - P[None]).sum(-1) - P - P.T
    return float(apart.sum() / (2 * len(W) * (len(W) - 1)))


def row_course(
    graph: nx.DiGraph, added: Sequence[float], increments: Sequence[float], seeds: Sequence[int]
) -> pd.DataFrame:
    """Return `row_distance` of a complete graph against the weight added per edge.

    One row for each amount, increment and seed, and rows with the increment 0 for the
    mean field: `expected_gain` followed in amounts of a hundredth of a weight per edge.
    """
    rows, edges = [], graph.number_of_edges()
    for increment in increments:
        steps = [round(amount * edges / increment) for amount in added]
        for seed in seeds:
            graphs = course(graph, steps, seed, increment=increment).values()
            rows += [
                {"increment": increment, "seed": seed, "added": amount,
                 "distance": row_distance(adjacency(now))}
                for amount, now in zip(added, graphs, strict=True)
            ]  # fmt: skip
    W, done = adjacency(graph), 0
    for amount in added:
        for _ in range(done, round(100 * amount)):
            W += expected_gain(W, increment=0.01 * edges)
        done = round(100 * amount)
        rows.append({"increment": 0.0, "seed": 0, "added": amount, "distance": row_distance(W)})
    return pd.DataFrame(rows)
