"""Whether what pages claim of published tables holds on networks of other seeds, claim by claim."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import nbformat
import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages
from modlib.batch.checkout import NOTEBOOKS, ROOT
from modlib.batch.claims import Claim, Together, above, below, exact, judged, parts
from modlib.batch.tables import FOLDER, published_table
from modlib.penalties import PENALTIES
from modlib.study import (
    architectures,
    benefits,
    composition,
    criticality,
    deep,
    forms,
    generalisation,
    interpretability,
    keeping,
    peers,
    relearning,
    results,
    robustness,
    shared,
    switching,
    transfer,
)
from modlib.study.benefits import Read

FRESH = ROOT / "results" / "fresh"
"""The tables of the batch's profile `fresh`."""


def _registered(read: Read) -> pd.DataFrame:
    """Return the networks of all penalties, without those of other forms of a term."""
    networks = read("networks")
    return networks[networks.penalty.isin(PENALTIES)]


PAGES: dict[str, Callable[[Read], list[Claim | Together]]] = {
    "results": lambda read: results.claims(_registered(read), benefits.differences(read=read)),
    "depth": lambda read: deep.claims(read("deep")),
    "forms": lambda read: forms.claims(forms.summary(read("networks"))),
    "peers": lambda read: peers.claims(_registered(read)),
    "shared": lambda read: shared.claims(shared.of_page(read("networks"))),
    "architectures": lambda read: architectures.claims(read("models"), read("pretrained")),
    "robustness": lambda read: robustness.claims(read("damage"), read("damage_tuned")),
    "generalisation": lambda read: generalisation.claims(read("curves")),
    "composition": lambda read: composition.claims(read("combinations")),
    "relearning": lambda read: relearning.claims(read("retraining")),
    "keeping": lambda read: keeping.claims(read("retention"), read("retraining")),
    "switching": lambda read: switching.claims(read("goals")),
    "transfer": lambda read: transfer.claims(read("reuse")),
    "interpretability": lambda read: interpretability.claims(read("circuits")),
    "criticality": lambda read: criticality.claims(read("reservoirs"), read("recurrent")),
}
"""What each page claims of published tables alone, by its name, if the profile has those."""

HOLDS, UNCLEAR, OPEN, FAILS = VERDICTS = ["holds", "still unclear", "open", "fails"]
"""What becomes of a claim on other networks: see `verdict`."""

NUMBER = "mean [95 % interval]"
"""The column of `judged` that the number is in."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    listed: Annotated[
        list[Literal[tuple(VERDICTS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]
    at_once: Annotated[int, Field(ge=1, le=100)]


def title(page: str) -> str:
    """Return the title of a page."""
    notebook, chapter = NOTEBOOKS / f"{page}.ipynb", ROOT / "book" / f"{page}.md"
    if notebook.exists():
        text = nbformat.read(notebook, as_version=4).cells[0].source
    else:
        text = chapter.read_text("utf-8")
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def verdict(claim: Claim) -> str:
    """Return what a claim's intervals say of it.

    It holds if its condition does in every situation, and fails if in one of them no number in
    the interval meets it. Otherwise it is open: networks are too few to tell, or were not measured.
    What claims that something is not clear holds the more easily the fewer networks there are: if
    it does, it is still unclear.
    """
    measured = claim.values.dropna(subset=["mean", "low", "high"])
    slack = [claim.condition.slack(row.low, row.high) for row in measured.itertuples()]
    if len(measured) == len(claim.values) and min(slack) > 0:
        return UNCLEAR if claim.condition.slack(-np.inf, np.inf) > 0 else HOLDS
    for row in measured.itertuples():
        numbers = np.linspace(row.low, row.high, 101)
        if not any(claim.condition.slack(number, number) > 0 for number in numbers):
            return FAILS
    return OPEN


def compared(fresh: Path = FRESH, published: Path = FOLDER) -> pd.DataFrame:
    """Return one row per claim of the pages that rest on published tables alone.

    A claim of several parts has a row for each. A row has the `page`, the `claim`, its `quantity`,
    what it `should be`, what it is in the tables `published` and `fresh`, there in the situation
    that bears the claim least, and its `verdict` by the fresh tables.
    """
    rows = []
    for page, claims in PAGES.items():
        old, new = (
            [
                part
                for claim in claims(partial(published_table, folder=folder))
                for part in parts(claim)
            ]
            for folder in (published, fresh)
        )
        shown = judged(old).drop(columns="holds").rename(columns={NUMBER: "published"})
        shown["fresh"], shown["verdict"] = judged(new)[NUMBER], [verdict(claim) for claim in new]
        shown.insert(0, "page", title(page))
        rows.append(shown)
    return pd.concat(rows, ignore_index=True)


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each page, in the order of the book, meet each verdict."""
    counts = pd.crosstab(rows.page, rows.verdict)
    return counts.reindex(index=rows.page.unique(), columns=VERDICTS, fill_value=0)


def claims(rows: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the claims of others."""
    clear = rows[rows.verdict != UNCLEAR]
    share = clear.verdict.value_counts(normalize=True).reindex(VERDICTS, fill_value=0)
    return [
        Claim(
            "Of what is claimed to be clear three quarters hold on networks of other seeds.",
            "share of claims", exact(share[HOLDS]), above(0.75), ".2f",
        ),
        Claim(
            "Fewer than one in ten fails there.",
            "share of claims", exact(share[FAILS]), below(0.1), ".2f",
        ),
    ]  # fmt: skip
