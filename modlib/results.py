"""Tables of trained networks: what a row must hold, reading, writing, publishing.

Published tables lie beside a file `SHA256SUMS`, so that `sha256sum -c` checks them
too. Tables are written to a temporary file and renamed, never half.
"""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

FOLDER = Path(os.environ.get("MODLIB_RESULTS", Path(__file__).parents[1] / "results"))
"""The tables that pages read: the published ones, or those in `MODLIB_RESULTS`."""


def _measure(low: float, high: float) -> pa.Column:
    return pa.Column(float, pa.Check.in_range(low, high), nullable=True, coerce=True)


NETWORKS = pa.DataFrameSchema(
    {
        "task": pa.Column(str),
        "penalty": pa.Column(str),
        "strength": pa.Column(float, pa.Check.in_range(0, sys.float_info.max), coerce=True),
        "seed": pa.Column(int, pa.Check.ge(0)),
        "role": pa.Column(str, pa.Check.isin(["selection", "evaluation"])),
        "status": pa.Column(str, pa.Check.isin(["ok", "diverged"])),
        "accuracy": _measure(0.0, 1.0),
        "validation_accuracy": _measure(0.0, 1.0),
        "q": _measure(-0.5, 1.0),
        "q_null_mean": _measure(-0.5, 1.0),
        "q_null_std": _measure(0.0, 1.0),
        "excess": _measure(-1.0, 1.0),
        "communities": _measure(0.0, np.inf),
        "ari": _measure(-1.0, 1.0),
        "specialisation": _measure(0.0, 1.0),
        "steps": pa.Column(int, pa.Check.ge(1)),
        "seconds": pa.Column(float, pa.Check.ge(0), coerce=True),
        "versions": pa.Column(str),
        "commit": pa.Column(str),
        "key": pa.Column(str),
    },
    strict=True,
    unique=["task", "penalty", "strength", "seed"],
)
"""One row per trained network.

`ari` is empty where fewer than two modules are known, `specialisation` where there
is one sub-task or no lesion hurts; the other measures only in diverged networks.
"""

NEVER_EMPTY = [
    "accuracy", "validation_accuracy", "q", "q_null_mean", "q_null_std", "excess", "communities",
]  # fmt: skip


def check(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of networks as it is, or say which row and column is wrong.

    Raises:
        ValueError: for a missing or unknown column, a value out of range,
            an empty value in a network that did not diverge, or a network that is
            there twice.
    """
    try:
        NETWORKS.validate(table)
    except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        cases = error.failure_cases
        row = f"row {cases['index'].iloc[0]}, " if isinstance(cases, pd.DataFrame) else ""
        raise ValueError(f"{row}{error}; mend the table or make it again") from error
    empty = table.loc[table.status == "ok", NEVER_EMPTY].isna()
    if empty.any(axis=None):
        row, column = empty.stack().idxmax()
        raise ValueError(
            f"row {row}, column '{column}': a network with status 'ok' needs a value, got none;"
            " make the table again"
        )
    return table


def write(table: pd.DataFrame, path: Path | str) -> None:
    """Check a table and write it as CSV, with six significant digits."""
    path = Path(path)
    check(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(NETWORKS.columns)
    text = table.to_csv(columns=columns, index=False, float_format="%.6g", lineterminator="\n")
    _replace(path, text)


def read(path: Path | str) -> pd.DataFrame:
    """Return a table after checking it; a missing file or a bad row raises ValueError."""
    _require(Path(path))
    text = {"versions": str, "commit": str, "key": str}
    return check(pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""]))


def publish(table: pd.DataFrame, folder: Path | str) -> None:
    """Write the table of networks into a folder of results, with its checksum."""
    path = Path(folder) / "networks.csv"
    write(table, path)
    _replace(path.parent / "SHA256SUMS", f"{_sha256(path)}  {path.name}\n")


def published(folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return the table of networks in a folder of results.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, or
            for the reasons of `check`.
    """
    path = Path(folder) / "networks.csv"
    sums = path.parent / "SHA256SUMS"
    _require(path)
    expected = sums.read_text().split("  ")[0] if sums.exists() else "in SHA256SUMS (missing)"
    if _sha256(path) != expected:
        raise ValueError(
            f"{path} should have the SHA-256 checksum {expected}, got {_sha256(path)}: it was"
            " changed by hand or not copied whole; restore it or make it again"
        )
    return read(path)


def _require(path: Path) -> None:
    if not path.exists():
        raise ValueError(f"there is no table {path}; `make reproduce` writes it")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text)
    temporary.replace(path)
