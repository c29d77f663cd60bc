"""The book is built from pages that were executed just before, and from no others."""

import asyncio
import importlib.util
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml
from jupyter_cache import get_cache

ROOT = Path(__file__).parents[1]


@pytest.fixture
def execute():
    spec = importlib.util.spec_from_file_location("execute", ROOT / "book" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_with_code_are_executed(execute):
    path, notebook = execute.read("notebooks/walks")
    assert path == ROOT / "notebooks" / "walks.ipynb"
    assert notebook.cells == nbformat.read(path, as_version=4).cells
    path, text = execute.read("book/results")
    assert path == ROOT / "book" / "results.md"
    n_cells = path.read_text().count("{code-cell}")
    assert sum(cell.cell_type == "code" for cell in text.cells) == n_cells
    assert execute.read("book/references") is None


def page(path, code):
    cell = nbformat.v4.new_code_cell(code)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), path)
    return path


def test_nothing_is_kept_from_an_earlier_build(execute, tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    (tmp_path / "_config.yml").write_text("execute: {timeout: 60}")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: told\nchapters: [{file: number}, {file: fails}]"
    )
    (tmp_path / "told.md").write_text("# No code")
    number = page(tmp_path / "number.ipynb", "print(open('table').read())")
    page(tmp_path / "fails.ipynb", "1 / 0")
    for content in ("old", "new"):
        (tmp_path / "table").write_text(content)
        asyncio.run(execute.main(tmp_path / "cache"))
        cache = get_cache(tmp_path / "cache")
        # the page that failed is left for the build
        assert [record.uri for record in cache.list_cache_records()] == [str(number)]
        _, executed = cache.merge_match_into_file(number)
        assert executed.cells[0].outputs[0].text == f"{content}\n"
    # a page that fails now does not stay as it was before
    (tmp_path / "table").unlink()
    asyncio.run(execute.main(tmp_path / "cache"))
    assert not get_cache(tmp_path / "cache").list_cache_records()


@pytest.mark.parametrize("profile", ["paper", "quick"])
def test_profiles_differ_from_the_configuration_in_execution_alone(profile, tmp_path):
    for name in ("Makefile", "_config.yml"):
        shutil.copy(ROOT / name, tmp_path)
    made = Path("build") / profile / "_config.yml"
    subprocess.run(["make", "-s", f"PROFILE={profile}", made], cwd=tmp_path, check=True)
    expected = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert expected["execute"]["execute_notebooks"] == "force"
    expected["execute"]["execute_notebooks"] = "cache"
    if profile != "paper":
        expected["execute"]["allow_errors"] = True
        expected["sphinx"]["config"]["nb_execution_raise_on_error"] = False
    assert yaml.safe_load((tmp_path / made).read_text()) == expected
