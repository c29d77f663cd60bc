"""Figures of graphs and layers show what their tables say."""

import pytest

from modlib.figures import background
from modlib.study import closure, layers
from modlib.study.wiring import initial_networks


def test_figures_of_small_networks_show_their_means():
    table = layers.wiring_table({3: initial_networks([6, 5, 4], range(3))})
    figures = {
        "compared": background.compared(table, "network", {"random": "compared"}, {}),
        "wired": background.grouped_dots(table, "network", {"random": "random"}, "wired"),
        "layers": background.curves(
            {"a": table}, "network", {"random": "random"}, ("layers", "Q"), ticks=[3]
        ),
    }
    assert all(figure.axes[0].get_xlabel() == label for label, figure in figures.items())
    means = [table.random.mean(), table.random.mean(), 3]
    drawn = [figure.axes[0].lines for figure in figures.values()]
    assert [lines[place].get_xdata()[0] for lines, place in zip(drawn, (1, 1, 0), strict=True)] == (
        pytest.approx(means)
    )


def test_figures_of_the_course_name_starts_and_settings():
    settings = {"no decay": {}, "removal": {"decay": 0.5, "threshold": 0.9}}
    kinds = {"n_nodes": 12, "density": 0.2, "blocks": 2}
    table = closure.course_table(settings, [0, 50], range(3), nulls=2, **kinds)
    figure = background.courses(table, {"excess": "excess", "hubs": "hubs"})
    assert [ax.get_title() for ax in figure.axes[:3]] == ["random", "planted", "complete"]
    assert [ax.get_xlabel() for ax in figure.axes] == [""] * 3 + ["steps"] * 3
    figure = background.weight_maps(closure.snapshots(settings, 50, 0, **kinds))
    assert [ax.get_title() for ax in figure.axes[:3]] == ["start", "no decay", "removal"]
