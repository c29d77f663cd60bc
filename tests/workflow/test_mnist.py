"""The file of MNIST that ships with the package is made from the published files alone."""

import gzip
import hashlib
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
SIZES = {"train": 5, "t10k": 3}


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("mnist", ROOT / "workflow" / "mnist.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def contents(script, tmp_path, monkeypatch):
    """A folder with files in MNIST's format; their bytes by name."""
    rng = np.random.default_rng(0)
    made = {}
    for part, n in SIZES.items():
        pixels = rng.choice([0, 1, 254, 255], n * 784).astype(np.uint8)
        pixels[:2] = pixels[28:30] = 255
        made[f"{part}-{IMAGES}"] = struct.pack(">4i", 2051, n, 28, 28) + pixels.tobytes()
        made[f"{part}-{LABELS}"] = struct.pack(">2i", 2049, n) + rng.bytes(n)
    for name, content in made.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(script.RAW, name, hashlib.md5(content).hexdigest())
    return made


def sums(image):
    """The sums of 2x2 pixels of an image of 28 rows of 28 bytes."""
    rows = [image[28 * r : 28 * r + 28] for r in range(28)]
    return [
        rows[r][c] + rows[r][c + 1] + rows[r + 1][c] + rows[r + 1][c + 1]
        for r in range(0, 28, 2)
        for c in range(0, 28, 2)
    ]


def test_sums_and_labels_are_those_of_the_files_training_images_first(
    script, contents, tmp_path, capsys
):
    script.main(tmp_path, tmp_path / "made.npz")
    raw = b"".join(contents[f"{part}-{IMAGES}"][16:] for part in SIZES)
    with np.load(tmp_path / "made.npz") as made:
        assert made["sums"].tolist() == [sums(raw[784 * i : 784 * (i + 1)]) for i in range(8)]
        assert made["sums"].max() == 1020
        labels = contents[f"train-{LABELS}"][8:] + contents[f"t10k-{LABELS}"][8:]
        assert made["labels"].tolist() == list(labels)
    digest = hashlib.sha256((tmp_path / "made.npz").read_bytes()).hexdigest()
    assert capsys.readouterr().out == f"{digest}\n"


@pytest.mark.parametrize("name", [f"train-{LABELS}", f"t10k-{IMAGES}"])
def test_a_file_with_one_other_byte_is_refused_and_nothing_made(script, contents, tmp_path, name):
    changed = bytearray(contents[name])
    changed[-1] ^= 1
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(changed))
    found = hashlib.md5(changed).hexdigest()
    with pytest.raises(ValueError, match=f"{name} should have the MD5 .*, got {found}"):
        script.main(tmp_path, tmp_path / "made.npz")
    assert not (tmp_path / "made.npz").exists()
