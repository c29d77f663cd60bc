"""Which scripts a page loads: none of a service that no page uses; the explorer, its own."""

from typing import Any

from sphinx.application import Sphinx


def without_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Take out of a page's scripts what belongs to Thebe."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def with_explorer(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Add what the explorer is drawn with, to its own page alone."""
    if pagename == "notebooks/explorer":
        for script in ("plot/d3.min.js", "plot/plot.min.js", "explorer.js"):
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.connect("html-page-context", without_thebe, priority=900)
    app.connect("html-page-context", with_explorer)
    return {"parallel_read_safe": True}
