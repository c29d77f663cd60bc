"""Tables and networks: what is refused and how it is said, and what is kept."""

import math
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch
from rows import ROW, table

from modlib.batch import files, storage
from modlib.batch.provenance import provenance
from modlib.batch.publishing import publish
from modlib.batch.tables import (
    long,
    published,
    published_network,
    published_table,
    read,
    read_table,
    write,
)
from modlib.training.fit import fit


def test_a_table_comes_back_as_it_was_written(tmp_path):
    original = table(
        {"penalty": "l2", "strength": 1e-5, "ari": 0.25, "accuracy": 0.123456},
        {"status": "diverged", "accuracy": math.nan, "q": math.nan, "commit": "00012e5"},
        # read back, neither is a missing value or a number
        {"task": "NA", "key": "0000000000000001", "versions": "nan"},
    )
    publish({"networks": original}, tmp_path / "new")
    back = read(tmp_path / "new" / "networks.csv")
    # whole numbers of a column of floats come back as integers
    pd.testing.assert_frame_equal(back, original, check_dtype=False)


def test_columns_are_written_in_the_order_of_the_schema(tmp_path):
    write("networks", table({})[sorted(ROW)], tmp_path / "networks.csv", "1234")
    assert list(read(tmp_path / "networks.csv")) == list(ROW)


def settings(*values):
    """Return a table of another kind."""
    told = {"case": "mnist", "strength": 0.1, "measure": "accuracy"}
    origin = {"key": "12345678", "versions": "python 3", "commit": "0123456"}
    return pd.DataFrame({"seed": range(len(values)), **told, "value": values, **origin})


@pytest.mark.parametrize(
    ("name", "made"), [("networks", table({}, {})), ("settings", settings(0.25, 1 / 3))]
)
def test_a_table_gets_its_key_and_provenance_when_it_is_written(name, made, tmp_path):
    path = tmp_path / "new" / "table.csv"
    made = made.drop(columns=["key", "versions", "commit"])
    # as a number, it would be another
    told = write(name, made, path, "0000000000000001")
    back = read_table(name, path)
    assert set(back.key) == set(told.key) == {"0000000000000001"}
    assert (back.versions == provenance()["versions"]).all()
    pd.testing.assert_frame_equal(back[list(made)], made, check_dtype=False)


def test_published_numbers_have_six_digits_and_others_all_but_those_of_networks(tmp_path):
    third, long = 1 / 3, 0.123456789
    networks = table({"accuracy": third})
    for name, made, kept in (("networks", networks, 0.333333), ("settings", settings(long), long)):
        path = tmp_path / f"{name}.csv"
        write(name, made, path, "1234")
        column = "accuracy" if name == "networks" else "value"
        assert read_table(name, path)[column].tolist() == [kept]
    publish({"settings": settings(long)}, tmp_path / "new")
    assert published_table("settings", tmp_path / "new").value.tolist() == [0.123457]


def test_a_table_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "networks.csv"
    publish({"networks": table({})}, tmp_path)
    before = path.read_bytes()
    bad = table({"accuracy": 2.0})
    with pytest.raises(ValueError, match="row 0"):
        write("networks", bad, path, "1234")
    with pytest.raises(ValueError, match="row 0"):
        publish({"networks": bad}, tmp_path)
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.glob("[!.]*")} == {"networks.csv", "SHA256SUMS"}
    published(tmp_path)


@pytest.mark.parametrize("column", ["accuracy", "ari", "seconds"])
def test_the_text_nan_in_a_row_is_refused_by_its_number_and_column(tmp_path, column):
    path = tmp_path / "networks.csv"
    path.write_text(table({}, {column: "nan"}).to_csv(index=False))
    with pytest.raises(ValueError, match=f"row 1, column '{column}': needs a number, got 'nan'"):
        read(path)


@pytest.mark.parametrize("line", ["", "# restored by hand", "   "])
def test_checksums_may_have_comments_and_blank_lines(tmp_path, line):
    publish({"networks": table({})}, tmp_path)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{line}\n{sums.read_text()}{line}\n")
    assert len(published(tmp_path)) == 1


@pytest.mark.parametrize("line", ["networks.csv", "0123  networks.csv", 64 * "0"])
def test_another_line_in_checksums_is_refused_by_its_file_and_number(tmp_path, line):
    publish({"networks": table({})}, tmp_path)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{sums.read_text()}{line}\n")
    with pytest.raises(ValueError, match=r"SHA256SUMS, line 2: needs 64 .* got"):
        published(tmp_path)


def test_a_table_is_replaced_whole_and_nothing_else_is_left_behind(tmp_path):
    publish({"networks": table({}, {}, {})}, tmp_path)
    publish({"networks": table({"accuracy": 0.5})}, tmp_path)
    assert published(tmp_path).accuracy.tolist() == [0.5]
    assert {p.name for p in tmp_path.glob("[!.]*")} == {"networks.csv", "SHA256SUMS"}


def test_another_table_is_published_beside_the_networks_and_comes_back(tmp_path):
    publish({"networks": table({})}, tmp_path)
    other = settings(0.25, 1.0)
    publish({"settings": other}, tmp_path)
    pd.testing.assert_frame_equal(published_table("settings", tmp_path), other)
    assert len(published(tmp_path)) == 1
    publish({"networks": table({}, {})}, tmp_path)
    assert len(published(tmp_path)) == 2
    sums = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in sums] == ["networks.csv", "settings.csv"]
    path = tmp_path / "settings.csv"
    path.write_text(path.read_text().replace("0.25", "0.26"))
    with pytest.raises(ValueError, match=r"SHA-256 checksum .*changed by hand or not copied"):
        published_table("settings", tmp_path)


def test_a_table_that_was_not_published_is_refused_with_the_way_to_make_it(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*settings\.csv; `make reproduce`"):
        published_table("settings", tmp_path)


def test_a_missing_table_is_refused_with_the_way_to_make_it(tmp_path):
    for function, place in ((read, tmp_path / "networks.csv"), (published, tmp_path)):
        with pytest.raises(ValueError, match=r"no file .*networks\.csv; `make reproduce`"):
            function(place)


def test_a_published_table_that_was_changed_is_refused(tmp_path):
    publish({"networks": table({})}, tmp_path)
    path = tmp_path / "networks.csv"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    with pytest.raises(ValueError, match=r"SHA-256 checksum .*changed by hand or not copied"):
        published(tmp_path)


@pytest.mark.parametrize("kept", [0, 50])
def test_a_published_table_that_was_cut_off_is_refused_by_its_checksum(tmp_path, kept):
    publish({"networks": table({})}, tmp_path)
    path = tmp_path / "networks.csv"
    path.write_text(path.read_text()[:kept])
    with pytest.raises(ValueError, match=r"SHA-256 checksum .*changed by hand or not copied"):
        published(tmp_path)


def test_a_published_table_without_checksum_is_refused(tmp_path):
    publish({"networks": table({})}, tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(ValueError, match="SHA256SUMS"):
        published(tmp_path)


@pytest.fixture(scope="module")
def runs():
    """Runs that differ in penalty, by its name."""
    return {p: fit("retina", p, seeds=[4], hidden=(6, 5), steps=5) for p in ("dropout", "none")}


def write_first(run, path):
    storage.write(path, [storage.trained(run).first()])


@pytest.fixture
def folder(runs, tmp_path):
    """A folder of results with a table and two networks."""
    networks = {}
    for penalty, run in runs.items():
        name = f"retina-{penalty}.safetensors"
        networks[name] = tmp_path / "built" / name
        write_first(run, networks[name])
    publish({"networks": table({}, {})}, tmp_path / "results", networks)
    return tmp_path / "results"


def checked_by_hand(folder):
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_checksums_are_those_that_sha256sum_expects(folder):
    found = checked_by_hand(folder)
    names = ["networks.csv"]
    names += [f"networks/retina-{penalty}.safetensors" for penalty in ("dropout", "none")]
    assert found.stdout.splitlines() == [f"{name}: OK" for name in names]
    assert found.returncode == 0
    published(folder)


def test_publishing_again_covers_what_is_there_then_and_vouches_for_no_other(
    folder, runs, tmp_path
):
    (folder / "networks" / "retina-none.safetensors").unlink()
    damaged = folder / "networks" / "retina-dropout.safetensors"
    damaged.write_bytes(b"damaged")
    write_first(runs["dropout"], tmp_path / "network")
    publish({"networks": table({})}, folder, {"retina-l1.safetensors": tmp_path / "network"})
    assert list(files.checksums(folder)) == [
        "networks.csv",
        "networks/retina-dropout.safetensors",
        "networks/retina-l1.safetensors",
    ]
    told = checked_by_hand(folder).stdout.splitlines()
    assert [line.split(": ")[1] for line in told] == ["OK", "FAILED", "OK"]


def test_a_published_network_is_the_one_of_its_task_and_penalty(folder, runs):
    for penalty, run in runs.items():
        network = published_network("retina", penalty, folder)
        assert (network.penalty, network.network.seeds) == (penalty, (4,))
        assert torch.equal(network.chain[0], run.chain[0])


def test_a_published_network_that_was_changed_is_refused(folder, runs):
    published = files.checksums(folder)["networks/retina-none.safetensors"]
    write_first(runs["dropout"], folder / "networks" / "retina-none.safetensors")
    told = rf"retina-none.safetensors .*SHA-256 checksum {published},.*changed"
    with pytest.raises(ValueError, match=told):
        published_network("retina", "none", folder)
    assert checked_by_hand(folder).returncode != 0
    published_network("retina", "dropout", folder)


def test_a_network_without_a_published_checksum_is_refused(folder, runs):
    write_first(runs["dropout"], folder / "networks" / "retina-l1.safetensors")
    with pytest.raises(ValueError, match=r"SHA-256 checksum in SHA256SUMS \(missing\)"):
        published_network("retina", "l1", folder)


def test_a_missing_network_is_refused_with_the_way_to_make_it(folder):
    with pytest.raises(ValueError, match=r"no file .*retina-l2\.safetensors; `make reproduce`"):
        published_network("retina", "l2", folder)


def test_a_long_table_has_a_row_for_each_measure_and_network():
    measures = {"a": np.array([1.0, 2.0]), "b": torch.tensor([3.0, 4.0])}
    table = long([3, 8], measures, level=0.5, into="all")
    assert list(table) == ["seed", "level", "into", "measure", "value"]
    assert table.to_numpy().tolist() == [
        [3, 0.5, "all", "a", 1.0], [8, 0.5, "all", "a", 2.0],
        [3, 0.5, "all", "b", 3.0], [8, 0.5, "all", "b", 4.0],
    ]  # fmt: skip
