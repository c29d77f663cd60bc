"""Figures as the pages of the book show them: drawings whose text is text, with their numbers."""

import hashlib
import warnings
from contextlib import suppress
from io import StringIO

from matplotlib.figure import Figure

from modlib.batch import kernel
from modlib.figures.data import drawn
from modlib.figures.narrow import in_one_column

LARGEST = 150_000
"""In a drawing of more bytes what lies in the panels is an image, and only the rest is drawn."""


def show_drawings() -> None:
    """Have the kernel, if one runs, show each figure as SVG alone, and note the numbers in it."""
    kernel.configure("InlineBackend", figure_formats=set())
    kernel.show(Figure, shown)


def shown(figure: Figure) -> dict[str, str]:
    """Return a figure as SVG, by type; note its numbers, and its form on a phone if any."""
    drawing = svg(figure)
    csv = drawn(figure).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    kernel.say(data_of(drawing), "text/csv", csv)
    # what a reader draws may be of any form, and is shown all the same
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("error")  # as of panels that have no room
        kernel.say(narrow_of(drawing), "image/svg+xml", svg(in_one_column(figure)))
    return {"image/svg+xml": drawing}


def svg(figure: Figure) -> str:
    """Return a figure as SVG, the same bytes each time."""
    drawing = printed(figure)
    if len(drawing) > LARGEST:
        for ax in figure.axes:
            for artist in (*ax.collections, *ax.lines, *ax.patches):
                artist.set_rasterized(True)
        drawing = printed(figure)
    return drawing


def printed(figure: Figure) -> str:
    """Return a figure as SVG, as it is."""
    text = StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return text.getvalue()


def data_of(drawing: str) -> str:
    """Return the name under which the numbers of a drawing are noted."""
    return f"data {checksum(drawing)}"


def narrow_of(drawing: str) -> str:
    """Return the name under which the same in one column is noted."""
    return f"narrow {checksum(drawing)}"


def checksum(drawing: str) -> str:
    """Return what tells a drawing from others, whatever space a notebook has put into it."""
    return hashlib.sha256("".join(drawing.split()).encode()).hexdigest()
