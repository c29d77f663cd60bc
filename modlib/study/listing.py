"""Every row of a published table, to be sorted and chosen from: the page `listing`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from modlib.batch import pages
from modlib.batch.claims import Claim, below, exact
from modlib.batch.names import NAMES
from modlib.batch.schemas import ORIGIN, SCHEMAS

LEFT_OUT = [*ORIGIN, "seconds"]
"""The columns of all tables that say where a row comes from, not what it is about."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    table: Literal[tuple(SCHEMAS)]
    shown: Annotated[int, Field(ge=1, le=100)]


def listed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a published table as readers know them, columns that are empty left out.

    >>> listed(pd.DataFrame({"task": ["two_digits"], "ari": [0.5], "share": None, "key": "0"}))
             task  agreement (ARI)
    0  two digits              0.5
    """
    rows = table.drop(columns=LEFT_OUT, errors="ignore").dropna(axis="columns", how="all")
    for name in rows.select_dtypes(["object", "string"]):
        rows[name] = rows[name].map(_named, na_action="ignore")
    return rows.rename(columns=_named)


def _named(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def claims(table: pd.DataFrame, rows: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of a published table and of the rows that it lists."""
    missing = Claim(
        "Every row of the table is listed.",
        "rows that are not", exact(len(table) - len(rows)), below(0.5), ".0f",
    )  # fmt: skip
    if "status" not in table:
        return [missing]
    diverged = (table.status == "diverged").sum()
    return [
        missing,
        Claim(
            "No network has diverged in training.",
            "networks that have", exact(diverged), below(0.5), ".0f",
        ),
    ]  # fmt: skip
