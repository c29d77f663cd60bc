"""Tables of trained networks: what a row must hold, reading, writing, publishing.

Published tables lie beside a file `SHA256SUMS`, so that `sha256sum -c` checks them
too. Tables are written to a temporary file and renamed, never half.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor

from modlib.batch import schemas
from modlib.batch.checkout import ROOT, require
from modlib.training.fit import Run
from modlib.training.stacks import Stack

FOLDER = Path(os.environ.get("MODLIB_RESULTS", ROOT / "results"))
"""The tables that pages read: the published ones, or those in `MODLIB_RESULTS`."""


def write(table: pd.DataFrame, path: Path | str) -> None:
    """Check a table and write it as CSV, with six significant digits."""
    path = Path(path)
    schemas.check("networks", table)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(schemas.schema("networks").columns)
    text = table.to_csv(columns=columns, index=False, float_format="%.6g", lineterminator="\n")
    _replace(path, text)


def read(path: Path | str) -> pd.DataFrame:
    """Return a table after checking it; a missing file or a bad row raises ValueError."""
    return _read("networks", Path(path))


def _read(name: str, path: Path) -> pd.DataFrame:
    require(path)
    text = dict.fromkeys(schemas.ORIGIN, str)
    # only what is empty is missing: 'nan' and 'NA' are text
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    return schemas.check(name, table)


def write_network(run: Run, row: int, path: Path | str) -> None:
    """Write one network of a run: its weights and biases, and what it was trained with.

    Layers are named `weight0`, `bias0`, `weight1`, ... from the inputs on.
    """
    path = Path(path)
    layers = {
        f"{name}{depth}": getattr(layer, name)[row].detach().contiguous()
        for depth, layer in enumerate(run.network.layers)
        for name in ("weight", "bias")
    }
    told = {name: str(run.table[name][row]) for name in ("task", "penalty", "strength", "seed")}
    told["activation"] = run.network.activation.__name__
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed_to(path) as temporary:
        safetensors.torch.save_file(layers, temporary, metadata=told)


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


def publish(table: pd.DataFrame, folder: Path | str) -> None:
    """Write `networks.csv` and the checksums of all files into a folder of results."""
    folder = Path(folder)
    write(table, folder / "networks.csv")
    _write_checksums(folder)


def publish_table(name: str, table: pd.DataFrame, folder: Path | str) -> None:
    """Write any other table as CSV, with six significant digits, and all checksums, likewise."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    _replace(folder / f"{name}.csv", text)
    _write_checksums(folder)


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
            for the reasons of `schemas.check`.
    """
    return read(_checked(Path(folder), "networks.csv"))


def published_table(name: str, folder: Path | str = FOLDER) -> pd.DataFrame:
    """Return a table that `publish_table` wrote.

    Raises:
        ValueError: if there is none, if its checksum is not the one in `SHA256SUMS`, or
            for the reasons of `schemas.check`.
    """
    return _read(name, _checked(Path(folder), f"{name}.csv"))


def published_network(
    task: str, penalty: str, folder: Path | str = FOLDER
) -> tuple[Stack, dict[str, str]]:
    """Return the network that is published for a task and a penalty, as `read_network` does.

    Raises:
        ValueError: if there is none, or if its checksum is not the one in `SHA256SUMS`.
    """
    return read_network(_checked(Path(folder), f"networks/{task}-{penalty}.safetensors"))


def _write_checksums(folder: Path) -> None:
    files = [*sorted(folder.glob("*.csv")), *sorted(folder.glob("networks/*.safetensors"))]
    sums = (f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    _replace(folder / "SHA256SUMS", "".join(sums))


def _checked(folder: Path, name: str) -> Path:
    """Return a published file's path after comparing its checksum."""
    path, sums = folder / name, folder / "SHA256SUMS"
    require(path)
    lines = sums.read_text("utf-8").splitlines() if sums.exists() else []
    expected = dict(reversed(line.split("  ", 1)) for line in lines).get(name)
    if _sha256(path) != expected:
        raise ValueError(
            f"{path} should have the SHA-256 checksum {expected or 'in SHA256SUMS (missing)'},"
            f" got {_sha256(path)}: it was changed by hand or not copied whole; restore it or make"
            " it again"
        )
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def renamed_to(path: Path) -> Iterator[Path]:
    """Give a temporary path beside another, and rename it to that once it is written."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    yield temporary
    temporary.replace(path)


def _replace(path: Path, text: str) -> None:
    with renamed_to(path) as temporary:
        temporary.write_text(text, "utf-8")
