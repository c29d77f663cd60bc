"""Names in figures: all that is registered has one, or a test says what to add and where."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from modlib import PENALTIES, TASKS
from modlib.batch.statistics import interval
from modlib.figures.comparisons import MEASURE_NAMES, TASK_NAMES
from modlib.figures.style import PENALTY_STYLE, dot, mean_dot
from modlib.training.measures import MEASURES


def unnamed(registered, names, what, entry, place):
    """Return what to add where, for each name that is registered and not labelled."""
    return [f"{what} {name!r}: add {entry} to {place}" for name in registered if name not in names]


def assert_named(*told):
    missing = unnamed(*told)
    assert not missing, "\n".join(missing)


def test_every_penalty_has_a_label_a_colour_and_a_marker():
    entry, place = "its (label, colour, marker)", "PENALTY_STYLE in modlib/figures/style.py"
    assert_named(PENALTIES.keys(), PENALTY_STYLE, "penalty", entry, place)
    assert not PENALTY_STYLE.keys() - PENALTIES.keys()
    assert len(set(PENALTY_STYLE.values())) == len(PENALTY_STYLE)
    assert len({label for label, *_ in PENALTY_STYLE.values()}) == len(PENALTY_STYLE)


def test_every_task_has_a_label():
    assert_named(
        TASKS, TASK_NAMES, "task", "its label", "TASK_NAMES in modlib/figures/comparisons.py"
    )
    assert not TASK_NAMES.keys() - TASKS.keys()


def test_every_measure_has_a_label_of_its_own():
    names = {measure.name for measure in MEASURES if measure.label}
    assert_named(names, MEASURE_NAMES, "measure", "a Measure", "modlib/training/measures.py")
    assert len({measure.label for measure in MEASURES}) == len(MEASURES)


def test_what_is_not_named_is_told_with_what_to_add_and_where():
    (line,) = unnamed(
        ["none", "new"], PENALTY_STYLE, "penalty", "its label", "PENALTY_STYLE in x.py"
    )
    assert line == "penalty 'new': add its label to PENALTY_STYLE in x.py"


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
