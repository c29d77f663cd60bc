"""The first time that a page uses a word of the glossary it leads there, and says what it means."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

GLOSSARY = "book/glossary"

WITHOUT = {GLOSSARY, "book/api", "book/references"}
"""Pages whose words lead nowhere."""

EVERYDAY = {"degree", "share"}
"""Words that pages use in their everyday sense too, and that lead nowhere."""


class Entry(NamedTuple):
    """A word of the glossary: where it stands on that page, and what is said of it there."""

    anchor: str
    meaning: str


class Terms(SphinxPostTransform):
    """Make the first use of each word in a page's paragraphs a link that tells its meaning."""

    default_priority = 500  # when other links, and what is pasted from runs, have their text
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Make them links."""
        env, page = self.env, self.env.docname
        if page in WITHOUT or GLOSSARY not in env.found_docs:
            return
        to_glossary = self.app.builder.get_relative_uri(page, GLOSSARY)
        known, used = entries(env), set()
        words = pattern(known)
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if not is_cell(paragraph):
                parts: list[nodes.Node] = []
                # lines of one text may be several
                for kind, run in groupby(paragraph.children, type):
                    if kind is nodes.Text:
                        text = "".join(part.astext() for part in run)
                        parts += linked(words.finditer(text), text, known, used, to_glossary)
                    else:
                        parts += run
                paragraph.children = []
                paragraph.extend(parts)


def is_cell(node: nodes.Node) -> bool:
    """Return whether something stands in a table, where each line would have its links."""
    return node is not None and (isinstance(node, nodes.table) or is_cell(node.parent))


def entries(env: BuildEnvironment) -> dict[str, Entry]:
    """Return the words of the glossary in lower case; of what is said, the first paragraph."""
    found = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        meaning = next(item[-1].findall(nodes.paragraph)).astext()
        # what only a link stood in
        told = re.sub(r"\s*\(\W*\)", "", " ".join(meaning.split()))
        for term in item.findall(nodes.term):
            found[term.astext().lower()] = Entry(term["ids"][0], told)
    return {word: entry for word, entry in found.items() if word not in EVERYDAY}


def linked(
    matches: Iterable[re.Match],
    text: str,
    known: Mapping[str, Entry],
    used: set[str],
    to_glossary: str,
) -> Iterator[nodes.Node]:
    """Yield the parts of a text, matches that are not in `used` as links; add these to it."""
    end = 0
    for match in matches:
        word = re.sub(r"\s+", " ", match["word"]).lower()
        if word not in used:
            used.add(word)
            yield nodes.Text(text[end : match.start()])
            uri = f"{to_glossary}#{known[word].anchor}"
            yield nodes.reference(
                "", match[0], internal=True, refuri=uri, reftitle=known[word].meaning,
                classes=["term"],
            )  # fmt: skip
            end = match.end()
    yield nodes.Text(text[end:])


def pattern(words: Mapping[str, Entry]) -> re.Pattern:
    """Return what finds one of some words, the longest there is, or its plural."""
    longest_first = sorted(words, key=len, reverse=True)
    any_of = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest_first)
    return re.compile(rf"(?<![\w-])(?P<word>{any_of or '(?!)'})s?(?![\w-])", re.IGNORECASE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.add_post_transform(Terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
