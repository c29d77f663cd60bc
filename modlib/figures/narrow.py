"""Figures for narrow screens: the same panels one below the other, with letters as large."""

from collections.abc import Callable, Iterator, Sequence
from textwrap import fill

import cloudpickle
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text
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

    Each panel has the ticks and labels that it shares with its row or column, or that head them.
    Panels without ticks, which show matrices and graphs, stay side by side.

    Raises:
        ValueError: if the figure is no grid of panels in the constrained layout, as
            `style.use_style` has it, with one panel at each place and one legend at most.

    >>> import matplotlib.pyplot as plt
    >>> figure, _ = plt.subplots(2, 3, figsize=(8, 4), sharex=True, layout="constrained")
    >>> narrow = in_one_column(figure)
    >>> narrow.axes[0].get_subplotspec().get_gridspec().get_geometry()
    (6, 1)
    """
    figure = cloudpickle.loads(cloudpickle.dumps(figure))
    plt.close(figure)  # it is nobody's to show
    width, height = figure.get_size_inches()
    panels = panels_of(figure)
    rows, columns = panels[0].get_subplotspec().get_gridspec().get_geometry()
    if any(len(ax.get_xticks()) or len(ax.get_yticks()) for ax in panels):
        columns = 1
        label(panels)
        heights = [max(height / rows, LINE * (3 + lines_of_names(ax))) for ax in panels]
        column = GridSpec(len(panels), 1, figure=figure, height_ratios=heights)
        for place, ax in zip(column, panels, strict=True):
            ax.set_subplotspec(place)
        figure.set_size_inches(WIDTH, sum(heights))
    else:
        figure.set_size_inches(WIDTH, max(height * WIDTH / width, rows * 5 * LINE))
        for text in (text for ax in panels for text in (ax.yaxis.label, *titles(ax))):
            text.set_fontsize(SMALL)
    for text in (text for ax in panels for text in titles(ax)):
        text.set_text(broken(text.get_text(), ACROSS // columns))
    for text in figure.texts:
        text.set_text(broken(text.get_text(), int(ACROSS * 11 / text.get_fontsize())))
    for legend in list(figure.legends):
        fold(figure, legend)
    return figure


def panels_of(figure: Figure) -> list[Axes]:
    """Return the panels of a figure's grid, without places that nothing is drawn in.

    Raises:
        ValueError: if it is no such grid.
    """
    for ax in figure.axes:
        if not (ax.get_visible() and (ax.axison or shows(ax))):
            ax.remove()
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    places = [ax.get_subplotspec() for ax in panels]
    grids = {id(place.get_gridspec()) for place in places}
    spots = {(place.rowspan.start, place.colspan.start) for place in places}
    single = all(len(place.rowspan) == len(place.colspan) == 1 for place in places)
    constrained = isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine)
    if len(grids) != 1 or len(spots) < len(panels) or not (single and constrained):
        raise ValueError(
            "a figure in one column needs a grid in the constrained layout, as by plt.subplots, one"
            f" panel at each place, got {len(panels)} panels at {len(spots)} places of"
            f" {len(grids)} grids"
        )
    if len(figure.legends) > 1:
        raise ValueError(f"a column has one legend at most, got {len(figure.legends)}")
    return panels


def shows(ax: Axes) -> bool:
    """Return whether there is anything in a panel but its axes."""
    beside = (ax.texts, ax.tables, ax.artists, ax.child_axes, titles(ax), ax.get_legend())
    return ax.has_data() or any(beside)


def titles(ax: Axes) -> list[Text]:
    """Return a panel's titles: in the middle, and at either side."""
    above = [child for child in ax.get_children() if isinstance(child, Text)]
    return [text for text in above if text not in ax.texts and text.get_text()]


def label(panels: Sequence[Axes]) -> None:
    """Give each panel of a grid what it shares with its row or column, or what heads them."""
    of = {ax: ax.get_subplotspec() for ax in panels}
    rows = {ax: [one for one in panels if of[one].rowspan == of[ax].rowspan] for ax in panels}
    columns = {ax: [one for one in panels if of[one].colspan == of[ax].colspan] for ax in panels}
    lefts, tops = ({ax: line[ax][0] for ax in panels} for line in (rows, columns))
    bottoms = {ax: columns[ax][-1] for ax in panels}
    title_heads = heads(tops, Axes.get_title)
    x_heads, y_heads = heads(bottoms, Axes.get_xlabel), heads(lefts, Axes.get_ylabel)
    for ax in panels:
        left, top, bottom = lefts[ax], tops[ax], bottoms[ax]
        if title_heads and top is not ax:
            ax.set_title(top.get_title(), fontsize=top.title.get_fontsize())
        share_x = ax.get_shared_x_axes().joined(ax, bottom)
        share_y = ax.get_shared_y_axes().joined(ax, left)
        if share_x or x_heads:
            take_label(ax.xaxis, bottom.xaxis)
        if share_y or y_heads:
            take_label(ax.yaxis, left.yaxis)
        if share_x:
            ax.tick_params(labelbottom=bottom.xaxis.get_tick_params().get("labelbottom", True))
        if share_y:
            ax.tick_params(labelleft=left.yaxis.get_tick_params().get("labelleft", True))


def heads(ends: dict[Axes, Axes], told: Callable[[Axes], str]) -> bool:
    """Return whether what panels say heads the rows or columns of a grid that has several of both.

    It does if those say it that are the `ends` of a row or column, and no others.
    """
    places = [ax.get_subplotspec() for ax in ends]
    several = min(len({p.rowspan.start for p in places}), len({p.colspan.start for p in places}))
    return several > 1 and not any(told(ax) for ax, end in ends.items() if ax is not end)


def take_label(own: Axis, other: Axis) -> None:
    """Give an axis another one's label, if it shows none."""
    if not (own.label.get_text() and own.label.get_visible()):
        own.set_label_text(other.label.get_text(), fontsize=other.label.get_fontsize())
        own.label.set_visible(True)


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
    known = dict(entry for ax in figure.axes for entry in entries(ax))
    handles = [
        known.get(text, handle) for text, handle in zip(texts, legend.legend_handles, strict=True)
    ]
    across = max(1, int(ACROSS / (max(map(len, texts), default=0) + 6)))
    title = legend.get_title().get_text()
    legend.remove()
    where = "outside upper center"
    figure.legend(handles, texts, title=title, loc=where, ncols=across, fontsize=9)


def entries(ax: Axes) -> Iterator[tuple[str, object]]:
    """Yield what a legend of a panel has: labels, and all that each is drawn with."""
    handles, labels = ax.get_legend_handles_labels()
    yield from zip(labels, handles, strict=True)


def broken(text: str, across: int) -> str:
    """Return a text in lines of so many letters at most, or of one word; a formula stays whole.

    >>> broken("a line of letters", 9)
    'a line of\\nletters'
    """
    if "$" in text:
        return text
    lines = text.split("\n")
    parts = {"width": max(1, across), "break_long_words": False, "break_on_hyphens": False}
    return "\n".join(fill(line, **parts) for line in lines)
