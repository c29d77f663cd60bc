"""Figures are drawn in the page: with its text, in its colours, light or dark, beside their data.

A kernel shows a figure as SVG and notes its numbers (`modlib.figures.pictures`).
"""

import hashlib
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from myst_nb.ext.glue.crossref import read_glue_cache
from provenance import Markup
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from modlib.figures.pictures import data_of, narrow_of

logger = logging.getLogger(__name__)

READABLE = 9
"""How many pixels the smallest letter of a figure has, as shown, at least."""

WIDEST = 640
"""How many pixels a figure takes at most, if it can be read."""

PIXELS = 110 / 72
"""How many pixels a point is."""

NARROW = 340
"""How many pixels a figure on a phone takes without being moved sideways."""

TALLEST = 3_400
"""How many pixels it is high there at most in one column, four screens; else it moves sideways."""

COLOURS = {
    "#000000": "currentColor",
    "#262626": "currentColor",
    "#ffffff": "var(--pst-color-background)",
    "#882255": "var(--drawing-purple, #882255)",
}
"""What is black, or white, becomes the page's, and so what is too dark for a dark one."""

SPARE = "|".join(
    [
        "<metadata>.*?</metadata>", "<style.*?</style>", "<!--.*?-->", r"(?<=>)\s+(?=<)",
        "font-family: 'Arial'[^;]*; ?",
    ]
)  # fmt: skip
"""What a drawing says beside what is drawn; lines and letters are as the page's style has them."""


class Figures(SphinxPostTransform):
    """Put each drawing into the page, and below it links to its data and to itself."""

    default_priority = 3  # after the foldouts, and while it is known what there is beside a drawing
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Put them there."""
        for block in failures(self.document):
            logger.warning("an output failed:\n%s", block.astext()[-500:], location=block)
        noted = read_glue_cache(str(self.env.mystnb_config.output_folder), self.env.docname)
        page = Path(self.app.outdir, self.env.docname)
        page.parent.mkdir(parents=True, exist_ok=True)
        for number, (image, drawing, beside) in enumerate(drawings(self.document, noted), 1):
            bundle = image.parent.parent
            shown = bundle.parent if isinstance(bundle.parent, nodes.figure) else bundle
            ids = shown["ids"]
            anchor = ids[0] if ids else f"fig-{number}"
            path = page.with_name(f"{page.name}-{anchor}.csv")
            path.write_text(beside.data, "utf-8")
            below = Markup(html=links(path.name, anchor))
            shown.parent.insert(shown.parent.index(shown) + 1, below)
            html = on_each_screen(drawing, beside.narrow, image.get("alt", ""))
            image.replace_self(Markup(html=html if ids else f'<div id="{anchor}">{html}</div>'))


def failures(document: nodes.document) -> list[nodes.literal_block]:
    """Return what tells of outputs that failed: a cell that shows one does not stop for it."""
    blocks = document.findall(nodes.literal_block)
    return [block for block in blocks if "traceback" in block["classes"]]


class Beside(NamedTuple):
    """What was noted of a drawing: its numbers, and its form in one column, if it has one."""

    data: str
    narrow: str | None


def drawings(
    document: nodes.document, noted: Mapping[str, dict]
) -> list[tuple[nodes.image, str, Beside]]:
    """Return each drawing of a page whose numbers were noted: its place, itself, what is beside."""
    found = []
    for image in document.findall(nodes.image):
        if image.parent.get("mime_type") == "image/svg+xml":
            path = Path(document.settings.env.srcdir, image["uri"].lstrip("/"))
            drawing = path.read_text("utf-8")
            if data_of(drawing) in noted:
                data = noted[data_of(drawing)]["data"]["text/csv"]
                narrow = noted.get(narrow_of(drawing))
                narrow = narrow and narrow["data"]["image/svg+xml"]
                found.append((image, drawing, Beside(data, narrow)))
    return found


def links(file: str, anchor: str) -> str:
    """Return the links below a figure: to its data, and to itself."""
    return (
        f'<div class="of-figure"><a href="{file}" download aria-label="Data of {anchor}">Data</a>'
        f' <a href="#{anchor}" aria-label="Link to {anchor}">Link</a></div>\n'
    )


def on_each_screen(drawing: str, narrow: str | None, alt: str) -> str:
    """Return a drawing as HTML; if a phone is too narrow for it, there with its other form."""
    if narrow is None or least_width(drawing) <= NARROW or height(narrow) > TALLEST:
        return inline(drawing, alt)
    return inline(drawing, alt, "desk") + inline(narrow, alt, "phone")


def height(narrow: str) -> float:
    """Return how many pixels a drawing is high on a phone."""
    across, high = size(narrow)
    return high / across * NARROW


def least_width(drawing: str) -> float:
    """Return how many pixels a drawing takes at least, so that its smallest letters can be read."""
    sizes = re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", re.sub(SPARE, "", drawing, flags=re.S))
    return size(drawing)[0] * READABLE / min(map(float, sizes)) if sizes else 0.0


def size(drawing: str) -> tuple[float, float]:
    """Return how wide and how high a drawing is, in points."""
    across, high = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing).groups()
    return float(across), float(high)


def inline(drawing: str, alt: str, screen: str = "") -> str:
    """Return a drawing as HTML, in the page's colours, for all screens or one kind.

    On a narrow screen it is marked as wide if it has to be moved sideways.
    """
    root, body = re.search(r"(<svg.*?>)(.*)", drawing, re.S).groups()
    body = re.sub(SPARE, "", body, flags=re.S)
    least = least_width(drawing)
    body = re.sub(r"<[^>]+>", rounded, body)
    for colour, of_page in COLOURS.items():
        body = body.replace(colour, of_page)
    most = max(least, min(WIDEST, size(drawing)[0] * PIXELS))
    wide = "wide" if least > NARROW and screen != "desk" else ""
    told = {
        "class": " ".join(["drawing", *filter(None, [screen, wide])]),
        "style": f"min-width: {least:.0f}px; max-width: {most:.0f}px",
        "role": "img", "aria-label": alt, "fill": "currentColor", "stroke-linejoin": "round",
    }  # fmt: skip
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in told.items() if value)
    box = re.search(r'viewBox="[^"]*"', root)[0]
    return f"<svg {attributes} {box}>{renamed(body)}"


def rounded(tag: re.Match) -> str:
    """Return a tag whose numbers have two decimals at most: hundredths of a pixel."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag[0])


def renamed(body: str) -> str:
    """Return a drawing whose names, those that it uses, no other drawing of a page has."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    mark = f"d{hashlib.sha256(body.encode()).hexdigest()[:8]}-"
    body = re.sub(
        r' id="([^"]*)"', lambda name: f' id="{mark}{name[1]}"' if name[1] in used else "", body
    )
    return re.sub(r'(href="#|url\(#)', lambda start: start[1] + mark, body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.setup_extension("provenance")
    app.add_post_transform(Figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
