"""Figures show what they are given: counted, coloured and placed as they say."""

import inspect

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from torch import nn

import modlib
from modlib import Connection, Network, modularity, plots
from modlib.batch.statistics import interval
from modlib.figures import style


def network(n_communities, size=4):
    """A chain whose neurons belong to communities in turn, and its communities."""
    rng = np.random.default_rng(0)
    n = n_communities * size
    chain = [rng.normal(size=(n, n)), rng.normal(size=(n, n_communities))]
    return chain, np.arange(2 * n + n_communities) % n_communities


COMMUNITIES = pytest.mark.parametrize("n_communities", [1, 3, 12])


@COMMUNITIES
def test_communities_share_a_colour_within_and_differ_between(n_communities):
    _, communities = network(n_communities)
    colours = [to_hex(colour) for colour in plots.community_colours(communities)]
    of = {
        c: {x for x, label in zip(colours, communities, strict=True) if label == c}
        for c in set(communities)
    }
    assert all(len(shades) == 1 for shades in of.values())
    bright = [shade for (shade,) in of.values() if shade != to_hex(plots.GREY)]
    assert len(set(bright)) == len(bright) == min(n_communities, len(plots.PALETTE))


def test_the_largest_communities_are_coloured_and_single_neurons_are_grey():
    sizes = [2] * len(plots.PALETTE) + [10, 1]
    colours = plots.community_colours(np.repeat(np.arange(len(sizes)), sizes))
    grey = [to_hex(colour) == to_hex(plots.GREY) for colour in colours]
    assert not any(grey[-11:-1])
    assert grey[-1]


@COMMUNITIES
def test_weight_matrices_show_absolute_weights_in_order_of_community(n_communities):
    chain, communities = network(n_communities)
    fig = plots.weight_matrices(chain, communities)
    assert len(fig.axes) == len(chain)
    starts = np.cumsum([0, len(chain[0]), chain[0].shape[1], chain[1].shape[1]])
    for depth, (W, ax) in enumerate(zip(chain, fig.axes, strict=True)):
        rows, columns = (
            sorted(range(start, stop), key=lambda neuron: communities[neuron])
            for start, stop in (starts[depth : depth + 2], starts[depth + 1 : depth + 3])
        )
        shown = np.abs(W)[np.array(rows) - starts[depth]][:, np.array(columns) - starts[depth + 1]]
        (image,) = ax.images
        assert np.array_equal(image.get_array(), shown)
    assert fig.axes[0].get_ylabel() == f"{len(chain[0])} inputs"
    assert fig.axes[-1].get_xlabel() == f"{n_communities} outputs"


@COMMUNITIES
def test_a_module_graph_draws_strong_edges_in_the_colour_of_their_community(n_communities):
    chain, communities = network(n_communities)
    ax = plots.module_graph(chain, communities)
    *layers, neurons = ax.collections
    places = [tuple(place) for place in neurons.get_offsets()]
    colours = plots.community_colours(communities)
    assert len(set(places)) == len(communities)
    assert np.array_equal(neurons.get_facecolors(), colours)
    start = 0
    for W, edges in zip(map(np.abs, chain), layers, strict=True):
        drawn = []
        for segment, colour in zip(edges.get_segments(), edges.get_colors(), strict=True):
            u, v = (places.index(tuple(end)) for end in segment)
            inside = communities[u] == communities[v]
            assert tuple(colour[:3]) == (tuple(colours[u][:3]) if inside else to_rgb("#555555"))
            drawn.append(W[u - start, v - start - len(W)])
        # the strongest tenth
        strongest = sorted(W.flat, reverse=True)[: len(drawn)]
        assert sorted(drawn, reverse=True) == strongest
        assert len(drawn) == pytest.approx(W.size / 10, abs=1)
        start += len(W)


def test_neurons_stand_in_their_layer_in_order_of_community_evenly_spaced():
    line = joined({"x": 4, "y": 2}, ("x", "y"))
    places = plots.neuron_positions(line, {"x": np.array([2, 0, 1, 0]), "y": np.array([1, 0])})
    assert [places[name][:, 0].tolist() for name in "xy"] == [[0, 0, 0, 0], [1, 1]]
    # from the top down, neurons of one community in their own order
    assert places["x"][:, 1].tolist() == [-7 / 8, -1 / 8, -5 / 8, -3 / 8]
    assert places["y"][:, 1].tolist() == [-3 / 4, -1 / 4]


def test_layers_of_one_depth_stand_below_each_other():
    sizes = {"x": 2, "a": 3, "b": 5, "y": 1}
    network = joined(sizes, ("x", "a"), ("x", "b"), ("a", "y"), ("b", "y"))
    labels = {name: np.zeros(size, int) for name, size in sizes.items()}
    places = plots.neuron_positions(network, labels)
    assert {name: set(places[name][:, 0]) for name in sizes} == {
        "x": {0},
        "a": {1},
        "b": {1},
        "y": {2},
    }
    a, b = places["a"][:, 1], places["b"][:, 1]
    assert 0 > a.max() > a.min() > -0.5 > b.max() > b.min() > -1
    assert a.min() - b.max() > 0.2  # more than between neighbours


@pytest.mark.parametrize(
    ("ends", "depths"),
    [
        ([("x", "a"), ("a", "y")], {"x": 0, "a": 1, "y": 2}),
        ([("x", "a"), ("a", "y"), ("x", "y")], {"x": 0, "a": 1, "y": 2}),
        ([("x", "y"), ("x", "a"), ("a", "y")], {"x": 0, "a": 1, "y": 2}),
        ([("x", "a"), ("a", "a"), ("a", "y")], {"x": 0, "a": 1, "y": 2}),
        ([("x", "a"), ("a", "b"), ("b", "a"), ("b", "y")], {"x": 0, "a": 1, "b": 2, "y": 3}),
        # the layers' order says where the inputs are, not where the rest lies
        ([("x", "y"), ("y", "b"), ("b", "a")], {"x": 0, "y": 1, "b": 2, "a": 3}),
        (
            [("x", "a"), ("x", "b"), ("a", "y"), ("b", "y")],
            {"x": 0, "a": 1, "b": 1, "y": 2},
        ),  # the longer of two ways, whichever is found last
        (["xc", "cy", "xa", "ab", "by"], {"x": 0, "a": 1, "b": 2, "c": 1, "y": 3}),
        (["xa", "ab", "by", "xc", "cy"], {"x": 0, "a": 1, "b": 2, "c": 1, "y": 3}),
        # a stream that three branches read and write to, in their order
        (["xa", "ab", "ba", "ac", "ca", "ay"], {"x": 0, "a": 1, "b": 2, "c": 3, "y": 4}),
    ],
)
def test_a_layer_is_as_deep_as_its_longest_way_from_the_inputs(ends, depths):
    network = joined(dict.fromkeys(sorted(depths, key="xyabc".index), 2), *ends)
    assert plots.depths(network) == depths


def joined(sizes, *ends):
    """A network of layers of these sizes, with connections of normal weights."""
    rng = torch.Generator().manual_seed(0)
    connections = [
        Connection(f"{a} to {b}", a, b, torch.randn(sizes[a], sizes[b], generator=rng))
        for a, b in ends
    ]
    return Network(dict(sizes), connections, [])


RESIDUAL = joined(
    {"x": 4, "stem": 6, "a": 5, "sum": 6, "y": 2},
    ("x", "stem"), ("stem", "a"), ("a", "sum"), ("stem", "sum"), ("sum", "sum"), ("sum", "y"),
)  # fmt: skip


def test_matrices_of_a_network_have_the_names_of_connections_and_layers():
    communities = np.arange(23) % 3
    fig = plots.weight_matrices(RESIDUAL, communities)
    of = dict(zip(RESIDUAL.sizes, np.split(communities, [4, 10, 15, 21]), strict=True))
    for (name, source, target, W), ax in zip(RESIDUAL.connections, fig.axes, strict=True):
        assert ax.get_title() == name
        assert ax.get_ylabel() == f"{len(W)} {source}"
        assert ax.get_xlabel() == f"{W.shape[1]} {target}"
        rows, columns = (np.argsort(of[layer], kind="stable") for layer in (source, target))
        (image,) = ax.images
        assert np.array_equal(image.get_array(), W.abs().double().numpy()[rows][:, columns])


def test_edges_of_a_network_join_its_neurons_skips_above_and_ways_back_below():
    sizes = {"x": 3, "a": 3, "b": 3, "y": 3}
    network = joined(sizes, ("x", "a"), ("a", "b"), ("b", "y"), ("x", "y"), ("b", "a"), ("a", "a"))
    communities = np.arange(12) % 2
    *edges, neurons = plots.module_graph(network, communities).collections
    places = dict(zip(sizes, np.split(np.asarray(neurons.get_offsets()), 4), strict=True))
    assert np.array_equal(neurons.get_facecolors(), plots.community_colours(communities))
    for (name, source, target, W), drawn in zip(network.connections, edges, strict=True):
        (segment,) = drawn.get_segments()  # the strongest of nine
        i, j = divmod(int(W.abs().argmax()), 3)
        here, there = places[source][i], places[target][j]
        assert np.allclose(segment[[0, -1]], [here, there])
        middle = segment[len(segment) // 2] - (here + there) / 2
        if name in ("x to a", "a to b", "b to y"):
            assert len(segment) == 2
        elif name == "a to a":
            assert middle[0] > 0.1
        else:
            assert (middle[1] > 0.1) == (name == "x to y")
            assert (middle[1] < -0.1) == (name == "b to a")
    left, right = neurons.axes.get_xlim()
    low, high = neurons.axes.get_ylim()
    for x, y in np.concatenate([segment for each in edges for segment in each.get_segments()]):
        assert left < x < right
        assert low < y < high
    assert [label.get_text() for label in neurons.axes.get_xticklabels()] == list(sizes)


@pytest.mark.parametrize("draw", [plots.weight_matrices, plots.module_graph])
@pytest.mark.parametrize("communities", [None, np.arange(15) % 3])
def test_a_chain_and_a_chain_as_a_network_are_drawn_alike(draw, communities):
    rng = np.random.default_rng(0)
    chain = [torch.tensor(rng.normal(size=shape)) for shape in ((6, 5), (5, 4))]
    drawn = [draw(each, communities) for each in (chain, Network.from_chain(chain))]
    one, other = (images_of(getattr(each, "figure", each)) for each in drawn)
    assert len(one) > 0
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_eight_matrices_stand_in_a_row():
    chain = [torch.eye(2)] * 11
    fig = plots.weight_matrices(chain, np.arange(24) % 2)
    tops = [ax.get_position().y0 for ax in fig.axes]
    assert len(set(tops[:8])) == len(set(tops[8:])) == 1
    assert len(tops) == 11
    assert tops[8] < tops[0]


@pytest.mark.parametrize("draw", [plots.weight_matrices, plots.module_graph])
def test_a_figure_of_too_many_connections_is_refused_with_what_to_do(draw):
    with pytest.raises(ValueError, match=r"40 connections at most, got 41; draw a part of the mod"):
        draw([torch.eye(2)] * 41)


def test_figures_of_chains_look_as_they_did():
    chain, communities = network(3)
    fig = plots.weight_matrices(chain, communities)
    assert tuple(fig.get_size_inches()) == pytest.approx((7.0, 4.0))
    assert [ax.get_title() for ax in fig.axes] == ["", ""]
    ax = plots.module_graph(chain, communities)
    assert tuple(ax.figure.get_size_inches()) == pytest.approx((6.0, 4.2))
    assert ax.get_xlim() == pytest.approx((-0.15, 2.15))
    assert ax.get_ylim() == pytest.approx((-1.02, 0.02))
    labels = ax.get_xticklabels()
    assert [x.get_text() for x in labels] == ["inputs", "hidden units\nlayer 1", "outputs"]
    assert {x.get_rotation() for x in labels} == {0}
    assert all(len(line) == 2 for part in ax.collections[:-1] for line in part.get_segments())


def test_a_module_graph_draws_into_the_axes_given():
    fig, ax = plt.subplots()
    assert plots.module_graph(*network(2), ax) is ax
    assert fig.axes == [ax]


def test_every_peer_has_a_style_of_its_own():
    from modlib import PENALTIES

    styles = style.PENALTY_STYLE
    assert set(styles) <= set(PENALTIES)
    assert len({label for label, _, _ in styles.values()}) == len(styles)
    assert len({(colour, marker) for _, colour, marker in styles.values()}) == len(styles)


def test_the_style_is_one_for_all_figures():
    with plt.rc_context():
        style.use_style()
        colours = [entry["color"] for entry in plt.rcParams["axes.prop_cycle"]]
        assert [to_hex(c) for c in colours] == [c.lower() for c in plots.PALETTE]
        assert plt.rcParams["figure.constrained_layout.use"]


def test_a_band_is_the_interval_around_the_means():
    table = pd.DataFrame({"x": [1, 2, 2, 2, 2, 1, 1], "value": [0.1, 1.0, 1.2, 1.7, 2.0, 0.2, 0.6]})
    _, ax = plt.subplots()
    style.mean_band(ax, table.groupby("x").value, color="red")
    (line,), (band,) = ax.lines, ax.collections
    assert line.get_xdata().tolist() == [1, 2]
    assert line.get_ydata() == pytest.approx([0.3, 1.475])
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    for x, values in table.groupby("x").value:
        assert {(x, end) for end in interval(values)} <= corners


@pytest.mark.parametrize("draw", [plots.weight_matrices, plots.module_graph])
def test_a_network_of_ones_own_is_drawn_with_the_communities_that_are_found(draw):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 4))
    chain = modlib.weights(model)
    assert chain[0].requires_grad
    found = modularity(chain, nulls=2).communities
    own, given = draw(chain), draw([W.detach() for W in chain], found)
    own, given = (getattr(x, "figure", x) for x in (own, given))
    for image, expected in zip(images_of(own), images_of(given), strict=True):
        assert np.array_equal(image, expected)
    assert len(images_of(own)) > 0


def images_of(figure):
    """All numbers that a figure draws."""
    boxes = [box for ax in figure.axes for box in (ax, *ax.child_axes)]
    images = [np.asarray(image.get_array()) for ax in boxes for image in ax.images]
    return images + [part.get_facecolors() for ax in boxes for part in ax.collections]


@pytest.mark.parametrize("draw", [plots.weight_matrices, plots.module_graph])
def test_a_stack_of_networks_is_no_figure(draw):
    with pytest.raises(ValueError, match=r"one network, got matrices of shape .*W\[0\] for W"):
        inspect.unwrap(draw)([np.ones((2, 3, 4)), np.ones((2, 4, 2))])
