"""Which scripts a page loads: none of a service that no page uses; some pages, their own."""

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


OWN = {
    "notebooks/explorer": ("plot/d3.min.js", "plot/plot.min.js", "explorer.js"),
    "notebooks/listing": ("records.js",),
    "notebooks/replication": ("records.js",),
    "book/claims": ("records.js",),
}
"""The scripts that pages need, each for itself."""


def with_its_own(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Add the scripts that a page alone needs."""
    for script in OWN.get(pagename, ()):
        app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.connect("html-page-context", without_thebe, priority=900)
    app.connect("html-page-context", with_its_own)
    return {"parallel_read_safe": True}
