"""Pages in a real browser: what a phone is, and what is wrong for those who do not see."""

import pytest

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
PHONE = {"width": 390, "height": 844}


def faults_of(page, part, without=()):
    """Return what axe finds in a part of a page by all rules but some, as text."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    # it would fetch styles, which no script may from a file
    found = axe.Axe().run(
        page,
        context=part,
        options={"preload": False, "rules": {rule: {"enabled": False} for rule in without}},
    )
    return found.generate_report() if found.violations_count else ""
