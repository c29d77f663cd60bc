"""Pages with the book's own scripts and styles, opened in a browser where there is one."""

import shutil

import pytest
from browsers import BROWSERS

from modlib.batch.checkout import ROOT


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed, of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as started:
        # no sandbox: CI may run as root
        running = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def page_with(tmp_path_factory):
    """Return a function that writes a page of a body and scripts, and returns its address."""

    def written(body, scripts):
        folder = tmp_path_factory.mktemp("page")
        shutil.copytree(ROOT / "book" / "_static", folder, dirs_exist_ok=True)
        head = "".join(f'<script defer src="{script}"></script>' for script in scripts)
        (folder / "page.html").write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>'
            '<meta name="viewport" content="width=device-width"><link rel="stylesheet"'
            f' href="book.css">{head}<main><h1>Page</h1>{body}</main></html>',
            "utf-8",
        )
        return (folder / "page.html").as_uri()

    return written


@pytest.fixture
def opened(browser):
    """Return a function that opens an address, and waits for what shows that it is ready.

    Nothing may be said in the console or asked of another machine.
    """
    said, asked, contexts = [], [], []

    def visit(address, ready, **screen):
        contexts.append(browser.new_context(**screen))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector(ready)
        return page

    yield visit
    for context in contexts:
        context.close()
    # the theme tells its mode, and how many parts of a page it folds
    assert [text for text in said if not text.startswith(("[PST]", "[togglebutton]"))] == []
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
