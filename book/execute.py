"""Execute the pages of the book, as many at once as there are cores, for a build to read.

    python book/execute.py _build/.jupyter_cache

The folder, where `execute_notebooks: cache` makes Jupyter Book look for executed pages, is
emptied first: it tells pages apart by their code alone, but they follow from the package and the
published tables too. A page that fails is left out, for the build to execute it again and say why.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import myst_nb_reader_plugin
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]


def read(page: str) -> tuple[Path, NotebookNode] | None:
    """Return a page of the table of contents, or None if there is no code in it."""
    notebook, text = ROOT / f"{page}.ipynb", ROOT / f"{page}.md"
    if notebook.exists():
        return notebook, nbformat.read(notebook, as_version=4)
    return (text, myst_nb_reader_plugin(text)) if "{code-cell}" in text.read_text() else None


async def execute(page: tuple[Path, NotebookNode], timeout: int) -> CacheBundleIn | None:
    """Return a page with its outputs, or None if it fails."""
    path, notebook = page
    client = NotebookClient(
        notebook,
        timeout=timeout,
        resources={"metadata": {"path": path.parent}},
        record_timing=False,  # or the build would not know the page again
        extra_arguments=["--log-level=ERROR"],  # or each kernel warns that it listens on a port
    )
    try:
        await client.async_execute()
    except CellExecutionError:
        print(f"{path.name} fails", flush=True)
        return None
    print(f"{path.name} executed", flush=True)
    return CacheBundleIn(notebook, str(path))


async def main(folder: Path) -> None:
    """Execute all pages into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    cache = get_cache(folder)
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text())["execute"]["timeout"]
    core = asyncio.Semaphore(os.cpu_count())

    async def put(page: tuple[Path, NotebookNode]) -> None:
        async with core:
            bundle = await execute(page, timeout)
        if bundle is not None:
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    pages = filter(None, map(read, parse_toc_yaml(ROOT / "_toc.yml")))
    await asyncio.gather(*map(put, pages))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
