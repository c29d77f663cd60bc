"""What pages look like: short, with their code open, and an answer on the first screen."""

import ast
import json
import re
from pathlib import Path

import prose
import pytest

from modlib.batch.pages import own_parameters

ROOT = Path(__file__).parents[1]


def pages():
    """The notebooks of the table of contents that have claims."""
    text = (ROOT / "_toc.yml").read_text("utf-8")
    files = [ROOT / f"{file}.ipynb" for file in re.findall(r"file: (notebooks/\S+)", text)]
    return {
        file.stem: json.loads(file.read_text("utf-8"))["cells"]
        for file in files
        if "claims.shown" in file.read_text("utf-8")
    }


PAGES = pages()


def of_kind(cells, kind):
    return [cell for cell in cells if cell["cell_type"] == kind]


@pytest.mark.parametrize("page", PAGES)
def test_cells_have_at_most_thirty_lines_and_the_code_is_open(page):
    code = of_kind(PAGES[page], "code")
    assert max(len(cell["source"]) for cell in code) <= 30
    hidden = [
        cell
        for cell in code
        if {"hide-input", "remove-input", "hide-cell", "remove-cell"}
        & set(cell["metadata"].get("tags", []))
    ]
    lines = sum(len(cell["source"]) for cell in code)
    assert sum(len(cell["source"]) for cell in hidden) < lines / 4


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_question_answer_figure_what_it_rests_on_and_does_not_show(page):
    first = "".join(PAGES[page][0]["source"])
    for part in ("# ", "?", "{div} answer", "{glue:figure}", "*Rests on*", "*Does not show*"):
        assert part in " ".join(first.split()), part
    assert f'glue("{page}_claims"' in "".join(PAGES[page][-1]["source"])
    for word in (":name: fig-", ":alt: "):
        assert word in first, word


@pytest.mark.parametrize("page", prose.pages())
def test_an_answer_has_at_most_five_sentences_none_of_them_long(page):
    for answer in re.findall(r"```{div} answer\n(.*?)```", prose.source(page), flags=re.DOTALL):
        text = re.sub(r"{[^}]*}`[^`]*`|\([^)]*\)", "", answer)
        sentences = re.split(r"[.?!](?=\s)", text.strip().removesuffix("."))
        assert len(sentences) <= 5, answer
        for sentence in sentences:
            assert len(sentence.split()) <= 42, sentence


@pytest.mark.parametrize("page", prose.pages())
def test_a_page_is_short_and_a_paragraph_has_at_most_five_numbers(page):
    paragraphs = prose.paragraphs(page)
    assert sum(len(prose.words(paragraph)) for paragraph in paragraphs) <= 1_000
    for paragraph in paragraphs:
        assert len(prose.numbers(paragraph)) <= 5, paragraph.content


@pytest.mark.parametrize("page", prose.pages())
def test_a_page_has_at_most_five_tables_beside_its_claims_of_at_most_fifteen_rows(page):
    """How many rows those have that its code shows, `tests/study` says."""
    written = prose.tables(page)
    assert max(written, default=0) <= 15
    calls = re.findall(r"(?<!claims\.)\bshown\(", prose.source(page))
    assert len(written) + len(calls) <= 5


@pytest.mark.parametrize("page", PAGES)
def test_the_claims_of_a_page_are_in_the_register(page):
    register = (ROOT / "book" / "claims.md").read_text("utf-8")
    assert f"{{glue}} {page}_claims\n:doc: ../notebooks/{page}.ipynb" in register


def test_no_page_imports_a_name_that_is_a_parameter_of_any():
    """An import would take the place of a mistaken `-p task ...` before that is refused."""
    names = {name for page in PAGES for name in own_parameters(page)}
    for page, cells in PAGES.items():
        tree = ast.parse("".join(of_kind(cells, "code")[1]["source"]))
        imported = {
            alias.asname or alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        # a page's own module has its name
        assert (imported - {page}).isdisjoint(names), page
