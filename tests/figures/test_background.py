"""Wirings, convolutions as matrices, and triads, against loops, PyTorch and hand-made cases."""

from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from modlib.figures import background
from modlib.graphs import layer_of, layer_sizes, neuron_graph
from modlib.modularity import newman_q
from modlib.study import layers, triads
from modlib.study.wiring import (
    alternately_wired,
    best_runs,
    randomly_wired,
    scattered,
    thinned,
    unrolled,
    unshared,
    window,
)
from modlib.triads import close_triads, expected_gain, local_search

SIZES = (5, 4, 3, 6)


def chain(seed, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in pairwise(sizes)]


@pytest.mark.parametrize("wire", [randomly_wired, alternately_wired])
def test_rewiring_keeps_neurons_edges_and_weights(wire):
    network = thinned(chain(0), 30, np.random.default_rng(1))
    before, after = neuron_graph(network), wire(network, np.random.default_rng(2))
    assert (after != after.T).nnz == 0
    assert after.diagonal().sum() == 0
    assert after.shape == before.shape
    assert np.array_equal(np.sort(after.data), np.sort(before.data))
    assert (after != before).nnz > 0


def test_alternate_wiring_joins_odd_to_even_layers_and_random_wiring_all():
    side = layer_of(SIZES) % 2
    joined = {wire: set() for wire in (randomly_wired, alternately_wired)}
    for wire, seed in product(joined, range(60)):
        rows, columns = wire(chain(0), np.random.default_rng(seed)).nonzero()
        joined[wire] |= set(zip(rows.tolist(), columns.tolist(), strict=True))
    pairs = {(u, v) for u, v in product(range(18), repeat=2) if u != v}
    assert joined[randomly_wired] == pairs
    assert joined[alternately_wired] == {(u, v) for u, v in pairs if side[u] != side[v]}


def test_thinning_keeps_exactly_so_many_weights_where_they_were():
    network = chain(0)
    few = thinned(network, 7, np.random.default_rng(0))
    assert sum(np.count_nonzero(W) for W in few) == 7
    assert all(((K == 0) | (K == W)).all() for K, W in zip(few, network, strict=True))
    with pytest.raises(ValueError, match="50 weights cannot keep 51"):
        thinned(network, 51, np.random.default_rng(0))


@pytest.mark.parametrize(("c_in", "c_out", "kernel", "side"), [(1, 1, 3, 5), (2, 3, 3, 4)])
def test_unrolled_is_pytorchs_circular_convolution(c_in, c_out, kernel, side):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(c_out, c_in, kernel**2))
    x = rng.normal(size=(2, c_in, side, side))
    padded = F.pad(torch.tensor(x), (kernel // 2,) * 4, mode="circular")
    expected = F.conv2d(padded, torch.tensor(weights).reshape(c_out, c_in, kernel, kernel))
    W = unrolled(weights, window(kernel), side)
    assert np.allclose(x.reshape(2, -1) @ W, expected.reshape(2, -1).numpy(), atol=1e-12)


def test_scattered_offsets_share_weights_as_windows_do_but_reach_farther():
    weights = np.arange(1.0, 10.0).reshape(1, 1, 9)
    offsets = scattered(9, 7, np.random.default_rng(0))
    far = unrolled(weights, offsets, 7)
    assert len(np.unique(offsets, axis=0)) == 9
    for line in (*far, *far.T):
        assert np.array_equal(np.sort(line[line != 0]), weights.ravel())
    column = np.zeros(49)
    for (down, right), weight in zip(offsets, weights.ravel(), strict=True):
        column[(2 + down) % 7 * 7 + (3 + right) % 7] = weight
    assert np.array_equal(far[:, 2 * 7 + 3], column)
    with pytest.raises(ValueError, match="different places"):
        unrolled(weights, window(3), 2)


def test_unshared_keeps_places_and_values():
    W = unrolled(np.arange(1.0, 10.0).reshape(1, 1, 9), window(3), 5)
    mixed = unshared(W, np.random.default_rng(0))
    assert np.array_equal(mixed != 0, W != 0)
    assert np.array_equal(np.sort(mixed, axis=None), np.sort(W, axis=None))
    assert not np.array_equal(mixed, W)


@pytest.mark.parametrize("seed", range(5))
def test_best_runs_beat_every_other_cut(seed):
    sizes = np.random.default_rng(seed).integers(1, 5, size=7).tolist()
    network = chain(seed, sizes)
    graph, layer = neuron_graph(network), layer_of(sizes)
    cuts = (np.cumsum([0, *cut]) for cut in product((0, 1), repeat=6))
    best = max(newman_q(graph, cut[layer]) for cut in cuts)
    runs = best_runs(network)
    assert newman_q(graph, runs) == pytest.approx(best, abs=1e-12)
    assert runs[0] == 0
    assert set(np.diff(runs)) <= {0, 1}


def test_pairs_of_layers_are_the_best_runs_of_four_equal_layers_only():
    for n_layers in range(3, 30):
        runs = best_runs([np.ones((1, 1))] * (n_layers - 1))
        assert np.array_equal(runs, np.arange(n_layers) // 2) == (n_layers == 4)
    assert newman_q(neuron_graph([np.ones((2, 2))] * 3), layer_of((2,) * 4) // 2) == (
        pytest.approx(1 / 6)
    )


@pytest.mark.parametrize("seed", range(3))
def test_expected_gain_is_the_sum_over_all_edges_and_children(seed):
    graph = nx.gnp_random_graph(6, 0.4, seed=seed, directed=True)
    rng = np.random.default_rng(seed)
    for u, v in graph.edges:
        graph[u][v]["weight"] = float(rng.integers(1, 5))
    gain = np.zeros((6, 6))
    for parent, head in graph.edges:
        total = sum(graph[head][child]["weight"] for child in graph[head])
        for child in graph[head]:
            if child != parent:
                share = graph[head][child]["weight"] / total
                gain[parent, child] += 0.5 * share / graph.number_of_edges()
    found = expected_gain(nx.to_numpy_array(graph), increment=0.5)
    assert found == pytest.approx(gain, abs=1e-14)


def test_expected_gain_is_the_mean_of_close_triads():
    graph = nx.gnp_random_graph(5, 0.6, seed=1, directed=True)
    W, runs = nx.to_numpy_array(graph), 2000
    mean = sum(nx.to_numpy_array(close_triads(graph, 1, s)) - W for s in range(runs)) / runs
    gain = expected_gain(W)
    # each entry is a share of successes: four standard errors
    assert (np.abs(mean - gain) <= 4 * np.sqrt(gain * (1 - gain) / runs)).all()


def test_local_search_grows_symmetric_weights_the_same_each_time():
    W = local_search(20, 50, seed=3)
    assert np.array_equal(W, W.T)
    assert W.diagonal().sum() == 0
    assert W.any()
    assert np.array_equal(W, local_search(20, 50, seed=3))
    assert not np.array_equal(W, local_search(20, 50, seed=4))


def test_local_search_without_gain_or_closing_only_links_lonely_nodes_once():
    W = local_search(20, 30, seed=0, gain=0.0, closing=0.0, random_links=0.0, deletion=0.0)
    assert set(np.unique(W)) == {0.0, 1.0}
    graph = nx.from_numpy_array(W)
    assert nx.is_forest(graph)
    assert min(degree for _, degree in graph.degree) >= 1


def test_local_search_closes_triads_and_deletes_all_links():
    settings = {"gain": 0.0, "random_links": 0.0, "deletion": 0.0}
    closed = nx.from_numpy_array(local_search(20, 200, seed=0, closing=1.0, **settings))
    pieces = list(nx.connected_components(closed))
    assert all(nx.density(closed.subgraph(piece)) == 1 for piece in pieces)
    assert not local_search(20, 5, seed=0, deletion=1.0).any()


def test_row_distance_is_total_variation_without_the_two_nodes():
    W = np.random.default_rng(0).uniform(size=(5, 5))
    np.fill_diagonal(W, 0.0)
    P = W / W.sum(1, keepdims=True)
    apart = [
        sum(abs(P[i, k] - P[j, k]) for k in range(5) if k not in (i, j)) / 2
        for i, j in product(range(5), repeat=2)
        if i != j
    ]
    assert triads.row_distance(W) == pytest.approx(np.mean(apart))
    alike = np.ones((4, 4)) - np.eye(4)
    assert triads.row_distance(alike) == pytest.approx(0, abs=1e-15)


def test_starting_graphs_have_the_edges_they_promise():
    graphs = triads.starting_graphs(40, 0.1, 4, seed=0)
    shares = [
        triads.inside_share(
            triads.adjacency(triads.starting_graphs(40, 0.1, 4, seed)["planted"]), 4
        )
        for seed in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.75, abs=0.03)  # 150 edges each: error 0.008
    assert graphs["complete"].number_of_edges() == 40 * 39
    with pytest.raises(ValueError, match="7 equal blocks of 40 nodes"):
        triads.starting_graphs(40, 0.1, 7, seed=0)


def test_graph_measures_see_planted_communities_and_hubs():
    blocks = np.kron(np.eye(4), np.ones((5, 5))) - np.eye(20)
    found = triads.graph_measures(blocks, nulls=3, seed=0)
    assert found["q"] == pytest.approx(3 / 4)
    assert found["excess"] > 0.3
    assert found["excess_edges"] == pytest.approx(0)
    assert found["edges"] == 80
    star = np.zeros((20, 20))
    star[1:, 0] = 1.0
    assert triads.graph_measures(star, nulls=3, seed=0)["hubs"] == pytest.approx(1 / 2)
    single = np.zeros((20, 20))
    single[0, 1] = 1.0
    assert triads.graph_measures(single, nulls=3, seed=0)["hubs"] == 1


def test_the_mean_field_follows_expected_gain():
    graph = triads.starting_graphs(8, 0.1, 2, seed=0)["complete"]
    rows = triads.row_course(graph, [0.0, 1.0], [1.0], [0, 1, 2])
    field = rows[rows.increment == 0].set_index("added").distance
    W, A = triads.adjacency(graph), np.ones((8, 8)) - np.eye(8)
    assert field[0] == pytest.approx(triads.row_distance(W))
    for _ in range(100):
        W += 0.01 * (A @ (W / W.sum(1, keepdims=True))) * A
    assert field[1] == pytest.approx(triads.row_distance(W))


def test_module_table_finds_the_layers_of_separate_pairs():
    W, cut = np.ones((6, 6)), np.full((6, 6), 1e-9)
    table = layers.module_table({"four": [[W, cut, W]]})
    assert table.pairs.item() == table.runs.item() == 1
    assert table.span.item() == pytest.approx(2)
    assert table.q.item() == table.q_pairs.item() == pytest.approx(1 / 2, abs=1e-6)
    assert np.array_equal(layers.layer_map([W, cut, W]), [[1, 1, 0, 0], [0, 0, 1, 1]])


def test_tables_and_figures_of_small_networks():
    networks = {3: layers.initial_networks([6, 5, 4], range(3), edges=20)}
    table = layers.wiring_table(networks, restarts=1)
    assert layer_sizes(networks[3][0]) == [6, 5, 4]
    assert table[["layered", "within", "alternate", "random"]].notna().all(axis=None)
    convolutions = layers.convolution_table(5, [1, 2, 2], 3, range(3), restarts=1)
    assert (convolutions.shared_local > convolutions.full).all()
    figures = {
        "Q": background.dots({"c": convolutions}, {"full": "full"}, "Q"),
        "wired": background.grouped_dots(table, "network", {"random": "random"}, "wired"),
        "layers": background.curves(
            {"a": table}, "network", {"random": "random"}, ("layers", "Q"), ticks=[3]
        ),
    }
    assert all(figure.axes[0].get_xlabel() == label for label, figure in figures.items())
    means = [convolutions.full.mean(), table.random.mean(), 3]
    drawn = [figure.axes[0].lines for figure in figures.values()]
    assert [lines[place].get_xdata()[0] for lines, place in zip(drawn, (1, 1, 0), strict=True)] == (
        pytest.approx(means)
    )


def test_figures_of_the_course_name_starts_and_settings():
    settings = {"no decay": {}, "removal": {"decay": 0.5, "threshold": 0.9}}
    kinds = {"n_nodes": 12, "density": 0.2, "blocks": 2}
    table = triads.course_table(settings, [0, 50, 4000], range(3), nulls=2, **kinds)
    assert len(table) == 3 * 3 * 2 * 3
    assert table.notna().all(axis=None)
    figure = background.courses(table, {"excess": "excess", "hubs": "hubs"})
    assert [ax.get_title() for ax in figure.axes[:3]] == ["random", "planted", "complete"]
    assert [ax.get_xlabel() for ax in figure.axes] == [""] * 3 + ["steps"] * 3
    maps = triads.snapshots(settings, 50, 0, **kinds)
    figure = background.weight_maps(maps)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["start", "no decay", "removal"]
