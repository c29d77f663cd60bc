"""Tables of trained networks and others: what a row must hold, writing, reading.

Published tables lie beside a file `SHA256SUMS`, so that `sha256sum -c` checks them too.
"""

import os
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from modlib.batch import files, schemas, sources, storage
from modlib.batch.checkout import ROOT, require
from modlib.batch.provenance import provenance
from modlib.batch.storage import Trained

FOLDER = Path(os.environ.get("MODLIB_RESULTS", ROOT / "results"))
"""The tables that pages read: the published ones, or those in `MODLIB_RESULTS`."""


def text(name: str, table: pd.DataFrame, digits: int | None = 6) -> str:
    """Return a table as CSV, with some significant digits or all; check what is read of it.

    Raises:
        ValueError: for the reasons of `schemas.check`.
    """
    columns = list(schemas.schema(name).columns) if name == "networks" else None
    form = None if digits is None else f"%.{digits}g"
    content = table.to_csv(columns=columns, index=False, float_format=form, lineterminator="\n")
    read_table(name, StringIO(content))
    return content


def write(name: str, table: pd.DataFrame, path: Path | str, key: str) -> pd.DataFrame:
    """Write what a notebook made, with its key and provenance, as CSV; return it with these.

    The table of networks has six significant digits, others all until they are published. If
    anything fails, nothing is written.

    Raises:
        ValueError: for the reasons of `schemas.check`.
    """
    table = table.assign(key=key, **provenance())
    files.write_text(Path(path), text(name, table, 6 if name == "networks" else None))
    return table


def read_table(name: str, path: Path | StringIO) -> pd.DataFrame:
    """Return any table after checking it; a missing file or a bad row raises ValueError."""
    if isinstance(path, Path):
        require(path)
    origin = dict.fromkeys(schemas.ORIGIN, str)
    try:
        # only what is empty is missing: 'nan' and 'NA' are text
        table = pd.read_csv(path, dtype=origin, keep_default_na=False, na_values=[""])
        # a first cell beyond the head's would become the index
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError(f"rows have more cells than the {table.shape[1]} of the head")
    except ValueError as error:
        raise ValueError(
            f"{name}: needs a table as CSV in UTF-8, got {path}: {error}; restore it,"
            " or delete it and make it again"
        ) from error
    return schemas.check(name, table)


def read(path: Path | str) -> pd.DataFrame:
    """Return a table of networks, likewise."""
    return read_table("networks", Path(path))


def long(
    seeds: Sequence[int],
    measures: Mapping[str, Float[Tensor | np.ndarray, " n_stack"]],
    **common: object,
) -> pd.DataFrame:
    """Return one row per measure and network: `seed`, columns in common, `measure`, `value`."""
    rows = pd.DataFrame(measures).assign(seed=seeds, **common)
    return rows.melt(["seed", *common], var_name="measure")


def published(folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return the table of networks in a folder of results, as `published_table` does."""
    return published_table("networks", folder)


def published_table(name: str, folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return any published table, and note that it was read.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, or for the
            reasons of `schemas.check`.
    """
    table = read_table(name, checked(Path(folder), f"{name}.csv"))
    sources.note_table(Path(folder), f"{name}.csv", table)
    return table


def published_network(task: str, penalty: str, folder: Path | str = FOLDER) -> Trained:
    """Return the network that is published for a task and a penalty, and note that it was read.

    It is a stack of one.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, if the file
            holds others, or for the reasons of `storage.read`.
    """
    name = f"networks/{task}-{penalty}.safetensors"
    path = checked(Path(folder), name)
    stacks = list(storage.read(path).values())
    held = [(of.task.name, of.penalty, len(of.network.seeds)) for of in stacks]
    if held != [(task, penalty, 1)]:
        raise ValueError(
            f"{path} should hold one network of {task} and {penalty}, got {held}; restore it, or"
            " delete it and make it again"
        )
    sources.note_file(Path(folder), name, seeds=sources.spans(stacks[0].network.seeds))
    return stacks[0]


def checked(folder: Path, name: str) -> Path:
    """Return a published file's path after comparing its checksum."""
    path = folder / name
    require(path)
    checksums = files.checksums(folder)
    expected = checksums.get(name, "in SHA256SUMS (missing)")
    if not files.intact(folder, name, checksums):
        raise ValueError(
            f"{path} should have the SHA-256 checksum {expected},"
            f" got {files.sha256(path)}: it was changed by hand or not copied whole; restore it, or"
            " delete it, and `make reproduce` makes it again"
        )
    return path
