"""Tables of trained networks and others: what a row must hold, writing, reading.

Published tables lie beside a file `SHA256SUMS`, so that `sha256sum -c` checks them too.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.batch import files
from modlib.batch.checkout import ROOT
from modlib.batch.provenance import provenance
from modlib.training.fit import Run
from modlib.training.stacks import Stack

FOLDER = Path(os.environ.get("MODLIB_RESULTS", ROOT / "results"))
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
        "balanced_excess": _measure(-1.0, 1.0),
        "live_excess": _measure(-1.0, 1.0),
        "cut": _measure(0.0, 1.0),
        "communities": _measure(0.0, np.inf),
        "ari": _measure(-1.0, 1.0),
        "specialisation": _measure(0.0, 1.0),
        "pruned_excess": _measure(-1.0, 1.0),
        "pruned_accuracy": _measure(0.0, 1.0),
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
is one sub-task or no lesion hurts; in `selection` all but the `overview` measures; the other
measures only in diverged networks.
"""

NUMBERS = [
    name for name, column in NETWORKS.columns.items() if str(column.dtype)[:3] in ("int", "flo")
]
"""The columns that hold no text."""

OVERVIEW = [
    "accuracy", "validation_accuracy", "q", "q_null_mean", "q_null_std", "excess", "communities",
]  # fmt: skip
NEVER_EMPTY = {
    "selection": OVERVIEW,
    "evaluation": [
        *OVERVIEW,
        *("balanced_excess", "live_excess", "cut", "pruned_excess", "pruned_accuracy"),
    ],
}
"""The measures of every network that did not diverge, by its role."""


def check(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of networks as it is, or say which row and column is wrong.

    Raises:
        ValueError: for a missing or unknown column, a value out of range,
            an empty value in a network that did not diverge, or a network that is
            there twice.
    """
    for column in table.columns.intersection(NUMBERS):
        texts = table[column][pd.to_numeric(table[column], "coerce").isna() & table[column].notna()]
        if len(texts):
            raise ValueError(
                f"row {texts.index[0]}, column '{column}': needs a number or nothing, got the text"
                f" {texts.iloc[0]!r}; make the table again"
            )
    try:
        NETWORKS.validate(table)
    except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        cases = error.failure_cases
        row = f"row {cases['index'].iloc[0]}, " if isinstance(cases, pd.DataFrame) else ""
        raise ValueError(f"{row}{error}; mend the table, or delete it and make it again") from error
    for role, columns in NEVER_EMPTY.items():
        empty = table.loc[(table.status == "ok") & (table.role == role), columns].isna()
        if empty.any(axis=None):
            row, column = empty.stack().idxmax()
            raise ValueError(
                f"row {row}, column '{column}': a network with status 'ok' in {role} needs a value,"
                " got none; make the table again"
            )
    return table


def check_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return any table, by its name, as it is, or say what is wrong.

    Raises:
        ValueError: for a table without rows, or for the reasons of `check`.
    """
    if table.empty:
        raise ValueError(f"the table {name} needs rows, got none; make it again")
    return check(table) if name == "networks" else table


def text(name: str, table: pd.DataFrame) -> str:
    """Return a table as CSV, with six significant digits, after checking it."""
    table = check_table(name, table)
    if name == "networks":
        table = table[list(NETWORKS.columns)]
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def write(name: str, table: pd.DataFrame, path: Path | str, key: str) -> pd.DataFrame:
    """Write what a notebook made, with its key and provenance, as CSV; return it with these.

    The table of networks has six significant digits, others all until they are published. If
    anything fails, nothing is written.

    Raises:
        ValueError: for the reasons of `check_table`.
    """
    table = check_table(name, table.assign(key=key, **provenance()))
    if name == "networks":
        content = text(name, table)
    else:
        content = table.to_csv(index=False, lineterminator="\n")
    files.write_text(Path(path), content)
    return table


def read(path: Path | str) -> pd.DataFrame:
    """Return a table after checking it; a missing file or a bad row raises ValueError."""
    require(Path(path))
    text = {"versions": str, "commit": str, "key": str}
    return check(pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""]))


def write_network(run: Run, row: int, path: Path | str) -> None:
    """Write one network of a run: its weights and biases, and what it was trained with.

    Layers are named `weight0`, `bias0`, `weight1`, ... from the inputs on.
    """
    layers = {
        f"{name}{depth}": getattr(layer, name)[row].detach().contiguous()
        for depth, layer in enumerate(run.network.layers)
        for name in ("weight", "bias")
    }
    told = {name: str(run.table[name][row]) for name in ("task", "penalty", "strength", "seed")}
    told["activation"] = run.network.activation.__name__
    files.write_tensors(Path(path), layers, told)


def read_network(path: Path | str) -> tuple[Stack, dict[str, str]]:
    """Return a network that `write_network` wrote, as a stack of one, and what it was told of."""
    path = Path(path)
    require(path)
    with safetensors.safe_open(path, "pt") as file:
        told = file.metadata()
    layers = safetensors.torch.load_file(path)
    depths = range(len(layers) // 2)
    widths = [len(layers["weight0"]), *(layers[f"weight{d}"].shape[1] for d in depths)]
    network = Stack(widths, [int(told["seed"])], getattr(torch, told["activation"]))
    with torch.no_grad():
        for d, layer in enumerate(network.layers):
            layer.weight[0], layer.bias[0] = layers[f"weight{d}"], layers[f"bias{d}"]
    return network.eval(), told


def long(
    seeds: Sequence[int],
    measures: Mapping[str, Float[Tensor | np.ndarray, " n_stack"]],
    **told: object,
) -> pd.DataFrame:
    """Return one row per measure and network: `seed`, what all were told, `measure`, `value`."""
    rows = pd.DataFrame(measures).assign(seed=seeds, **told)
    return rows.melt(["seed", *told], var_name="measure")


def published(folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return the table of networks in a folder of results.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, or
            for the reasons of `check`.
    """
    return read(_checked(Path(folder), "networks.csv"))


def published_table(name: str, folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return any other published table.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, or for the
            reasons of `check_table`.
    """
    return check_table(name, pd.read_csv(_checked(Path(folder), f"{name}.csv")))


def published_network(
    task: str, penalty: str, folder: Path | str = FOLDER
) -> tuple[Stack, dict[str, str]]:
    """Return the network that is published for a task and a penalty, as `read_network` does.

    Raises:
        ValueError: if there is none, or if its checksum is not the one in `SHA256SUMS`.
    """
    return read_network(_checked(Path(folder), f"networks/{task}-{penalty}.safetensors"))


def _checked(folder: Path, name: str) -> Path:
    """Return a published file's path after comparing its checksum."""
    path = folder / name
    require(path)
    found = files.sums(folder)
    if not files.intact(folder, name, found):
        raise ValueError(
            f"{path} should have the SHA-256 checksum {found.get(name, 'in SHA256SUMS (missing)')},"
            f" got {files.sha256(path)}: it was changed by hand or not copied whole; restore it, or"
            " delete it, and `make reproduce` makes it again"
        )
    return path


def require(path: Path) -> None:
    """Raise ValueError if there is no such file."""
    if not path.exists():
        raise ValueError(f"there is no file {path}; `make reproduce` writes it")
