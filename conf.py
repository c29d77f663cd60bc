"""Sphinx's settings, from `_config.yml`: what Jupyter Book 1 makes of it, without Jupyter Book.

`make canary` builds the book with these and the newest Sphinx; `make book` does not read them.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

EXTENSIONS = [
    "sphinx_togglebutton", "sphinx_copybutton", "myst_nb", "sphinx_thebe", "sphinx_comments",
    "sphinx_external_toc", "sphinx.ext.intersphinx", "sphinx_design", "sphinx_book_theme",
]  # fmt: skip
"""What Jupyter Book loads in any book, but itself and what is for LaTeX."""

NEVER = ["_build", "Thumbs.db", ".DS_Store", "**.ipynb_checkpoints"]
"""Files that are no pages of any book."""


def settings(book: dict[str, Any]) -> dict[str, Any]:
    """Return Sphinx's settings for what `_config.yml` says; those it names itself come last."""
    execute, sphinx = book["execute"], book["sphinx"]
    local = sphinx["local_extensions"]
    return {
        "extensions": [*EXTENSIONS, *sphinx["extra_extensions"], *local, "sphinxcontrib.bibtex"],
        "author": book["author"],
        "copyright": book["copyright"],
        "exclude_patterns": sorted({*NEVER, *book["exclude_patterns"]}),
        "external_toc_exclude_missing": book["only_build_toc_files"],
        "external_toc_path": "_toc.yml",
        "bibtex_bibfiles": book["bibtex_bibfiles"],
        "html_title": book["title"],
        "html_favicon": book["html"]["favicon"],
        "html_theme": "sphinx_book_theme",
        "html_sourcelink_suffix": "",
        "myst_enable_extensions": book["parse"]["myst_enable_extensions"],
        "nb_execution_mode": execute["execute_notebooks"],
        "nb_execution_timeout": execute["timeout"],
        "nb_execution_allow_errors": execute["allow_errors"],
        "pygments_style": "sphinx",
        **sphinx["config"],
    }


FOLDER = Path(__file__).parent
BOOK = yaml.safe_load((FOLDER / "_config.yml").read_text("utf-8"))
sys.path += [str(FOLDER / path) for path in {*BOOK["sphinx"]["local_extensions"].values()}]
globals().update(settings(BOOK))
