"""What a page rests on: each published file that it reads, and the parameters that it runs with.

It is noted where it is read, in an output of the kernel that no page shows; the book tells it below
each figure and table.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from modlib.batch import files, kernel
from modlib.batch.checkout import ROOT
from modlib.batch.schemas import ORIGIN

RUN = "run"
"""The name under which a page notes its parameters."""


def note_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Note that a published table was read: its checksum, and the origin of its rows."""
    rows = table.groupby("role") if "role" in table else [("", table)]
    seeds = [f"{role} {spans(of.seed)}".strip() for role, of in rows if "seed" in of]
    origin = {column: sorted(set(table[column])) for column in ORIGIN if column in table}
    note_file(folder, name, rows=len(table), seeds="; ".join(seeds), **origin)


def note_file(folder: Path, name: str, **told: object) -> None:
    """Note that a file of a folder of results was read, its checksum, and what else is told."""
    folder = folder.resolve()
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    place = {"folder": shown.as_posix(), "file": name, "sha256": files.sha256(folder / name)}
    note(f"{place['folder']}/{name}", **place, **told)


def note(name: str, **told: object) -> None:
    """Note something under a name, which is said once however often it is noted."""
    kernel.say(name, "application/json", json.dumps(told))


def spans(numbers: Iterable[int]) -> str:
    """Return whole numbers as text, those that follow each other as a span.

    >>> spans([101, 0, 1, 2, 5, 100])
    '0–2, 5, 100–101'
    """
    parts: list[list[int]] = []
    for number in sorted({int(number) for number in numbers}):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("–".join(map(str, part)) for part in parts)
