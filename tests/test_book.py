"""The Makefile: the book is built from pages executed just before; profiles, paths and cores."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import prose
import pytest
import yaml
from browsers import BROWSERS
from jupyter_book.config import get_final_config

import modlib

ROOT = Path(__file__).parents[1]
PROFILES = ["fresh", "paper", "quick", "smoke"]
TARGETS = ["book", "canary", "pdf", "lint", "reproduce", "verify", "test", "bench", "lock"]
# what the Makefile is given in an unfriendly place: names with blanks, quotes and other letters
FOLDERS = ["my papers (1) ü", 'it\'s "mine" & co; $x']

RECORDER = """#!/bin/sh
{ pwd; echo "results=$MODLIB_RESULTS cache=$JUPYTERCACHE utf8=$PYTHONUTF8"
  for word in "$@"; do echo "[$word]"; done; } >> called
case "$*" in *execute*) ls -A "$JUPYTERCACHE" >> left;; esac
"""


@pytest.fixture
def checkout(tmp_path, request):
    """A copy in which a recorder of its arguments stands for Python."""
    place = tmp_path / getattr(request, "param", "modlib")
    for folder in ("workflow", "book"):
        (place / folder).mkdir(parents=True)
    for path in (*ROOT.glob("workflow/*.yaml"), *ROOT.glob("book/*.md")):
        shutil.copy(path, place / path.relative_to(ROOT))
    for name in ("Makefile", "_config.yml", "_toc.yml", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, place)
    for environment in (place / ".venv", place / "build" / "canary" / "venv"):
        (environment / "bin").mkdir(parents=True)
        (environment / "bin" / "python").write_text(RECORDER)
        (environment / "bin" / "python").chmod(0o755)
    (place / ".venv" / "installed").touch()
    return place


def make(folder, *arguments, **environment):
    return subprocess.run(
        ["make", "-s", *arguments],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("checkout", FOLDERS, indirect=True)
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_in_a_path_with_any_letters(checkout, target):
    made = make(checkout, target)
    assert made.returncode == 0, made.stderr
    called = (checkout / "called").read_text().splitlines()
    assert {line for line in called if line.startswith("/")} == {str(checkout)}
    if target == "book":
        assert {line.split(" cache=")[0] for line in called if line.startswith("results=")} == {
            f"results={checkout}/results"
        }
    # nothing is written beside the checkout
    assert list(checkout.parent.iterdir()) == [checkout]


def pages():
    """The pages of the table of contents that have code."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [toc["root"]]
    for chapter in toc["chapters"]:
        files += [chapter["file"], *(section["file"] for section in chapter.get("sections", []))]
    return {
        f"{file}.ipynb" if file.startswith("notebooks/") else f"{file}.md"
        for file in files
        if file.startswith("notebooks/")
        or "{code-cell}" in (ROOT / f"{file}.md").read_text("utf-8")
    }


@pytest.mark.parametrize(
    ("profile", "book", "results"),
    [("paper", ".", "results"), ("quick", "build/quick/book", "build/quick/results")],
)
def test_all_pages_with_code_are_executed_into_an_empty_folder(checkout, profile, book, results):
    cache = checkout / book / "_build" / ".jupyter_cache"
    cache.mkdir(parents=True)
    (cache / "global.db").write_text("of an earlier build")
    assert make(checkout, "book", f"PROFILE={profile}").returncode == 0
    called = (checkout / "called").read_text()
    words = re.findall(r"\[(.*)\]", called)
    given = [word for word in words if word.endswith((".ipynb", ".md"))]
    assert sorted(given) == sorted(pages())
    assert words[words.index("--timeout") + 1] == "900"
    assert (checkout / "left").read_text() == ""
    told = f"results={checkout}/{results} cache={book}/_build/.jupyter_cache utf8=1"
    assert set(re.findall("results=.*", called)) == {told}
    assert words[words.index("--path-output") + 1] == book
    assert words[words.index("--config") + 1] == f"build/{profile}/_config.yml"


def test_without_jupyter_book_the_same_pages_are_executed_elsewhere(checkout):
    (checkout / ".venv" / "bin" / "python").unlink()
    assert make(checkout, "canary").returncode == 0
    called = (checkout / "called").read_text()
    words = re.findall(r"\[(.*)\]", called)
    assert {word for word in words if word.endswith((".ipynb", ".md"))} == pages()
    assert words[-2:] == [".", "build/canary/_build/html"]
    assert "nb_execution_mode=cache" in words
    told = f"results={checkout}/results cache=build/canary/_build/.jupyter_cache utf8=1"
    assert set(re.findall("results=.*", called)) == {told}
    # of what is locked, all but what Sphinx and its extensions ask for
    lock = {line.split("=")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    kept = (checkout / "build" / "canary" / "locked.txt").read_text().splitlines()
    assert {"sphinx", "myst-nb", "docutils"} < lock - {line.split("=")[0] for line in kept}
    assert {line.split("=")[0] for line in kept} > {"numpy", "torch", "jupyter-cache"}


ITS_OWN = {"jupyter_book", "sphinx_jupyterbook_latex", "sphinx_multitoc_numbering"}
"""Extensions that `conf.py` does not name: the last one is loaded by that of `_toc.yml`."""

UNSAID = {
    "comments_config": {"hypothesis": False, "utterances": False},
    "html_baseurl": "",
    "html_logo": "",
    "latex_engine": "pdflatex",
    "myst_url_schemes": ["mailto", "http", "https"],
    "nb_execution_cache_path": "",
    "nb_execution_excludepatterns": [],
    "nb_execution_in_temp": False,
    "nb_output_stderr": "show",
    "use_jupyterbook_latex": True,
    "use_multitoc_numbering": True,
}
"""Settings of Jupyter Book that change nothing in this book: defaults, or for what it lacks."""


def test_sphinx_is_told_what_jupyter_book_would_tell_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    conf = runpy.run_path(str(ROOT / "conf.py"))
    expected, _ = get_final_config(
        user_yaml=ROOT / "_config.yml", sourcedir=ROOT,
        cli_config={"external_toc_path": "_toc.yml", "latex_individualpages": False},
    )  # fmt: skip
    expected["extensions"] = [one for one in expected["extensions"] if one not in ITS_OWN]
    told = conf["settings"](conf["BOOK"])
    assert told | UNSAID == expected
    assert {name: conf[name] for name in told} == told
    assert str(ROOT / "book" / "_ext") in sys.path


@pytest.mark.parametrize("profile", ["paper", "quick"])
def test_profiles_differ_from_the_configuration_in_execution_alone(profile, checkout):
    written = Path("build") / profile / "_config.yml"
    assert make(checkout, f"PROFILE={profile}", str(written)).returncode == 0
    expected = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert expected["execute"]["execute_notebooks"] == "force"
    expected["execute"]["execute_notebooks"] = "cache"
    # as seen from the folder of the configuration
    expected["sphinx"]["local_extensions"] = dict.fromkeys(
        expected["sphinx"]["local_extensions"], "../../book/_ext"
    )
    if profile != "paper":
        expected["execute"]["allow_errors"] = True
        expected["sphinx"]["config"]["nb_execution_raise_on_error"] = False
    assert yaml.safe_load((checkout / written).read_text("utf-8")) == expected


@pytest.mark.parametrize("target", ["book", "reproduce"])
@pytest.mark.parametrize("profile", ["smok", "", "smoke paper", "%"])
def test_an_unknown_profile_is_refused_by_the_names_of_those_there_are(checkout, target, profile):
    made = make(checkout, target, f"PROFILE={profile}")
    assert made.returncode != 0
    assert f"PROFILE should be one of {' '.join(PROFILES)}, got '{profile}'" in made.stderr
    assert not (checkout / "called").exists()
    assert [path.name for path in (checkout / "build").iterdir()] == ["canary"]


def test_the_batch_gets_all_cores_whatever_one_process_may_use(checkout):
    assert make(checkout, "reproduce", OMP_NUM_THREADS="1").returncode == 0
    assert "[--cores]\n[all]\n" in (checkout / "called").read_text()
    assert make(checkout, "reproduce", "CORES=3", "ONLY=l1").returncode == 0
    assert "[--cores]\n[3]\n[--config]\n[only=l1]\n" in (checkout / "called").read_text()


@pytest.mark.parametrize("name", modlib.__all__)
def test_what_the_package_exports_is_on_its_page(name):
    page = (ROOT / "book" / "api.md").read_text("utf-8")
    assert re.search(rf"(:: |`)modlib\.{name}\b", page)


def test_the_glossary_is_in_order_and_has_words_that_pages_use():
    text = (ROOT / "book" / "glossary.md").read_text("utf-8")
    (listed,) = re.findall(r"```{glossary}\n(.*?)```", text, flags=re.DOTALL)
    terms = re.findall(r"^(\S.*)$", listed, flags=re.MULTILINE)
    assert terms == sorted(terms, key=lambda term: term.replace(",", "").lower())
    others = " ".join(prose.source(page) for page in prose.pages() if page != "book/glossary")
    for term in terms:
        assert re.search(re.sub(r"\W+", r"\\W+", term), others, flags=re.IGNORECASE), term


PDF = [sys.executable, str(ROOT / "book" / "pdf.py")]


def test_without_a_browser_no_pdf_is_printed_and_the_browsers_are_named(tmp_path):
    command = [*PDF, str(tmp_path), str(tmp_path / "book.pdf")]
    failed = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)})
    assert failed.returncode == 1
    assert "by one of chromium, chromium-browser, google-chrome, of which none" in failed.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_book_is_printed_with_the_styles_of_its_folder(tmp_path):
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip(f"no browser is installed, of {', '.join(BROWSERS)}")
    (tmp_path / "book").mkdir()
    page = "<script>MathJax = {startup: {promise: Promise.resolve()}}</script>"
    page += '<link rel="stylesheet" href="style.css"><h1>One</h1><h1>Two</h1>'
    (tmp_path / "book" / "index.html").write_text(page)
    (tmp_path / "style.css").write_text("h1 { break-before: page }")
    target = tmp_path / "book.pdf"
    subprocess.run([*PDF, str(tmp_path), str(target)], check=True)
    printed = target.read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", printed)) == 2
