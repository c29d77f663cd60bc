"""What a page notes of the files that it reads and the parameters that it runs with."""

import json

import pytest
from rows import table

from modlib import fit
from modlib.batch import files, kernel, sources, storage
from modlib.batch.publishing import publish
from modlib.batch.tables import published, published_network


@pytest.fixture
def said(monkeypatch):
    """What a kernel would be told, by name; as often as it is."""
    outputs = []

    def publish_display_data(data, metadata):
        (content,) = data.values()
        outputs.append((metadata["scrapbook"]["name"], json.loads(content)))

    monkeypatch.setattr(kernel, "publish_display_data", publish_display_data)
    monkeypatch.setattr(kernel.InteractiveShell, "initialized", lambda: True)
    kernel.say.cache_clear()
    yield outputs
    kernel.say.cache_clear()


def test_a_table_is_noted_with_its_checksum_and_the_origin_of_its_rows_once(said, tmp_path):
    rows = table({}, {"commit": "89abcdef"}, {}, {"seed": 7}, {"seed": 100, "role": "selection"})
    publish({"networks": rows}, tmp_path)
    published(tmp_path)
    published(tmp_path)
    told = {
        "folder": tmp_path.as_posix(), "file": "networks.csv",
        "sha256": files.sha256(tmp_path / "networks.csv"), "rows": 5,
        "seeds": "evaluation 0–2, 7; selection 100", "versions": ["python 3; torch 2"],
        "commit": ["0123456", "89abcdef"], "key": ["12345678"],
    }  # fmt: skip
    assert said == [(f"{tmp_path.as_posix()}/networks.csv", told)]
    # one that has changed is noted again
    publish({"networks": rows.head(2)}, tmp_path)
    published(tmp_path)
    assert [of["rows"] for _, of in said] == [5, 2]


def test_a_network_is_noted_with_its_checksum_and_seeds(said, tmp_path):
    run = fit("retina", "l1", seeds=[3], steps=1, hidden=(4,))
    storage.write(tmp_path / "new", [storage.trained(run)])
    publish({}, tmp_path / "results", {"retina-l1.safetensors": tmp_path / "new"})
    published_network("retina", "l1", tmp_path / "results")
    ((_, told),) = said
    assert told["file"] == "networks/retina-l1.safetensors"
    assert told["sha256"] == files.sha256(tmp_path / "new")
    assert told["seeds"] == "3"


def test_a_folder_of_the_checkout_is_named_by_its_place_in_it(said, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    publish({"networks": table({})}, tmp_path / "build" / "results")
    published(tmp_path / "build" / "results")
    assert [name for name, _ in said] == ["build/results/networks.csv"]


def test_without_a_kernel_nothing_is_said(said, monkeypatch, tmp_path):
    monkeypatch.setattr(kernel.InteractiveShell, "initialized", lambda: False)
    publish({"networks": table({})}, tmp_path)
    published(tmp_path)
    assert not said


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([5], "5"), ([1, 0], "0–1"), ([3, 1, 2, 9, 7, 8, 5, 5], "1–3, 5, 7–9")],
)
def test_whole_numbers_are_told_as_spans(numbers, text):
    assert sources.spans(numbers) == text
