"""Published files that were damaged are refused, with what is wrong and what to do: every table and
every network, by each kind of damage.
"""

import json
import re
import shutil
from io import BytesIO

import pandas as pd
import pytest
import safetensors.torch
import torch

from modlib.batch import files, tables
from modlib.batch.checkout import ROOT

PUBLISHED = ROOT / "results"
TABLES = sorted(path.stem for path in PUBLISHED.glob("*.csv"))
NETWORKS = sorted(path.stem for path in PUBLISHED.glob("networks/*"))


@pytest.fixture(scope="module")
def beginnings(tmp_path_factory):
    """The ends of every published table, and every published network, with checksums."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(PUBLISHED / "networks", folder / "networks")
    for name in TABLES:
        whole = (PUBLISHED / f"{name}.csv").read_bytes().splitlines(keepends=True)
        (folder / f"{name}.csv").write_bytes(b"".join([*whole[:3], *whole[-3:]]))
    signed(folder)
    return folder


@pytest.fixture
def copied(beginnings, tmp_path):
    """Return a function that copies a file of them to a folder of results, and returns its path."""

    def copy(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(beginnings / name, path)
        shutil.copy(beginnings / files.CHECKSUMS, tmp_path)
        return path

    return copy


def signed(folder):
    """Write the checksums of what is in a folder of results, as whoever changed it may do."""
    there = [*folder.glob("*.csv"), *folder.glob("networks/*")]
    digests = {path.relative_to(folder).as_posix(): files.sha256(path) for path in there}
    files.write_checksums(folder, digests)


def lines(change):
    """Change the rows of a table, its head apart."""

    def changed(content):
        head, *rows = content.splitlines(keepends=True)
        return b"".join([head, *change(rows)])

    return changed


def cells(change):
    """Change a table as pandas reads it."""

    def changed(content):
        return change(pd.read_csv(BytesIO(content), dtype=str)).to_csv(index=False)

    return lambda content: changed(content).encode()


def flipped(content):
    """Flip one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def with_last(character):
    """Put a character in the place of the last digit of the last row."""
    return lambda content: content[:-2] + character + content[-1:]


SHORTENED = {
    "nothing": lambda content: b"",
    "a byte": lambda content: content[:1],
    "half": lambda content: content[: len(content) // 2],
    "all but a byte": lambda content: content[:-1],
}
CHANGED = SHORTENED | {
    "a flipped bit": flipped,
    "rows in another order": lines(lambda rows: rows[::-1]),
    "a row twice": lines(lambda rows: [*rows, rows[2]]),
    "a row missing": lines(lambda rows: rows[1:]),
    "no row": lines(lambda rows: []),
    "no column": lambda content: re.sub(rb"(?m)^[^,]*,", b"", content),
    "another digit": with_last(b"x"),
    "line ends of Windows": lambda content: content.replace(b"\n", b"\r\n"),
    "old line ends of a Mac": lambda content: content.replace(b"\n", b"\r"),
    "another encoding": lambda content: content.decode().encode("utf-16"),
    "a mark of its encoding": lambda content: b"\xef\xbb\xbf" + content,
}


@pytest.mark.parametrize("damage", CHANGED)
@pytest.mark.parametrize("name", TABLES)
def test_a_changed_table_is_refused_by_its_checksum(name, damage, copied):
    path = copied(f"{name}.csv")
    path.write_bytes(CHANGED[damage](path.read_bytes()))
    with pytest.raises(ValueError, match=rf"(?s){name}\.csv .*SHA-256 checksum .*got.*restore it"):
        tables.published_table(name, path.parent)


WRONG = {
    "nothing": (lambda content: b"", "(No columns)|(needs rows)"),
    "blank": (lambda content: b"\n\n", "(No columns)|(needs rows)"),
    "no row": (CHANGED["no row"], "needs rows, got none"),
    "half a row": (lines(lambda rows: [*rows[1:], rows[0][: len(rows[0]) // 2]]), "column"),
    "a row twice": (CHANGED["a row twice"], r"row \d is there twice"),
    "a cell too many": (lines(lambda rows: [*rows[1:], b"0," + rows[0]]), "Expected .* fields"),
    "a cell too many in all": (lines(lambda rows: [b"0," + r for r in rows]), "more cells"),
    "no column": (cells(lambda table: table.drop(columns="key")), "'key' is missing"),
    "a column twice": (
        lambda content: b"".join(b"key," + line for line in content.splitlines(keepends=True)),
        r"'key\.1' is unknown",
    ),
    "a new column": (cells(lambda table: table.assign(other="1")), "'other' is unknown"),
    "a column by its old name": (
        cells(lambda table: table.rename(columns={"commit": "revision"})), "'revision' is unknown"
    ),
    "a number of text": (cells(lambda table: table.assign(seed="many")), "'seed'"),
    "an empty cell": (cells(lambda table: table.assign(versions=None)), "'versions'"),
    "another encoding": (CHANGED["another encoding"], "utf-8"),
    "no text": (lambda content: bytes(range(255, 0, -1)), "utf-8"),
    "another table": (lambda content: b"a,b\n1,2\n", "'[ab]' is unknown|is missing"),
}  # fmt: skip


@pytest.mark.parametrize("damage", WRONG)
@pytest.mark.parametrize("name", TABLES)
def test_a_wrong_table_is_refused_though_its_checksum_is_right(name, damage, copied):
    path = copied(f"{name}.csv")
    change, message = WRONG[damage]
    path.write_bytes(change(path.read_bytes()))
    signed(path.parent)
    with pytest.raises(ValueError, match=rf"(?s){name}.*({message}).*make it again"):
        tables.published_table(name, path.parent)


FORMS = {
    "nothing": b"",
    "blank lines": b"\n \n",
    "binary": bytes(range(256)),
    "another encoding": f"{64 * '0'}  networks.csv\n".encode("utf-16"),
    "BSD": f"SHA256 (networks.csv) = {64 * '0'}\n".encode(),
    "MD5": f"{32 * '0'}  networks.csv\n".encode(),
    "JSON": json.dumps({"networks.csv": 64 * "0"}).encode(),
    "of another file": f"{64 * '0'}  other.csv\n".encode(),
    "of another content": f"{64 * '0'}  networks.csv\n".encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_checksums_of_another_form_vouch_for_nothing(form, copied):
    path = copied("networks.csv")
    (path.parent / files.CHECKSUMS).write_bytes(FORMS[form])
    with pytest.raises(ValueError, match=r"(?s)SHA.?256.*got .*restore"):
        tables.published_table("networks", path.parent)


def test_a_folder_is_no_file_of_checksums(copied):
    path = copied("networks.csv")
    (path.parent / files.CHECKSUMS).unlink()
    (path.parent / files.CHECKSUMS).mkdir()
    with pytest.raises(ValueError, match=r"in SHA256SUMS \(missing\)"):
        tables.published_table("networks", path.parent)


@pytest.mark.parametrize("damage", [*SHORTENED, "a flipped bit"])
def test_a_changed_network_is_refused_by_its_checksum(damage, copied):
    for name in NETWORKS:
        path = copied(f"networks/{name}.safetensors")
        path.write_bytes(CHANGED[damage](path.read_bytes()))
        with pytest.raises(ValueError, match=rf"(?s){name}.* SHA-256 checksum .*got.*restore it"):
            tables.published_network(*name.split("-"), path.parents[1])


LAYER, BIAS = "0.layers.0.weight", "0.layers.1.bias"


def tensors(change):
    """Change a file's tensors."""
    return lambda of_file, told: (change(of_file), told)


def layer(name, change):
    """Change one of a file's tensors, or put what becomes of its last bias beside it."""
    return tensors(lambda of: of | {name: change(of.get(name, of[BIAS]))})


def told(**changes):
    """Change what a file tells of its networks."""
    return lambda of_file, told: (of_file, told | changes)


MADE_WRONG = {
    "no layer": (tensors(lambda of: {k: v for k, v in of.items() if k != LAYER}), LAYER[2:]),
    "a layer too many": (layer("0.layers.9.bias", torch.clone), "layers.9.bias"),
    "a network too many": (layer("1.layers.0.bias", torch.clone), "1.layers.0"),
    "another shape": (layer(LAYER, lambda W: W[..., 1:].clone()), "size mismatch"),
    "a turned layer": (layer(LAYER, lambda W: W.mT.contiguous()), "size mismatch"),
    "NaN": (layer(LAYER, lambda W: W * torch.nan), "not finite"),
    "one infinity": (layer(BIAS, lambda b: b.where(b < b.max(), torch.inf)), "not finite"),
    "whole numbers": (layer(BIAS, torch.Tensor.int), "float32"),
    "other numbers": (layer(BIAS, torch.Tensor.double), "float32"),
    "no metadata": (lambda of_file, told: (of_file, None), "trained"),
    "no task": (told(task=None), "task"),
    "an unknown task": (told(task="mars"), "mars"),
    "another task": (told(task="retina"), "widths"),
    "no widths": (told(widths=[]), "widths"),
    "other widths": (told(widths=[128, 0, 20]), "widths"),
    "no seed": (told(seeds=[]), "seeds"),
    "other seeds": (told(seeds=["0"]), "seeds"),
    "two seeds": (told(seeds=[0, 1]), "size mismatch"),
    "steps of text": (told(steps="many"), "steps"),
    "no stack": (told(stacks=[]), "stacks"),
    "an infinite strength": (told(stacks=[["l1", float("inf")]]), "stacks"),
    "half a stack": (told(stacks=["l1"]), "stacks"),
    "two stacks": (told(stacks=[["l1", 0.0], ["l1", 1.0]]), r"Missing key.*layers\.0"),
    "no activation": (told(activation=3), "activation"),
    "an activation with arguments": (told(activation="nothing"), "activation"),
    "more than is known": (told(new=1), "new"),
}  # fmt: skip


@pytest.mark.parametrize("damage", MADE_WRONG)
@pytest.mark.parametrize("name", [NETWORKS[0], NETWORKS[-1]])
def test_a_wrong_network_is_refused_though_its_checksum_is_right(name, damage, copied):
    path = copied(f"networks/{name}.safetensors")
    with safetensors.safe_open(path, "pt") as file:
        metadata = json.loads(file.metadata()["trained"])
    change, message = MADE_WRONG[damage]
    weights, metadata = change(safetensors.torch.load_file(path), metadata)
    metadata = metadata and {"trained": json.dumps(metadata)}
    safetensors.torch.save_file(weights, path, metadata)
    signed(path.parents[1])
    with pytest.raises(ValueError, match=rf"(?s){name}.*got .*{message}.*make it again"):
        tables.published_network(*name.split("-"), path.parents[1])


def test_a_network_in_the_place_of_another_is_refused(copied):
    names = NETWORKS[::9]
    paths = [copied(f"networks/{name}.safetensors") for name in names]
    for name, path, other in zip(names, paths, [*paths[1:], paths[0]], strict=True):
        before = path.read_bytes()
        shutil.copy(other, path)
        signed(path.parents[1])
        with pytest.raises(ValueError, match=rf"(?s){name}.*got .*make it again"):
            tables.published_network(*name.split("-"), path.parents[1])
        path.write_bytes(before)
