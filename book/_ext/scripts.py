"""Leaves out the scripts of a service that the book does not use: Thebe's, which comes twice."""

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


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.connect("html-page-context", without_thebe, priority=900)
    return {"parallel_read_safe": True}
