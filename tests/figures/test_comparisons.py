"""Figures of comparisons show the numbers of their tables, under the right names."""

import numpy as np
import pandas as pd
import pytest

from modlib import plots
from modlib.batch import names
from modlib.figures import comparisons, style

MEASURES = {"accuracy": "test accuracy", "excess": "excess modularity"}
TASKS = ["retina", "two_digits"]
PENALTIES = ["none", "l1", "walk_loops"]


@pytest.fixture
def summary():
    rng = np.random.default_rng(2)
    measures = ("accuracy", "excess", "share", "ari")
    ends = [f"{m}{end}" for m in measures for end in ("", "_low", "_high")]
    index = pd.MultiIndex.from_product([TASKS, PENALTIES], names=["task", "penalty"])
    table = pd.DataFrame(rng.random((len(index), len(ends))), columns=ends, index=index)
    return table.drop(("two_digits", "l1"))


@pytest.fixture
def selection():
    rng = np.random.default_rng(3)
    rows = [
        {"task": task, "penalty": penalty, "strength": strength, "seed": seed}
        for task in TASKS
        for penalty, strengths in {
            "none": [0.0],
            "l1": [0.1, 1.0],
            "walk_loops": [0.3, 3.0],
        }.items()
        for strength in strengths
        for seed in range(3)
    ]
    table = pd.DataFrame(rows)
    return table.assign(
        validation_accuracy=0.9 + 0.1 * rng.random(len(table)), share=rng.random(len(table))
    )


def means(table, task, penalty):
    rows = table[(table.task == task) & (table.penalty == penalty)]
    return rows.groupby("strength")[["validation_accuracy", "share"]].mean()


def test_every_task_has_a_name_and_the_separate_ones_known_modules():
    from modlib import TASKS as ALL

    assert set(names.TASK_NAMES) == set(ALL)
    assert len(set(names.TASK_NAMES.values())) == len(ALL)
    for name, make in ALL.items():
        task = make()
        outputs_alone = set(task.output_modules) >= set(task.known_modules)
        shared = (task.input_modules[task.live] < 0).any()
        separate = len(task.known_modules) > 1 and outputs_alone and not shared
        assert (name in names.SEPARATE) == separate, name


def test_tasks_come_in_their_order_and_only_those_there(summary):
    assert comparisons.of_tasks(summary) == TASKS
    assert comparisons.of_tasks(summary, ["two_digits", "mnist", "retina"]) == TASKS[::-1]


def test_structure_stands_against_function_with_intervals(summary):
    fig = comparisons.structure_against_function(summary, TASKS)
    for ax, task in zip(fig.axes, TASKS, strict=True):
        assert ax.get_title() == names.TASK_NAMES[task]
        marked = {line.get_label(): line for line in ax.lines if line.get_marker() != "None"}
        for penalty in summary.loc[task].index:
            label, colour, marker = style.PENALTY_STYLE[penalty]
            row, line = summary.loc[(task, penalty)], marked.pop(label)
            assert line.get_xydata().tolist() == [[row.share, row.ari]]
            assert (line.get_color(), line.get_marker()) == (colour, marker)
            bars = [one.get_xydata().tolist() for one in ax.lines if one.get_color() == colour]
            assert [[row.share_low, row.ari], [row.share_high, row.ari]] in bars
            assert [[row.share, row.ari_low], [row.share, row.ari_high]] in bars
        assert not marked


def test_the_tradeoff_follows_the_strengths_in_order(selection):
    fig = comparisons.tradeoff(selection.sample(frac=1, random_state=1), TASKS)
    for ax, task in zip(fig.axes, TASKS, strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        for penalty in ("l1", "walk_loops"):
            drawn = lines[style.PENALTY_STYLE[penalty][0]].get_xydata()
            assert drawn == pytest.approx(means(selection, task, penalty).to_numpy())
        cross = next(line for line in ax.lines if line.get_marker() == "x")
        assert cross.get_xydata() == pytest.approx(means(selection, task, "none").to_numpy())


def test_the_plateau_counts_points_of_accuracy_from_no_penalty(selection):
    fig = comparisons.plateau(selection, "walk_loops", TASKS, default=0.15)
    for n, task in enumerate(TASKS):
        expected, none = means(selection, task, "walk_loops"), means(selection, task, "none")
        share, points = (ax.lines[n] for ax in fig.axes)
        assert share.get_xdata().tolist() == points.get_xdata().tolist() == [0.3, 3.0]
        assert share.get_ydata() == pytest.approx(expected.share.to_numpy())
        change = expected.validation_accuracy - none.validation_accuracy.item()
        assert points.get_ydata() == pytest.approx(100 * change.to_numpy())
    assert all([0.15, 0.15] in [list(line.get_xdata()) for line in ax.lines] for ax in fig.axes)


def test_a_comparison_shows_means_and_intervals_beside_the_names_of_their_penalties(summary):
    fig = comparisons.comparison(summary, MEASURES, TASKS, list(style.PENALTY_STYLE))
    grid = np.array(fig.axes).reshape(2, 2)
    assert [ax.get_xlabel() for ax in grid[1]] == list(MEASURES.values())
    for row, task in zip(grid, TASKS, strict=True):
        names = dict(zip(row[0].get_yticks(), row[0].get_yticklabels(), strict=True))
        for ax, measure in zip(row, MEASURES, strict=True):
            marks = [
                tuple(line.get_xydata().ravel())
                for line in ax.lines
                if line.get_color() != plots.GREY
            ]
            expected = []
            for penalty, (label, *_) in style.PENALTY_STYLE.items():
                if (task, penalty) in summary.index:
                    mean, low, high = (
                        summary.loc[(task, penalty), measure + end] for end in ("", "_low", "_high")
                    )
                    (height,) = (y for y, name in names.items() if name.get_text() == label)
                    expected += [(low, height, high, height), (mean, height)]
            assert sorted(marks) == sorted(expected)
