"""The built book, each page in a real browser: what is said, asked, cut off, hard to read."""

import os
from pathlib import Path

import pytest
from browsers import PHONE, faults_of

from modlib.batch.checkout import ROOT

HTML = Path(os.environ.get("MODLIB_BOOK", ROOT / "_build" / "html"))
PAGES = sorted(
    str(path.relative_to(HTML))
    for folder in ("book", "notebooks")
    for path in HTML.glob(f"{folder}/*.html")
    if "refresh" not in path.read_text("utf-8")[:500]
)
SCREENS = {"desk": {"width": 1280, "height": 900}, "phone": PHONE}

OF_SPHINX = {
    "book/api.html": ["definition-list"],
    "book/references.html": [
        "aria-allowed-role", "aria-deprecated-role", "aria-required-children",
    ],
}  # fmt: skip
"""Rules of axe that the lists break which Sphinx and its bibliography write."""

pytestmark = pytest.mark.built


def test_there_is_a_book():
    assert PAGES, f"no pages in {HTML}: make book"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_nothing_asks_nobody_and_can_be_read(opened, name, screen, scheme):
    page = opened(
        (HTML / name).as_uri(), "article h1", viewport=SCREENS[screen], color_scheme=scheme
    )
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(too_wide) == 0
    assert not faults_of(page, "article", OF_SPHINX.get(name, ()))


REFERENCES = {"notebooks/depth.html": "#fig-depth", "book/training.html": "#equation-eq-update"}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", REFERENCES)
def test_what_a_reference_leads_to_is_shown_beside_it(opened, name, screen):
    page = opened((HTML / name).as_uri(), "article h1", viewport=SCREENS[screen])
    page.wait_for_load_state("networkidle")
    link, preview = (
        page.locator(f"a.reference[href='{REFERENCES[name]}']").first,
        page.locator("#preview"),
    )
    link.scroll_into_view_if_needed()
    assert not preview.is_visible()
    link.hover()
    preview.wait_for(state="visible")
    assert preview.locator(":is(svg, mjx-container):visible").count() > 0
    box, wide = preview.bounding_box(), SCREENS[screen]["width"]
    assert 0 <= box["x"] <= box["x"] + box["width"] <= wide
    # what stands in it can be pointed at
    preview.hover()
    page.wait_for_timeout(500)
    assert preview.is_visible()
    assert not faults_of(page, "article", OF_SPHINX.get(name, ()))
    page.keyboard.press("Escape")
    assert not preview.is_visible()
    link.focus()
    preview.wait_for(state="visible")
