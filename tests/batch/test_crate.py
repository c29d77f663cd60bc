"""The crate of the published tables: all of them, whole, each with what made it."""

import zipfile

import pytest
import yaml
from rocrate.rocrate import ROCrate

from modlib.batch import crate, files, tables
from modlib.batch.checkout import ROOT


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crate")
    crate.crate().write_zip(folder / "crate.zip")
    with zipfile.ZipFile(folder / "crate.zip") as packed:
        packed.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_a_crate_that_is_unpacked_holds_the_published_files_whole(unpacked):
    published = files.checksums(tables.FOLDER)
    assert files.checksums(unpacked / "results") == published
    read = ROCrate(unpacked)
    for name, digest in published.items():
        assert files.sha256(unpacked / "results" / name) == digest
        assert read.dereference(f"results/{name}")["sha256"] == digest


def test_every_table_has_an_action_that_names_what_made_it(unpacked):
    read = ROCrate(unpacked)
    actions = {entity.id: entity for entity in read.get_by_type("CreateAction")}
    names = {path.stem for path in tables.FOLDER.glob("*.csv")}
    assert set(actions) == {f"#{name}" for name in names}
    for name in names:
        action = actions[f"#{name}"]
        assert [file.id for file in action["result"]] == [f"results/{name}.csv"]
        assert (unpacked / action["instrument"].id).exists()
        assert set(action["identifier"]) == set(tables.published_table(name).commit)
    assert actions["#networks"]["instrument"].id == "notebooks/sweep.ipynb"


def test_the_whole_has_what_a_crate_needs(unpacked):
    root = ROCrate(unpacked).root_dataset
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert root["name"] == cited["title"]
    assert all(root[needed] for needed in ("description", "datePublished", "license", "mainEntity"))
    for part in root["hasPart"]:
        assert (unpacked / part.id).stat().st_size == int(part["contentSize"])


@pytest.mark.parametrize("name", ["reuse.csv", "networks/two_digits-none.safetensors"])
def test_a_file_that_was_changed_is_refused(tmp_path, name):
    digest = files.sha256(tables.FOLDER / name)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("changed")
    (tmp_path / files.CHECKSUMS).write_text(f"{digest}  {name}\n")
    with pytest.raises(ValueError, match=f"{name} should have the SHA-256 checksum {digest}"):
        crate.crate(tmp_path)


def test_what_a_codechecker_compares_is_there_and_made_by_commands_that_are():
    told = yaml.safe_load((ROOT / "codecheck.yml").read_text("utf-8"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert told["paper"]["title"] == cited["title"]
    paper = yaml.safe_load((ROOT / "workflow" / "paper.yaml").read_text("utf-8"))
    for entry in told["manifest"]:
        assert (ROOT / entry["file"]).exists()
        _, only, name = entry["comment"].partition("ONLY=")
        assert not only or name in paper["tables"]
