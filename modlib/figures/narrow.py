"""Figures for narrow screens: the same panels one below the other, with letters as large."""

from collections.abc import Sequence
from textwrap import fill

import cloudpickle
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.legend import Legend
from matplotlib.ticker import FixedLocator

WIDTH = 3.4
"""Of a figure in one column, in inches: letters of seven points have nine pixels on a phone."""

ACROSS = 40
"""How many letters of eleven points fit on a line."""

SMALL = 8
"""Points of letters above and beside panels that stay side by side, and of names."""

NAME = 24
"""How many letters of a line belong to a name beside a panel."""

LINE = 0.17
"""How high a line of letters is, in inches."""


def in_one_column(figure: Figure) -> Figure:
    """Return a copy of a figure that is as wide as a phone, with its panels in one column.

    Each panel has the title and the labels that stood at the end of its row or column. Panels
    without ticks, which show matrices and graphs, stay side by side.

    >>> import matplotlib.pyplot as plt
    >>> figure, _ = plt.subplots(2, 3, figsize=(8, 4), sharex=True)
    >>> narrow = in_one_column(figure)
    >>> narrow.axes[0].get_subplotspec().get_gridspec().get_geometry()
    (6, 1)
    """
    figure = cloudpickle.loads(cloudpickle.dumps(figure))
    plt.close(figure)  # it is nobody's to show
    width, height = figure.get_size_inches()
    for ax in figure.axes:
        if not (ax.axison or ax.has_data()):
            ax.remove()  # a place of the grid that nothing is drawn in
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grids = [ax.get_subplotspec().get_gridspec() for ax in panels]
    rows, columns = grids[0].get_geometry() if grids else (1, 1)
    if any(len(ax.get_xticks()) for ax in panels):
        columns = 1
        label(panels)
        heights = [max(height / rows, LINE * (3 + lines_of_names(ax))) for ax in panels]
        column = GridSpec(len(panels), 1, figure=figure, height_ratios=heights)
        for place, ax in zip(column, panels, strict=True):
            ax.set_subplotspec(place)
        figure.set_size_inches(WIDTH, sum(heights))
    else:
        figure.set_size_inches(WIDTH, max(height * WIDTH / width, rows * 5 * LINE))
        for ax in panels:
            ax.yaxis.label.set_fontsize(SMALL)
    for ax in panels:
        for where in ("left", "center", "right"):
            if title := ax.get_title(where):
                size = SMALL if columns > 1 else ax.title.get_fontsize()
                ax.set_title(broken(title, ACROSS // columns), loc=where, fontsize=size)
    for text in figure.texts:
        text.set_text(broken(text.get_text(), int(ACROSS * 11 / text.get_fontsize())))
    for legend in figure.legends:
        fold(figure, legend)
    return figure


def label(panels: Sequence[Axes]) -> None:
    """Give each panel of a grid the labels of the ends of its row and column, where it has none."""
    places = [ax.get_subplotspec() for ax in panels]
    for ax, place in zip(panels, places, strict=True):
        row = [of for of, at in zip(panels, places, strict=True) if at.rowspan == place.rowspan]
        column = [of for of, at in zip(panels, places, strict=True) if at.colspan == place.colspan]
        left, top, bottom = row[0], column[0], column[-1]
        ax.set_title(ax.get_title() or top.get_title(), fontsize=top.title.get_fontsize())
        for axis, end in ((ax.yaxis, left.yaxis), (ax.xaxis, bottom.xaxis)):
            size = end.label.get_fontsize()
            axis.set_label_text(axis.label.get_text() or end.label.get_text(), fontsize=size)
        ax.tick_params(
            labelleft=left.yaxis.get_tick_params()["labelleft"],
            labelbottom=bottom.xaxis.get_tick_params()["labelbottom"],
        )


def lines_of_names(ax: Axes) -> int:
    """Break the names beside a panel, if it has any; return how many lines they take in all."""
    if not isinstance(ax.yaxis.get_major_locator(), FixedLocator) or not len(ax.get_yticks()):
        return 0
    names = [broken(name.get_text(), NAME) for name in ax.get_yticklabels()]
    ax.set_yticks(ax.get_yticks(), names, fontsize=SMALL)
    return len(names) * (1 + max(name.count("\n") for name in names))


def fold(figure: Figure, legend: Legend) -> None:
    """Put a legend above a figure, as many entries side by side as have room."""
    texts = [text.get_text() for text in legend.get_texts()]
    across = max(1, int(ACROSS / (max(map(len, texts), default=0) + 6)))
    legend.remove()
    where = "outside upper center"
    figure.legend(legend.legend_handles, texts, loc=where, ncols=across, fontsize=9)


def broken(text: str, across: int) -> str:
    """Return a text in lines of so many letters at most, or of one word."""
    return fill(text, across, break_long_words=False, break_on_hyphens=False)
