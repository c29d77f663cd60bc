"""Figures show what they are given: counted, coloured and placed as they say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb

from modlib import plots


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
    places = plots.neuron_positions([4, 2], np.array([2, 0, 1, 0, 1, 0]))
    assert places[:, 0].tolist() == [0, 0, 0, 0, 1, 1]
    # from the top down, neurons of one community in their own order
    assert places[:, 1].tolist() == [-7 / 8, -1 / 8, -5 / 8, -3 / 8, -3 / 4, -1 / 4]


def test_a_module_graph_draws_into_the_axes_given():
    fig, ax = plt.subplots()
    assert plots.module_graph(*network(2), ax) is ax
    assert fig.axes == [ax]


def sweep(measures, **changes):
    """A table of two tasks, two penalties with two strengths, and no penalty; 4 seeds."""
    rng = np.random.default_rng(1)
    settings = [
        ("none", 0.0),
        ("l1", 1e-3),
        ("l1", 1e-2),
        ("walk_loops", 1e-5),
        ("walk_loops", 1e-4),
    ]
    rows = [
        {"task": task, "penalty": penalty, "strength": strength, "seed": seed}
        for task in ("retina", "two_digits")
        for penalty, strength in settings
        for seed in range(4)
    ]
    return pd.DataFrame(rows).assign(**{m: rng.random(len(rows)) for m in measures})


MEASURES = {"accuracy": "accuracy on test", "excess": "excess Q"}


def test_strength_curves_draw_the_means_of_the_table():
    table = sweep(MEASURES)
    fig = plots.strength_curves(table, MEASURES)
    grid = np.array(fig.axes).reshape(2, 2)
    assert [ax.get_title() for ax in grid[0]] == ["retina", "two_digits"]
    assert [ax.get_ylabel() for ax in grid[:, 0]] == list(MEASURES.values())
    for row, measure in zip(grid, MEASURES, strict=True):
        for ax, task in zip(row, ("retina", "two_digits"), strict=True):
            mean = table[table.task == task].groupby(["penalty", "strength"])[measure].mean()
            none, *curves = ax.lines
            assert list(none.get_ydata()) == pytest.approx([mean["none", 0.0]] * 2, rel=1e-12)
            for penalty, line in zip(("l1", "walk_loops"), curves, strict=True):
                assert line.get_xdata().tolist() == mean[penalty].index.tolist()
                assert line.get_ydata() == pytest.approx(mean[penalty].to_numpy(), rel=1e-12)
                label, colour, marker = plots.PENALTY_STYLE[penalty]
                assert (line.get_label(), line.get_color(), line.get_marker()) == (
                    label,
                    colour,
                    marker,
                )
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["no penalty", "L1", "walk loops"]


def test_strength_curves_leave_out_points_where_a_network_diverged():
    table = sweep(MEASURES)
    table.loc[(table.strength == 1e-2) & (table.seed == 3), list(MEASURES)] = np.nan
    for ax in plots.strength_curves(table, MEASURES).axes:
        _, l1, walk_loops = ax.lines
        assert l1.get_xdata().tolist() == [1e-3]
        assert walk_loops.get_xdata().tolist() == [1e-5, 1e-4]


def test_a_comparison_shows_means_and_intervals_beside_the_names_of_their_penalties():
    rng = np.random.default_rng(2)
    index = [(t, p) for t in ("retina", "two_digits") for p in ("none", "l1", "walk_loops")]
    ends = [f"{measure}{end}" for measure in MEASURES for end in ("", "_low", "_high")]
    summary = pd.DataFrame(
        rng.random((6, 6)),
        columns=ends,
        index=pd.MultiIndex.from_tuples(index, names=["task", "penalty"]),
    ).drop(("two_digits", "l1"))
    fig = plots.comparison(summary, MEASURES)
    grid = np.array(fig.axes).reshape(2, 2)
    assert [ax.get_xlabel() for ax in grid[1]] == list(MEASURES.values())
    for row, task in zip(grid, ("retina", "two_digits"), strict=True):
        names = dict(zip(row[0].get_yticks(), row[0].get_yticklabels(), strict=True))
        for ax, measure in zip(row, MEASURES, strict=True):
            marks = [
                tuple(line.get_xydata().ravel())
                for line in ax.lines
                if line.get_color() != plots.GREY
            ]
            expected = []
            for penalty, (label, *_) in plots.PENALTY_STYLE.items():
                if (task, penalty) in summary.index:
                    mean, low, high = (
                        summary.loc[(task, penalty), measure + end] for end in ("", "_low", "_high")
                    )
                    (height,) = (y for y, name in names.items() if name.get_text() == label)
                    expected += [(low, height, high, height), (mean, height)]
            assert sorted(marks) == sorted(expected)


@COMMUNITIES
def test_an_animation_has_one_frame_per_snapshot(n_communities):
    chain, communities = network(n_communities, size=2)
    chains = {step: [W * (1 + step) for W in chain] for step in (0, 10, 500)}
    animation = plots.training_animation(chains, communities)
    assert list(animation.new_frame_seq()) == [0, 10, 500]
    page = animation.to_jshtml()
    assert page.count("data:image/png;base64") == 3


def test_every_penalty_has_a_style_of_its_own():
    from modlib import PENALTIES

    assert set(PENALTIES) <= set(plots.PENALTY_STYLE)
    for part in range(3):
        assert len({style[part] for style in plots.PENALTY_STYLE.values()}) == len(
            plots.PENALTY_STYLE
        )


def test_the_style_is_one_for_all_figures():
    with plt.rc_context():
        plots.use_style()
        colours = [entry["color"] for entry in plt.rcParams["axes.prop_cycle"]]
        assert [to_hex(c) for c in colours] == [c.lower() for c in plots.PALETTE]
        assert plt.rcParams["figure.constrained_layout.use"]
