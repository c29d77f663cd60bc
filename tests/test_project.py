"""What the repository promises: notebooks without outputs, one environment, no strays."""

import re
import tomllib
from itertools import chain, pairwise
from pathlib import Path

import nbformat
import pytest
import torch
import yaml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def lock():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_one_parameters_cell_of_explained_literals(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    (parameters,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert parameters is cells[1]
    lines = parameters.source.splitlines()
    for above, line in pairwise(["", *lines]):
        explained = "  # " in line or above.startswith("# ")
        assert line.startswith("# ") or (re.match(r"\w+ = [^()]+$", line) and explained), line


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_figure_has_a_caption_and_an_alternative_text(path):
    for cell in nbformat.read(path, as_version=4).cells:
        shows = cell.metadata.get("mystnb", {})
        if "figure" in shows:
            assert shows["figure"]["caption"].endswith(".")
            assert shows["figure"]["name"].startswith(f"fig-{path.stem}-")
            assert len(shows["image"]["alt"]) > 20


def test_every_page_notebook_is_in_the_book():
    pages = {
        Path(file).name for file in re.findall(r"notebooks/\w+", (ROOT / "_toc.yml").read_text())
    }
    batch = {
        "sweep",
        "trained",
        *yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text())["tables"],
    }
    assert pages == {path.stem for path in NOTEBOOKS} - batch


def test_the_lock_names_versions_that_install_everywhere():
    for line in lock():
        requirement = line.split(" ; ")[0]
        assert re.fullmatch(r"[a-z0-9._-]+==[0-9][\w.]*", requirement), line


def test_the_lock_holds_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    del extras["transformers"]  # whose size the tests' environment is spared
    wanted = list(chain(project["dependencies"], *extras.values()))
    locked = {line.split("==")[0] for line in lock()}
    assert {re.split(r"[<>=]", requirement)[0] for requirement in wanted} <= locked


def test_the_library_alone_asks_for_no_more_than_it_computes_with():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=]", requirement)[0] for requirement in project["dependencies"]}
    assert names == {
        "torch", "numpy", "scipy", "pandas", "networkx", "scikit-learn", "tqdm", "jaxtyping",
    }  # fmt: skip


def test_the_lines_in_the_readme_run(capsys, tmp_path, monkeypatch):
    training, own = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    torch.manual_seed(0)
    exec(training, {})
    assert float(capsys.readouterr().out) > 0.8
    monkeypatch.chdir(tmp_path)
    exec(own, {})
    assert "norm1.weight" in capsys.readouterr().out
    assert (tmp_path / "modules.png").stat().st_size > 10_000
    assert len(own.strip().replace("\n\n", "\n").splitlines()) <= 8


def test_conda_installs_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["--requirement requirements.txt", "--editable ."]}
    python = next(entry for entry in conda if entry.startswith("python="))
    floor = re.search(r'requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert python == f"python={floor}"
    assert {entry.split("=")[0] for entry in conda} == {"python", "pip", "make", "git"}


def test_what_is_tested_on_windows_is_there_and_asks_for_nothing_of_posix():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    *_, tested = workflow["jobs"]["windows"]["steps"]
    places = [ROOT / word for word in tested["run"].split() if word.startswith("tests/")]
    files = [
        file for place in places for file in ([place] if place.is_file() else place.glob("*.py"))
    ]
    assert all(place.exists() for place in places)
    posix = (
        r"\bos\.(fork|kill|mkfifo|setsid|symlink)|\bsignal\.SIG|\bsymlink_to\b|[\"'](/proc|/tmp)\b"
    )
    modules = r"^\s*(import|from) (fcntl|grp|pty|pwd|resource|termios)\b"
    for file in files:
        found = re.search(f"{posix}|{modules}", file.read_text("utf-8"), re.MULTILINE)
        assert found is None, f"{file}: {found[0]}"
