"""Figures and tables in a small book: where they come from, how they are drawn, their numbers."""

import html
import importlib.util
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from browsers import PHONE
from docutils import nodes
from docutils.utils import new_document

from modlib.batch import files
from modlib.batch.checkout import ROOT, WORKFLOW
from modlib.batch.publishing import publish

EXTENSIONS = ROOT / "book" / "_ext"
ORIGIN = {"key": "12345678", "versions": "python 3; torch 2", "commit": "0123456"}
SETTING = {"case": "mnist", "strength": 0.1, "measure": "accuracy", "value": 0.5}
FOLDOUT = '<details class="origin"><summary>Where this comes from</summary>'

SHOWN = """
import matplotlib.pyplot as plt
from IPython.display import HTML
from myst_nb import glue
from modlib.batch import sources, tables
from modlib.figures import style
from modlib.figures.tables import shown
sources.note(sources.RUN, task="two_digits", steps=[1, 2])
settings = tables.published_table("settings", FOLDER)
---
style.use_style()
figure, ax = plt.subplots()
ax.plot([0, 1, 3], [0.5, 0.25, 1 / 3], color="black", label="loops")
ax.set_ylabel("excess", fontsize=8)
glue("line", figure, display=False)
plt.close()
glue("held", shown(settings, "As claimed."))
---
HTML("<p>moving</p>")
---
print("text")
"""
TOLD = """
from myst_nb import glue
from modlib.batch import tables
glue("mean", tables.published_table("settings", FOLDER).value.mean(), display=False)
"""

PLAIN = """# Plain loops

| loops | share |
| --- | --- |
| 1 | 2 |

Walk
loops, walk loops share *loops*: {doc}`a loop <told>`, `lesion`, loops; loops, lesion-free, lesions.

Told again: walk loops.
"""
GLOSSARY = """# Words

```{glossary}
loop
  Four edges, each
  closed ([](../told)).

lesion
  A part of loops.

  More is not told.

share
  A part.

walk loops
  The mended ones.
```
"""


def notebook(title, code, folder):
    """A notebook with a figure that is glued first, if it has one."""
    head = f"# {title}\n"
    if 'glue("line"' in code:
        head += "\n```{glue:figure} line\n:name: fig-line\n:alt: A line.\n\nA caption.\n```\n"
    cells = [{"cell_type": "markdown", "id": "text", "metadata": {}, "source": head}]
    for number, source in enumerate(code.replace("FOLDER", repr(str(folder))).split("---\n")):
        cell = {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source}
        cells.append(cell | {"execution_count": None, "outputs": []})
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": ""}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The folder of a small book, and the checksum of the table that it reads."""
    place = tmp_path_factory.mktemp("book")
    publish({"settings": pd.DataFrame({"seed": [0, 1, 5], **SETTING, **ORIGIN})}, place / "results")
    (place / "shown.ipynb").write_text(notebook("Shown", SHOWN, place / "results"))
    (place / "told.ipynb").write_text(notebook("Told", TOLD, place / "results"))
    register = "# Claims\n\n```{glue} held\n:doc: shown.ipynb\n```\n"
    (place / "claims.md").write_text(register)
    (place / "plain.md").write_text(PLAIN)
    (place / "book").mkdir()
    (place / "book" / "glossary.md").write_text(GLOSSARY)
    tree = "# Book\n\n```{toctree}\nshown\ntold\nclaims\nplain\nbook/glossary\n```\n"
    (place / "index.md").write_text(tree)
    (place / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\n"
        "extensions = ['myst_nb', 'provenance', 'figures', 'terms']\nnb_execution_mode = 'force'\n"
        "nb_execution_timeout = 180\nnb_execution_raise_on_error = True\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(place), str(place / "html")]
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    built = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert built.returncode == 0, built.stderr
    return place


def page(book, name):
    """A page's text between its heading and its foot."""
    return (book / "html" / f"{name}.html").read_text("utf-8")


def drawing(book, screen="desk"):
    """The figure as it is drawn in its page for a kind of screen, and the attributes of it."""
    pattern = rf'<svg class="drawing {screen}".*?</svg>'
    (found,) = re.findall(pattern, page(book, "shown"), re.S)
    root = html.unescape(found.split(">")[0])
    return found, dict(re.findall(r'([\w-]+)="([^"]*)"', root))


def test_each_figure_and_table_has_a_foldout_below_it(book):
    shown = page(book, "shown")
    # what is printed is neither
    assert re.findall(r"<figure|<table|<p>moving|<details class=\"origin\"", shown) == [
        "<figure", '<details class="origin"', "<table", '<details class="origin"',
        "<p>moving", '<details class="origin"',
    ]  # fmt: skip


def test_a_foldout_has_checksum_parameters_key_commit_seeds_versions_and_machine(book):
    text = html.unescape(re.sub("<[^>]*>", "\n", page(book, "shown")))
    first = text.split("Where this comes from")[1]
    checksum = files.sha256(book / "results" / "settings.csv")
    for told in (
        "shown.ipynb", "parameters: task = 'two_digits'; steps = [1, 2]", f"SHA-256: {checksum}",
        "seeds: 0–1, 5", "12345678", "0123456", "python 3; torch 2",
    ):  # fmt: skip
        assert told in first, told


def test_the_text_of_a_figure_is_text_and_has_the_pages_colours(book):
    found, attributes = drawing(book)
    assert ">excess</text>" in found
    assert attributes["aria-label"] == "A line."
    assert not re.search("#000000|#262626|#ffffff", found)
    assert "stroke: currentColor" in found


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_the_smallest_letters_of_a_figure_have_nine_pixels(book, screen):
    _, attributes = drawing(book, screen)
    width = float(attributes["viewBox"].split()[2])
    least = float(re.search(r"min-width: (\d+)px", attributes["style"])[1])
    assert 8 * least / width == pytest.approx(9, rel=0.01)


def test_on_a_phone_a_figure_has_a_form_that_it_is_wide_enough_for(book):
    widths = [
        float(re.search(r"min-width: (\d+)px", drawing(book, screen)[1]["style"])[1])
        for screen in ("desk", "phone")
    ]
    assert widths[0] > PHONE["width"] - 50 > widths[1]
    assert ">excess</text>" in drawing(book, "phone")[0]


def test_a_figure_links_to_its_numbers_and_to_itself(book):
    shown = page(book, "shown")
    (file,) = re.findall(r'<a href="([^"]*)" download', shown)
    table = pd.read_csv(book / "html" / file)
    assert table.x.tolist() == [0, 1, 3]
    assert table.y.tolist() == [0.5, 0.25, 0.333333]
    assert set(table.series) == {"loops"}
    assert '<a href="#fig-line"' in shown
    assert 'id="fig-line"' in shown


def test_an_output_of_another_page_comes_from_that_page(book):
    claims = page(book, "claims")
    assert claims.count(FOLDOUT) == 1
    assert "shown.ipynb" in claims.split(FOLDOUT)[1]


def test_a_page_that_reads_and_shows_no_figure_has_a_foldout_all_the_same(book):
    checksum = files.sha256(book / "results" / "settings.csv")
    assert page(book, "told").count(FOLDOUT) == 1
    assert checksum in page(book, "told")


def test_what_comes_from_no_run_has_none(book):
    assert FOLDOUT not in page(book, "plain")
    assert FOLDOUT not in page(book, "index")


def test_a_words_first_use_in_a_page_leads_to_the_glossary_and_says_what_is_meant(book):
    text = page(book, "plain")
    found = re.findall(r'<a class="term[^>]*href="([^"]*)" title="([^"]*)">([^<]*)</a>', text)
    # not those of headings, tables, code and links; the longest word there is; plurals
    assert found == [
        ("book/glossary.html#term-walk-loops", "The mended ones.", "Walk\nloops"),
        ("book/glossary.html#term-loop", "Four edges, each closed.", "loops"),
        ("book/glossary.html#term-lesion", "A part of loops.", "lesions"),
    ]
    assert "</a>; loops, lesion-free, <a" in text
    assert 'class="term' not in page(book, "book/glossary")


def test_checksums_are_not_found_by_whoever_searches_the_book(book):
    checksum = files.sha256(book / "results" / "settings.csv")
    assert checksum not in (book / "html" / "searchindex.js").read_text("utf-8")


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def extension():
    return loaded("provenance")


def test_an_output_that_failed_is_found(monkeypatch):
    monkeypatch.setitem(sys.modules, "provenance", loaded("provenance"))
    document = new_document("page")
    document += nodes.literal_block("", "1 + 1", classes=["output", "stream"])
    document += nodes.literal_block("", "ValueError", classes=["output", "traceback"])
    (block,) = loaded("figures").failures(document)
    assert block.astext() == "ValueError"


def test_the_batch_takes_the_command_that_makes_any_published_file_again(extension):
    paper = yaml.safe_load((WORKFLOW / "paper.yaml").read_text("utf-8"))
    parts = {
        f"{task}-{penalty}"
        for group in paper["groups"]
        for task in group["tasks"]
        for penalty in group["strengths"]
    }
    for file in files.checksums(ROOT / "results"):
        (command,) = extension.again("results", file)
        made, only = re.fullmatch(
            r"rm results/(.*) && make reproduce PROFILE=paper(?: ONLY=(.*))?", command
        ).groups()
        assert made == file
        assert only in {None, *parts, *paper["tables"]}, command
        assert (only is None) == (file == "networks.csv")


def test_the_command_names_the_profile_whose_results_are_read(extension):
    (command,) = extension.again("build/quick/results", "damage.csv")
    file = "build/quick/results/damage.csv"
    assert command == f"rm {file} && make reproduce PROFILE=quick ONLY=damage"
    assert extension.again("elsewhere", "damage.csv") == []


def test_of_many_keys_the_first_are_told_and_the_others_counted(extension):
    assert extension.text(["a", "b", "c", "d", "<e>"]) == (
        "<code>a</code>, <code>b</code>, <code>c</code> and 2 more"
    )
    assert extension.text(["<e>"]) == "<code>&lt;e&gt;</code>"


def test_pages_read_results_by_what_notes_it_alone():
    """A page or a figure that read a table in another way would not say so."""
    readers = re.compile(r"read_csv|read_table|tables\.read\(")
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    pages = [ROOT / f"{file}.ipynb" for file in re.findall(r"file: (notebooks/\S+)", toc)]
    for place in ("book/*.md", "modlib/study/*.py", "modlib/figures/*.py"):
        pages += ROOT.glob(place)
    for path in pages:
        assert not readers.search(path.read_text("utf-8")), path
