"""Below each figure and table of a page, a foldout that says where it comes from.

What a page ran with and read is what its kernel noted (`modlib.batch.sources`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import PurePosixPath

import yaml
from docutils import nodes
from myst_nb.ext.glue.crossref import read_glue_cache
from myst_nb.ext.glue.utils import PendingGlueReference
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html import HTMLTranslator

from modlib.batch.checkout import WORKFLOW
from modlib.batch.provenance import provenance
from modlib.batch.sources import RUN

TERMS = {
    "sha256": "SHA-256", "rows": "rows", "seeds": "seeds", "key": "key of the code",
    "commit": "commit", "versions": "versions and machine",
}  # fmt: skip
"""What a kernel notes of a file, and how it is called."""

AT_MOST = 3
"""So many keys, commits or versions of a file are told, and how many more it has."""


class Markup(nodes.General, nodes.Element):
    """HTML that is no text of the page: whoever searches the book does not find checksums."""


class Foldouts(SphinxPostTransform):
    """Put a foldout below what a page shows, or at the end of one that reads and shows nothing."""

    default_priority = 2  # later it is no longer known of which page an output is
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Put them there."""
        page = self.env.docname
        places = list(outputs(self.document, page))
        if not places and noted(self.env, page):
            places = [(self.document[-1], page)]
        for node, of in places:
            html = foldout(str(self.env.doc2path(of, base=False)), noted(self.env, of))
            node.parent.insert(node.parent.index(node) + 1, Markup(html=html))


def outputs(document: nodes.document, page: str) -> Iterator[tuple[nodes.Element, str]]:
    """Yield what is shown of runs, a figure with its caption, and of which page each is."""
    for node in list(document.findall(nodes.Element)):
        if isinstance(node, PendingGlueReference) and node.gtype is None:
            yield node, node.refdoc
        if node.get("nb_element") == "mime_bundle" and not only_text(node):
            yield node.parent if isinstance(node.parent, nodes.figure) else node, page


def only_text(bundle: nodes.Element) -> bool:
    """Return whether what is shown of an output can only be its plain text."""
    return {kind["mime_type"] for kind in bundle} == {"text/plain"}


def noted(env: BuildEnvironment, page: str) -> dict[str, dict]:
    """Return what the kernel of a page noted, by name."""
    glued = read_glue_cache(str(env.mystnb_config.output_folder), page)
    texts = {name: output["data"].get("application/json") for name, output in glued.items()}
    return {name: json.loads(text) for name, text in texts.items() if text}


def foldout(page: str, noted: Mapping[str, dict]) -> str:
    """Return a foldout: the run of a page, and the files that it read."""
    notebook = page.endswith(".ipynb")
    command = f".venv/bin/papermill {page} out.ipynb" if notebook else "make book"
    parameters = "; ".join(f"{name} = {value!r}" for name, value in noted.get(RUN, {}).items())
    entries = [entry(page, {"made again by": [command], "parameters": parameters, **built()})]
    for name in (name for name in noted if name != RUN):  # as the page reads them
        of = noted[name]
        told = {term: of[key] for key, term in TERMS.items() if key in of}
        entries.append(entry(name, {"made again by": again(of["folder"], of["file"])} | told))
    return (
        '<details class="origin"><summary>Where this comes from</summary>'
        f"<dl>{''.join(entries)}</dl></details>\n"
    )


def entry(name: str, told: Mapping[str, str | int | Sequence[str]]) -> str:
    """Return the lines of a foldout about one file; what is empty is left out."""
    lines = (f"<dd>{term}: {text(value)}</dd>" for term, value in told.items() if value)
    return f"<dt>{text([name])}</dt>{''.join(lines)}"


def text(value: str | int | Sequence[str]) -> str:
    """Return a value as HTML; several as code, those beyond the first few counted."""
    if isinstance(value, str | int):
        return escape(str(value))
    more = f" and {len(value) - AT_MOST} more" if len(value) > AT_MOST else ""
    return ", ".join(f"<code>{escape(one)}</code>" for one in value[:AT_MOST]) + more


@cache
def built() -> dict[str, str]:
    """Return the origin of what runs while the book is built."""
    return {TERMS[key]: of for key, of in provenance().items()}


@cache
def profiles() -> dict[str, str]:
    """Return the profile of the batch that writes each folder of results."""
    configured = {path.stem: path.read_text("utf-8") for path in WORKFLOW.glob("*.yaml")}
    return {yaml.safe_load(of)["results"]: profile for profile, of in configured.items()}


def again(folder: str, file: str) -> list[str]:
    """Return the command that makes a file again; none for results of no profile."""
    if folder == "benchmarks":
        return [f"make {PurePosixPath(file).stem}"]
    if folder not in profiles():
        return []
    made = f"rm {folder}/{file} && make reproduce PROFILE={profiles()[folder]}"
    # the table of networks is made in parts, all of them
    only = "" if file == "networks.csv" else f" ONLY={PurePosixPath(file).stem}"
    return [made + only]


def written(translator: HTMLTranslator, node: Markup) -> None:
    """Write HTML."""
    translator.body.append(node["html"])
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension."""
    app.add_node(Markup, html=(written, None))
    app.add_post_transform(Foldouts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
