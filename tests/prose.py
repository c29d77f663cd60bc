"""What a page has to read: its sentences, the captions of its figures, and its own tables."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
PARSER = create_md_parser(
    MdParserConfig(enable_extensions=set(CONFIG["parse"]["myst_enable_extensions"])), RendererHTML
)
WORD = re.compile(r"[^\W\d_][\w'’-]*")
"""A word begins with a letter: numbers and signs are none, 'two-fold' is one."""

NUMBER = re.compile(r"(?<![\w`-])\d[\d.,]*")
ASIDE = ("{eval-rst}", "{glue}", "{bibliography}")
"""What stands between fences and is no prose, beside code."""


def pages() -> list[str]:
    """Return the pages of the table of contents, as it names them."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = [p for chapter in toc["chapters"] for p in (chapter, *chapter.get("sections", []))]
    return [toc["root"], *(part["file"] for part in parts)]


def tokens(text: str) -> Iterator[Token]:
    """Give what text consists of, that of admonitions and captions among it."""
    for token in PARSER.parse(text):
        name = token.info.split(" ")[0]
        if token.type not in ("fence", "colon_fence"):
            yield token
        elif name == "{code-cell}" and token.content.startswith("---"):
            options = yaml.safe_load(token.content.split("---")[1])
            yield from tokens(caption(options))
        elif name.startswith("{") and name not in (*ASIDE, "{code-cell}"):
            yield from tokens(re.sub(r"^:[\w-]+:.*$", "", token.content, flags=re.MULTILINE))


def caption(metadata: dict) -> str:
    """Return the caption of the figure that a cell draws, if it has one."""
    return metadata.get("mystnb", {}).get("figure", {}).get("caption", "")


def source(page: str) -> str:
    """Return all of a page as it is edited, code and captions with it."""
    if not page.startswith("notebooks/"):
        text = (ROOT / f"{page}.md").read_text("utf-8")
        return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    cells = json.loads((ROOT / f"{page}.ipynb").read_text("utf-8"))["cells"]
    return "\n\n".join(map(_as_text, cells))


def _as_text(cell: dict) -> str:
    """Return a cell of a notebook as pages that are text have it."""
    content = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return content
    options = {"mystnb": cell["metadata"].get("mystnb", {})}
    return f"```{{code-cell}}\n---\n{yaml.safe_dump(options)}---\n{content}\n```"


def written(page: str) -> list[Token]:
    """Return what is written on a page: all but its code and what that shows."""
    return [*tokens(source(page))]


def paragraphs(page: str) -> list[Token]:
    """Return the paragraphs, headings and captions of a page: not what its tables have."""
    kept, inside = [], 0
    for token in written(page):
        inside += token.nesting * (token.type in ("table_open", "table_close"))
        if token.type == "inline" and not inside:
            kept.append(token)
    return kept


def words(paragraph: Token) -> list[str]:
    """Return the words of a paragraph: mathematics, code and citations have none."""
    texts = (part.content for part in paragraph.children or [] if part.type == "text")
    return [word for text in texts for word in WORD.findall(text)]


def numbers(paragraph: Token) -> list[str]:
    """Return the numbers of a paragraph: those that are written, and those that a run supplies."""
    found = []
    for part in paragraph.children or []:
        if part.type == "text":
            found += NUMBER.findall(part.content)
        elif part.type == "myst_role" and part.meta["name"] == "glue:text":
            found.append(part.content)
    return found


def tables(page: str) -> list[int]:
    """Return how many rows each table that is written on a page has, without its head."""
    rows = []
    for token in written(page):
        if token.type == "table_open":
            rows.append(-1)
        elif token.type == "tr_open":
            rows[-1] += 1
    return rows
