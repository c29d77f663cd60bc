"""What the three-node procedure does to a graph over its steps, and what is measured of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import sparse

from modlib.modularity.louvain import largest_q
from modlib.study.local_search import local_search
from modlib.triads import close_triads


def adjacency(graph: nx.DiGraph) -> Float[np.ndarray, "n_nodes n_nodes"]:
    """Return a directed graph's weights, zero where there is no edge."""
    return nx.to_numpy_array(graph, nonedge=0.0)


def starting_graphs(n_nodes: int, density: float, blocks: int, seed: int) -> dict[str, nx.DiGraph]:
    """Return what the procedure starts from: random, with planted communities, complete.

    In the planted graph three quarters of the edges are expected within one of so
    many equal blocks. The first two have weights of 1, the complete one weights drawn
    between 0 and 2.

    Raises:
        ValueError: if the blocks are not equal or hold fewer pairs than edges.
    """
    size, rest = divmod(n_nodes, blocks)
    edges = density * n_nodes * (n_nodes - 1)
    inside = blocks * size * (size - 1)
    if rest or 0.75 * edges > inside:
        raise ValueError(
            f"{blocks} equal blocks of {n_nodes} nodes cannot hold {0.75 * edges:.0f} edges;"
            " take a divisor of the number of nodes, or a smaller density"
        )
    outside = n_nodes * (n_nodes - 1) - inside
    complete = nx.complete_graph(n_nodes, create_using=nx.DiGraph)
    drawn = np.random.default_rng(seed).uniform(0, 2, complete.number_of_edges())
    for (u, v), weight in zip(complete.edges, drawn.tolist(), strict=True):
        complete[u][v]["weight"] = weight
    planted = nx.random_partition_graph(
        [size] * blocks, 0.75 * edges / inside, 0.25 * edges / outside, seed=seed, directed=True
    )
    return {
        "random": nx.gnp_random_graph(n_nodes, density, seed=seed, directed=True),
        "planted": planted,
        "complete": complete,
    }


def graph_measures(
    W: Float[np.ndarray, "n_nodes n_nodes"],
    nulls: int,
    seed: int,
    pairs: Bool[np.ndarray, "n_nodes n_nodes"] | None = None,
) -> dict[str, float]:
    """Return how modular, dense and centralised a directed weighted graph is.

    `excess`, the largest Q of W + W^T over that of nulls with the weights (zeros too) permuted over
    `pairs`, all ordered pairs of nodes if left out; `excess_edges` over nulls with them permuted
    over the existing edges; `edges`; `hubs`, the share of all strength, in and out, that the
    strongest twentieth of the nodes holds. A graph of one edge has no excess and hubs = 1.
    """
    exists = W > 0
    pairs = ~np.eye(len(W), dtype=bool) if pairs is None else pairs
    if exists.sum() < 2:
        return {"excess": 0.0, "excess_edges": 0.0, "edges": int(exists.sum()), "hubs": 1.0}
    rng = np.random.default_rng(seed)

    def q_permuted(places: np.ndarray) -> float:
        null = np.zeros_like(W)
        null[places] = rng.permutation(W[places])
        return largest_q(sparse.csr_array(null + null.T))

    q = largest_q(sparse.csr_array(W + W.T))
    strength = np.sort(W.sum(0) + W.sum(1))[::-1]
    return {
        "excess": q - np.mean([q_permuted(pairs) for _ in range(nulls)]),
        "excess_edges": q - np.mean([q_permuted(exists) for _ in range(nulls)]),
        "edges": int(exists.sum()),
        "hubs": strength[: max(1, len(W) // 20)].sum() / strength.sum(),
    }


def course(
    graph: nx.DiGraph, checkpoints: Sequence[int], seed: int, **settings: Any
) -> dict[int, nx.DiGraph]:
    """Return the graph after each number of steps of `close_triads`, in rising order."""
    graphs, done = {}, 0
    for step in checkpoints:
        draws = int(np.random.SeedSequence((seed, step)).generate_state(1)[0])
        graph = close_triads(graph, step - done, draws, **settings)
        graphs[step], done = graph, step
    return graphs


def course_table(
    settings: Mapping[str, Mapping[str, float]],
    checkpoints: Sequence[int],
    seeds: Iterable[int],
    nulls: int = 3,
    **starting: Any,
) -> pd.DataFrame:
    """Return `graph_measures` along `course`, for each start, setting and seed."""
    rows = []
    for seed in seeds:
        for start, graph in starting_graphs(seed=seed, **starting).items():
            for setting, arguments in settings.items():
                for step, now in course(graph, checkpoints, seed, **arguments).items():
                    row = {"start": start, "setting": setting, "seed": seed, "step": step}
                    rows.append(row | graph_measures(adjacency(now), nulls, seed))
    return pd.DataFrame(rows)


def snapshots(
    settings: Mapping[str, Mapping[str, float]], steps: int, seed: int, **starting: Any
) -> dict[str, dict[str, Float[np.ndarray, "n_nodes n_nodes"]]]:
    """Return each start's weights before the procedure and after so many steps.

    Nodes of planted communities keep their order; those of the other starts are ordered
    by what they receive after the first setting, most first.
    """
    maps = {}
    for start, graph in starting_graphs(seed=seed, **starting).items():
        after = {
            setting: adjacency(course(graph, [steps], seed, **arguments)[steps])
            for setting, arguments in settings.items()
        }
        received = next(iter(after.values())).sum(0)
        order = np.arange(len(graph)) if start == "planted" else np.argsort(-received)
        maps[start] = {
            name: W[np.ix_(order, order)]
            for name, W in {"start": adjacency(graph), **after}.items()
        }
    return maps


def search_table(
    variants: Mapping[str, Mapping[str, float]],
    n_nodes: int,
    rounds: int,
    seeds: Iterable[int],
    nulls: int = 3,
) -> pd.DataFrame:
    """Return `graph_measures` of the graphs that variants of `local_search` grow.

    They are undirected, so weights are permuted over unordered pairs.
    """
    pairs = np.triu(np.ones((n_nodes, n_nodes), dtype=bool), 1)
    rows = []
    for seed in seeds:
        for variant, settings in variants.items():
            W = np.triu(local_search(n_nodes, rounds, seed, **settings))
            row = {"variant": variant, "seed": seed}
            rows.append(row | graph_measures(W, nulls, seed, pairs))
    return pd.DataFrame(rows)
