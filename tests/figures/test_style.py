"""Dots of figures: a mean over the ends of its interval."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from modlib.batch.statistics import interval
from modlib.figures.style import dot, mean_dot


def test_a_dot_is_a_mean_over_the_ends_of_its_interval():
    _, ax = plt.subplots()
    dot(ax, 2, 0.5, (0.25, 1.0), "#123456", "s", "named")
    bar, mark = ax.lines
    assert bar.get_xydata().tolist() == [[0.25, 2], [1.0, 2]]
    assert mark.get_xydata().tolist() == [[0.5, 2]]
    assert (mark.get_label(), mark.get_marker()) == ("named", "s")
    assert bar.get_color() == mark.get_color() == "#123456"
    values = 1e-3 * np.random.default_rng(0).lognormal(size=9)
    mean_dot(ax, 3, values, "red")
    assert ax.lines[2].get_xdata() == pytest.approx(interval(values))
    assert ax.lines[3].get_xdata() == pytest.approx([values.mean()])
    plt.close()
