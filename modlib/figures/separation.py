"""Figures of when networks separate what is separate."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modlib.figures.style import mean_dot, name_lines
from modlib.plots import GREY, PALETTE

COLOURS = {"SGD": PALETTE[0], "Adam": PALETTE[1]}
"""Of gradient descent and of Adam."""


def trainings(linear: pd.DataFrame, rectified: pd.DataFrame, expected: float) -> Figure:
    """Draw separation by kind of training: of linear networks, and of rectified ones over firing.

    Dotted is what evenly drawn directions have.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.4), width_ratios=(1, 1.15))
    groups = linear.groupby("kind", sort=False).separation
    for height, (kind, values) in enumerate(reversed([*groups])):
        mean_dot(left, height, values, _colour(kind))
    name_lines(left, [kind for kind, _ in reversed([*groups])])
    left.axvline(expected, color=GREY, ls=":", zorder=0)
    left.set(xlabel="separation", title="linear networks", xlim=(-0.03, 1.03))
    means = rectified.drop(columns="seed").groupby("training", sort=False).mean()
    right.set(xlabel="share of examples that a neuron fires at", ylabel="separation")
    right.set(title="rectified networks", xlim=(0, 1.05), yscale="log")
    for name, row in means.iterrows():
        right.plot(row.firing, row.separation, "o", ms=6, color=_colour(str(name)), label=str(name))
        _name(right, str(name), row)
    return fig


def _name(ax: Axes, training: str, row: pd.Series) -> None:
    """Name a training at its point: Adam's right above it, others left below, long ones beside."""
    at, label = (row.firing, row.separation), training.replace(", ", "\n")
    x, y, across, side = (
        (5, 2, "left", "bottom") if "Adam" in training else (-5, -2, "right", "top")
    )
    if "\n" in label:
        x, y, across, side = 5, 0, "left", "center"
    ax.annotate(label, at, (x, y), textcoords="offset points", fontsize=7.5, ha=across, va=side)


def _colour(kind: str) -> str:
    return next((colour for name, colour in COLOURS.items() if kind.startswith(name)), GREY)


def loops(courses: pd.DataFrame, noisy: pd.DataFrame) -> Figure:
    """Draw how a difference between modules grows or fades, and what noise and width change."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.2))
    for colour, (multiple, rows) in zip(PALETTE, courses.groupby("multiple"), strict=False):
        left.plot(rows.time, rows.integrated, color=colour, lw=1.5, label=f"{multiple:g}")
        left.plot(rows.time, rows["lean"], "o", ms=3.5, color=colour)
    left.set(xlabel="time", ylabel="difference $u$")
    left.legend(title="start, in thresholds", fontsize=9, title_fontsize=9)
    for colour, (width, rows) in zip(PALETTE, noisy.groupby("width"), strict=False):
        _means(right, rows, colour, f"{width:g}")
    right.set(xlabel="difference at the start, in thresholds", ylabel="difference $u$ at the end")
    right.legend(title="width", fontsize=9, title_fontsize=9)
    return fig


def _means(ax: Axes, rows: pd.DataFrame, colour: str, label: str) -> None:
    means = rows.groupby("multiple")["lean"].mean()
    ax.plot(means.index, means, color=colour, label=label)
    ax.plot(rows.multiple, rows["lean"], "o", ms=3, color=colour)
