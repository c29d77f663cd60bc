"""What is said to the kernel that runs a page; where none runs, nothing is."""

from collections.abc import Callable, Mapping
from functools import cache

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import publish_display_data

HIDDEN = "application/papermill.record/"
"""Before its type, it keeps an output from being shown, here as in `myst_nb.glue`."""


@cache
def say(name: str, kind: str, content: str) -> None:
    """Say something of a MIME type under a name, in an output that is not shown; once."""
    if InteractiveShell.initialized():
        metadata = {"scrapbook": {"name": name, "mime_prefix": HIDDEN}}
        publish_display_data({f"{HIDDEN}{kind}": content}, metadata)


def show(things: type, by: Callable[[object], Mapping[str, str]]) -> None:
    """Have things of a type be shown by what a function returns of them, too, by MIME type."""
    if InteractiveShell.initialized():
        formatter = InteractiveShell.instance().display_formatter
        formatter.mimebundle_formatter.for_type(things, by)


def configure(part: str, **settings: object) -> None:
    """Set what a part of the kernel, by the name of its class, is to begin with."""
    if InteractiveShell.initialized():
        InteractiveShell.instance().config[part].update(settings)
