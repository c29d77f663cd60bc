"""Whether what pages claim of published tables holds on networks of other seeds, claim by claim."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import nbformat
import pandas as pd
import yaml
from pydantic import AfterValidator, Field

from modlib.batch import pages
from modlib.batch.checkout import NOTEBOOKS, ROOT, WORKFLOW
from modlib.batch.claims import Claim, Together, above, below, between, exact, judged, parts
from modlib.batch.tables import published_table
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
    switching,
    transfer,
)
from modlib.study.benefits import Read

PUBLISHED, FRESH = ROOT / "results", ROOT / "results" / "fresh"
"""The tables of the batch's profiles `paper` and `fresh`."""


PAGES: dict[str, Callable[[Read], list[Claim | Together]]] = {
    "results": lambda read: results.claims(results.networks(read), benefits.differences(read=read)),
    "depth": lambda read: deep.claims(read("deep")),
    "forms": lambda read: forms.claims(forms.summary(read("networks"))),
    "peers": lambda read: peers.claims(results.networks(read)),
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

HOLDS, OPEN, FAILS = VERDICTS = ["holds", "open", "fails"]
"""What becomes of a claim on other networks: see `verdict`."""

CLEAR, UNCLEAR, ALONE = KINDS = ["clear", "not clear", "number alone"]
"""Of an interval and clear, that something is not clear, or of a number without an interval."""

NUMBER = "mean [95 % interval]"
"""The column of `judged` that the number is in."""

FEWER = yaml.safe_load((WORKFLOW / "fresh.yaml").read_text("utf-8"))["most"]
"""The networks of each kind in the fresh tables, and of the published ones to compare with."""


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


def of_paper(name: str) -> pd.DataFrame:
    """Return a table of the profile `paper`, whichever the pages read."""
    return published_table(name, PUBLISHED)


def of_fresh(name: str) -> pd.DataFrame:
    """Return a table of the profile `fresh`."""
    return published_table(name, FRESH)


def fewer(name: str) -> pd.DataFrame:
    """Return a published table's rows of the first networks, as many of a kind as fresh ones."""
    rows = of_paper(name)
    roles = rows["role"] if "role" in rows else pd.Series("evaluation", rows.index)
    first = pd.Series(False, rows.index)
    for role, of in rows.groupby(roles):
        first |= rows.seed.isin(sorted(of.seed.unique())[: FEWER[role]]) & (roles == role)
    return rows[first]


def most_networks(folder: Path) -> int:
    """Return how many evaluation networks of a kind a folder's table of networks has at most."""
    networks = published_table("networks", folder)
    return networks[networks.role == "evaluation"].seed.nunique()


def kind(claim: Claim) -> str:
    """Return the kind of a claim, one of `KINDS`, by its condition and its intervals."""
    if claim.condition.aim is None:
        return UNCLEAR
    return ALONE if (claim.values.low == claim.values.high).all() else CLEAR


def on_other(claim: Claim, other: Claim) -> Claim:
    """Return a claim with its situations as another table has them; NaN where it has one not."""
    if other.sentence != claim.sentence:
        raise ValueError(f"needs the claim '{claim.sentence}' again, got '{other.sentence}'")
    if other.values.index.equals(claim.values.index):
        return other
    return other._replace(values=other.values.reindex(claim.values.index))


def verdict(claim: Claim) -> str:
    """Return what a claim's intervals say of it.

    It holds if its condition does in every situation, and fails if in one of them it is excluded.
    Otherwise it is open: networks are too few to tell, or were not measured.
    """
    measured = claim.values.dropna(subset=["mean", "low", "high"])
    ends = list(zip(measured.low, measured.high, strict=True))
    if any(claim.condition.excluded(*of) for of in ends):
        return FAILS
    every = len(measured) == len(claim.values)
    return HOLDS if every and all(claim.condition.holds(*of) for of in ends) else OPEN


def compared(fresh: Read = of_fresh) -> pd.DataFrame:
    """Return one row per claim of the pages that rest on published tables alone.

    A claim of several parts has a row for each. A row has the `page`, the `claim`, its `quantity`,
    what it `should be`, what it is in the tables `published` and `fresh`, there in the situation
    that bears it least, its `kind`, its `verdict` by the fresh tables, and its `verdict of fewer`,
    by as many published networks.
    """
    rows = []
    for page, claims in PAGES.items():
        published, *others = (
            [part for claim in claims(read) for part in parts(claim)]
            for read in (of_paper, fresh, fewer)
        )
        of_new, of_fewer = (
            [on_other(*pair) for pair in zip(published, other, strict=True)] for other in others
        )
        shown = judged(published).drop(columns="holds").rename(columns={NUMBER: "published"})
        shown["fresh"] = judged(of_new)[NUMBER]
        shown["kind"] = [kind(claim) for claim in published]
        shown["verdict"] = [verdict(claim) for claim in of_new]
        shown["verdict of fewer"] = [verdict(claim) for claim in of_fewer]
        shown.insert(0, "page", title(page))
        rows.append(shown)
    return pd.concat(rows, ignore_index=True)


def counted(rows: pd.DataFrame, by: str, verdicts: str = "verdict") -> pd.DataFrame:
    """Return how many claims meet each verdict, by the `page`, in the book's order, or `kind`."""
    order = rows.page.unique() if by == "page" else KINDS
    counts = pd.crosstab(rows[by], rows[verdicts])
    return counts.reindex(index=order, columns=VERDICTS, fill_value=0).rename_axis(columns=None)


def claims(rows: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the claims of others."""
    share, of_fewer = (
        counts.div(counts.sum(axis=1), axis=0)
        for counts in (counted(rows, "kind", of) for of in ("verdict", "verdict of fewer"))
    )
    beyond = share - of_fewer
    return [
        Claim(
            "Of the claims that something is clear three quarters hold on networks of other seeds.",
            "share of claims", exact(share.loc[CLEAR, HOLDS]), above(0.75), ".2f",
        ),
        Claim(
            "Fewer than one in ten of them fails there.",
            "share of claims", exact(share.loc[CLEAR, FAILS]), below(0.1), ".2f",
        ),
        Claim(
            "About as many hold as of as many of the published networks.",
            "difference of shares", exact(beyond.loc[CLEAR, HOLDS]), between(-0.1, 0.1), "+.2f",
        ),
        Claim(
            "Of what was not clear more is clear than among these.",
            "difference of shares", exact(beyond.loc[UNCLEAR, FAILS]), above(0), "+.2f",
        ),
    ]  # fmt: skip
