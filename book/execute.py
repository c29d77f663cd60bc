"""Execute the pages of the book, as many at once as there are cores, for a build to read.

    python book/execute.py _build/.jupyter_cache

The folder, where `execute_notebooks: cache` makes Jupyter Book look for executed pages, is
emptied first: it tells pages apart by their code alone, but they follow from the package and the
published tables too. A page that fails is left out, for the build to execute it again and say why.
"""

import logging
import os
import shutil
import sys
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]
PLUGINS = {".ipynb": "nbformat", ".md": "myst_nb_md"}


def executable(page: str) -> Path | None:
    """Return the file of a page of the table of contents, or None if there is no code in it."""
    notebook, text = (ROOT / f"{page}{suffix}" for suffix in PLUGINS)
    if notebook.exists():
        return notebook
    return text if "{code-cell}" in text.read_text() else None


def main(folder: Path) -> None:
    """Execute all pages into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    cache = get_cache(folder)
    pages = [*filter(None, map(executable, parse_toc_yaml(ROOT / "_toc.yml")))]
    print(f"Executing {len(pages)} pages on {os.cpu_count()} cores", flush=True)
    for path in pages:
        cache.add_nb_to_project(path, read_data={"name": PLUGINS[path.suffix], "type": "plugin"})
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text())["execute"]["timeout"]
    logging.basicConfig(level=logging.WARNING)
    load_executor("local-parallel", cache, logging.getLogger()).run_and_cache(timeout=timeout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
