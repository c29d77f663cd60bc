"""Tables of trained networks: what a row must hold, reading, writing, choosing.

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
from numpy.typing import ArrayLike
from scipy import stats

FOLDER = Path(os.environ.get("MODLIB_RESULTS", Path(__file__).parents[1] / "results"))
"""The tables that pages read: the published ones, or those in `MODLIB_RESULTS`."""

ACCURACY_MARGIN = 0.005
"""Accuracy that a chosen strength may cost at most, against no penalty."""


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


def chosen_strengths(table: pd.DataFrame) -> pd.Series:
    """Return the strength chosen for each (task, penalty), by the selection seeds alone.

    It is the one with the largest mean excess among those whose mean validation
    accuracy is within `ACCURACY_MARGIN` of no penalty's, and of which no network
    diverged; a penalty without such a strength is left out.
    """
    rows = table[table.role == "selection"]
    means = rows.groupby(["task", "penalty", "strength"])[["validation_accuracy", "excess"]].mean()
    sound = rows.groupby(["task", "penalty", "strength"]).status.agg(lambda s: (s == "ok").all())
    if "none" not in set(rows.penalty):
        raise ValueError(
            f"strengths are chosen against no penalty, got selection seeds of {set(rows.penalty)}"
            " alone; add rows with the penalty 'none'"
        )
    reference = means.validation_accuracy.xs("none", level="penalty").groupby("task").max()
    floor = reference.reindex(means.index, level="task") - ACCURACY_MARGIN
    eligible = means[sound & (means.validation_accuracy >= floor)]
    best = eligible.groupby(["task", "penalty"]).excess.idxmax()
    return best.map(lambda index: index[-1]).rename("strength")


def interval(values: ArrayLike, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % BCa bootstrap interval of the mean (Efron 1987).

    The values themselves where they are all equal.

    Raises:
        ValueError: if there are fewer than three values or one is not finite.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 3 or not np.isfinite(values).all():
        raise ValueError(
            f"an interval needs three finite values or more, got {values.tolist()};"
            " diverged networks have to be counted, not averaged"
        )
    if np.ptp(values) == 0:
        return values[0], values[0]
    rng = np.random.default_rng(seed)
    return tuple(stats.bootstrap((values,), np.mean, method="BCa", rng=rng).confidence_interval)


SUMMARISED = ["accuracy", "excess", "ari", "specialisation"]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return how each penalty does at its chosen strength, on the evaluation seeds.

    One row per task and penalty with `networks` (how many did not diverge), `diverged`,
    `strength` (NaN where no strength keeps the accuracy) and, for each measure in
    `SUMMARISED`, its mean and the ends of `interval`, as `<measure>`, `<measure>_low` and
    `<measure>_high`; networks in which a measure is not defined are left out of it.
    """
    strengths = chosen_strengths(table)
    rows = []
    for (task, penalty), part in table.groupby(["task", "penalty"], sort=False):
        strength = strengths.get((task, penalty), np.nan)
        judged = part[(part.role == "evaluation") & (part.strength == strength)]
        row = {"task": task, "penalty": penalty, "strength": strength}
        row |= {"networks": (judged.status == "ok").sum()}
        row |= {"diverged": (judged.status == "diverged").sum()}
        for measure in SUMMARISED:
            values = judged[measure].dropna()
            ends = interval(values) if len(values) >= 3 else (np.nan, np.nan)
            row |= dict(zip([f"{measure}_low", f"{measure}_high"], ends, strict=True))
            row[measure] = values.mean()
        rows.append(row)
    return pd.DataFrame(rows).set_index(["task", "penalty"])


def differences(table: pd.DataFrame, reference: str = "none") -> pd.DataFrame:
    """Return paired differences of each penalty to a reference, both at chosen strengths.

    One row per task, penalty and measure in `SUMMARISED`: `networks` (pairs of evaluation
    seeds in which the measure is defined for both), `mean`, and the ends `low` and `high`
    of `interval`; NaN where there are fewer than three pairs.
    """
    chosen = chosen_strengths(table)
    judged = table[table.role == "evaluation"].set_index(["task", "penalty", "strength", "seed"])
    judged = judged[SUMMARISED].sort_index()
    rows = []
    for (task, penalty), strength in chosen.items():
        if penalty == reference or (task, reference) not in chosen:
            continue
        own = judged.loc[task, penalty, strength]
        pairs = own - judged.loc[task, reference, chosen[task, reference]]
        for measure, values in pairs.items():
            values = values.dropna()
            low, high = interval(values) if len(values) >= 3 else (np.nan, np.nan)
            rows.append([task, penalty, measure, len(values), values.mean(), low, high])
    columns = ["task", "penalty", "measure", "networks", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index(["task", "penalty", "measure"])
