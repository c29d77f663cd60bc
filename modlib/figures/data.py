"""The numbers that a figure shows, read off what is drawn in it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import (
    FillBetweenPolyCollection,
    LineCollection,
    PathCollection,
    QuadMesh,
)
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

COLUMNS = ("panel", "series", "x", "x_low", "x_high", "y", "y_low", "y_high")
"""What is told of a point; the ends are those of its interval or band."""


def drawn(figure: Figure) -> pd.DataFrame:
    """Return what a figure shows: one row per point, or per row of an image.

    A row of an image has its number as y and its values, or colours, in columns 0, 1, .... A
    series is named by its label, or that of the one label whose line looks the same. Lines that
    span an axis, as guides do, have no numbers. Columns without any are left out.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> _ = ax.plot([0, 1], [0.5, 0.25], label="loops")
    >>> print(drawn(figure).to_csv(index=False))
    panel,series,x,y
    1,loops,0.0,0.5
    1,loops,1.0,0.25
    <BLANKLINE>
    """
    parts = []
    for number, ax in enumerate(figure.axes, 1):
        title = " ".join(ax.get_title().split())
        for series, part in series_of(ax, labels(figure)):
            part.insert(0, "panel", f"{number}: {title}" if title else str(number))
            part.insert(1, "series", series)
            parts.append(part)
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    told = [name for name in COLUMNS if name in table and table[name].notna().any()]
    return table[[*told, *(name for name in table if name not in COLUMNS)]]


def labels(figure: Figure) -> dict[tuple[str, str], str]:
    """Return the label of each colour and marker that has but one."""
    told: dict[tuple[str, str], set[str]] = {}
    for ax in figure.axes:
        for line in ax.lines:
            if not str(line.get_label()).startswith("_"):
                told.setdefault(looks(line), set()).add(str(line.get_label()))
    return {look: names.pop() for look, names in told.items() if len(names) == 1}


def looks(line: Line2D) -> tuple[str, str]:
    """Return colour and marker of a line."""
    return to_hex(line.get_color()), str(line.get_marker())


def series_of(
    ax: Axes, known: dict[tuple[str, str], str]
) -> Iterator[tuple[str | list[str], pd.DataFrame]]:
    """Yield name and numbers of each series of a panel; edges come together, each with its name."""
    for number, (line, part) in enumerate(lines(ax), 1):
        label = str(line.get_label())
        if label.startswith("_"):
            label = known.get(looks(line), f"line {number}")
        yield label, named(ax, part)
    for container in ax.containers:
        if isinstance(container, BarContainer):
            yield str(container.get_label()).lstrip("_"), named(ax, bars(container))
    for number, one in enumerate(ax.collections, 1):
        if isinstance(one, PathCollection):
            points = pd.DataFrame(np.asarray(one.get_offsets()), columns=["x", "y"])
            yield f"points {number}", named(ax, points)
        elif isinstance(one, LineCollection):
            yield edges(one)
        elif isinstance(one, QuadMesh):
            yield f"image {number}", matrix(one.get_array())
    for number, image in enumerate(ax.images, 1):
        yield f"image {number}", matrix(image.get_array())


def lines(ax: Axes) -> list[tuple[Line2D, pd.DataFrame]]:
    """Return the lines that lie in a panel's own coordinates, with their intervals and bands.

    A bar across or up that is drawn in a point's colour just before it is the point's interval.
    """
    found: list[tuple[Line2D, pd.DataFrame]] = []
    for line in ax.lines:
        if line.get_transform() == ax.transData:
            x, y = (np.asarray(values, float) for values in line.get_data(orig=False))
            part = pd.DataFrame({"x": x, "y": y})
            if len(part) == 1:
                while found and is_interval(*found[-1], line, part):
                    _, ends = found.pop()
                    across = "y" if ends.x.nunique() == 1 else "x"
                    part[[f"{across}_low", f"{across}_high"]] = [sorted(ends[across])]
            found.append((line, part))
    for band in ax.collections:
        if isinstance(band, FillBetweenPolyCollection) and band.t_direction == "x":
            of_band(band, found)
    return found


def is_interval(line: Line2D, ends: pd.DataFrame, of: Line2D, point: pd.DataFrame) -> bool:
    """Return whether a line is a bar through a point, in its colour."""
    ((x, y),) = point[["x", "y"]].to_numpy()
    straight = len(ends) == 2 and ((ends.x == x).all() or (ends.y == y).all())
    return straight and to_hex(line.get_color()) == to_hex(of.get_color())


def of_band(band: FillBetweenPolyCollection, found: list[tuple[Line2D, pd.DataFrame]]) -> None:
    """Add the ends of a band to the line over the same places in its colour."""
    ((red, green, blue, _),) = band.get_facecolor()
    for path in band.get_paths():
        size = (len(path.vertices) - 3) // 2
        x, first = path.vertices[1 : size + 1].T
        second = path.vertices[size + 2 : -1, 1][::-1]
        for line, part in found:
            same = to_hex(line.get_color()) == to_hex((red, green, blue))
            if same and len(part) == size and np.allclose(part.x, x):
                part["y_low"], part["y_high"] = np.minimum(first, second), np.maximum(first, second)


def edges(drawn_together: LineCollection) -> tuple[list[str], pd.DataFrame]:
    """Return the points of the edges of a graph, and which edge each is of."""
    segments = drawn_together.get_segments()
    names = [f"edge {edge}" for edge, points in enumerate(segments, 1) for _ in points]
    return names, pd.DataFrame(np.concatenate([np.empty((0, 2)), *segments]), columns=["x", "y"])


def bars(container: BarContainer) -> pd.DataFrame:
    """Return where bars stand and how far they reach."""
    boxes = np.array([patch.get_bbox().get_points() for patch in container.patches])
    (x, y), (x_end, y_end) = boxes.mean(1).T, boxes[:, 1].T
    across = container.orientation == "horizontal"
    return pd.DataFrame({"x": x_end, "y": y} if across else {"x": x, "y": y_end})


def matrix(values: np.ndarray) -> pd.DataFrame:
    """Return an image, one row for each of its own."""
    values = np.ma.filled(np.ma.asarray(values, float), np.nan)
    if values.ndim == 3:
        values = np.array([[to_hex(np.clip(pixel, 0, 1)) for pixel in row] for row in values])
    return pd.DataFrame(values).rename_axis("y").reset_index()


def named(ax: Axes, part: pd.DataFrame) -> pd.DataFrame:
    """Return points, those at a tick that has been given a name by that name."""
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            part[name] = pd.Series([name_of(axis, value) for value in part[name]], part.index)
    return part


def name_of(axis: Axis, value: float | int) -> object:
    """Return the name of a place on an axis, or else the place."""
    name = " ".join(str(axis.get_major_formatter()(value)).split())
    return name if any(letter.isalpha() for letter in name) else value
