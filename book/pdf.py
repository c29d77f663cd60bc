"""Print the book, built as a single page, to a PDF with numbered pages; `make pdf` runs this."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]

FOOTER = '<p style="font-size: 8px; margin: auto"><span class="pageNumber"></span></p>'

MARGINS = {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}


def main(folder: Path, target: Path) -> None:
    """Print the page of a folder, as the builder `singlehtml` has made it.

    Raises:
        ValueError: if no browser is installed.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ValueError(
            f"a PDF is printed by one of {', '.join(BROWSERS)}, of which none is installed; install"
            f" one, or print {folder / 'index.html'} yourself"
        )
    # the page looks for its styles as if it lay here
    shutil.copy(folder / "book" / "index.html", folder / "index.html")
    with sync_playwright() as started:
        running = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = running.new_page(color_scheme="light")
        page.goto((folder / "index.html").resolve().as_uri(), wait_until="networkidle")
        page.evaluate("MathJax.startup.promise")
        page.pdf(
            path=target, format="A4", scale=0.75, margin=MARGINS, print_background=True,
            display_header_footer=True, header_template="<p></p>", footer_template=FOOTER,
            outline=True, tagged=True,
        )  # fmt: skip
    print(target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
