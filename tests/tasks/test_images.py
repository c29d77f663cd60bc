"""Images side by side against images that say who they are; MNIST against its raw bytes."""

import gzip
import hashlib
import os
import shutil
import struct
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from modlib.tasks import images
from modlib.tasks.images import digit_images, digits, mnist, mnist_images, side_by_side
from modlib.tasks.task import NO_MODULE

IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
needs_mnist = pytest.mark.skipif(
    "MODLIB_DATA" not in os.environ, reason="MODLIB_DATA names no folder to read MNIST from"
)


def parts(data):
    return [data.train, data.validation, data.test]


def numbered(n=50):
    """Images of 3x3 pixels: every pixel of image i says i, and so does its label."""
    number = np.arange(n)
    return np.repeat(number[:, None] / n, 9, axis=1).astype(np.float32), number % 10


@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_each_head_names_the_image_in_its_place(count, n_train, seed):
    task = side_by_side(count, numbered, "numbered", n_train, (5, 4), 7)
    data = task.draw(seed)
    used = []
    for part, size in zip(parts(data), (n_train, 2_000, 2_000), strict=True):
        assert part.x.shape == (size, 9 * count)
        shown = (part.x * 50).round().int().view(size, count, 9)
        assert (shown == shown[:, :, :1]).all()
        assert torch.equal(shown[:, :, 0] % 10, part.targets)
        used.append(set(shown.flatten().tolist()))
    train, validation, test = used
    assert not train & validation | train & test | validation & test
    # 2,000 draws out of ten miss none of them
    assert len(train) <= 30
    assert len(validation) == len(test) == 10
    assert (task.name, task.hidden, task.steps) == ("numbered", (5, 4), 7)


def test_another_seed_deals_the_images_to_other_parts():
    task = side_by_side(1, numbered, "numbered", 2_000, (5,), 7)
    first, again, other = (
        set((task.draw(seed).test.x[:, 0] * 50).round().tolist()) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_pixel_is_dead_if_at_most_one_image_in_a_hundred_shows_it():
    pixels = np.zeros((200, 4), dtype=np.float32)
    for pixel, n_images in enumerate((0, 2, 3, 200)):
        pixels[:n_images, pixel] = 0.5
    labels = np.arange(200) % 10
    task = side_by_side(2, lambda: (pixels, labels), "few", 1, (5,), 1)
    assert task.live.tolist() == [False, False, True, True] * 2
    assert task.input_modules.tolist() == [-1, -1, 0, 0, -1, -1, 1, 1]
    assert task.output_modules.tolist() == [0] * 10 + [1] * 10
    assert task.places.tolist() == [
        [0, 0], [1, 0], [0, 1], [1, 1],
        [2, 0], [3, 0], [2, 1], [3, 1],
    ]  # fmt: skip


def test_one_image_alone_has_no_modules():
    task = side_by_side(1, numbered, "numbered", 1, (5,), 1)
    assert set(task.input_modules) == set(task.output_modules) == {NO_MODULE}
    assert task.known_modules == []


@pytest.mark.parametrize("n_train", [0, -1])
def test_a_task_without_training_examples_is_refused(n_train):
    with pytest.raises(ValueError, match=f"two_digits needs n_train >= 1, got {n_train}"):
        digits(2, n_train)


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_or_too_many_digits_are_refused(count):
    with pytest.raises(ValueError, match=f"from 1 to 4, got {count}"):
        digits(count)


@pytest.mark.parametrize("count", [0, 3])
def test_mnist_comes_alone_or_in_pairs(count):
    with pytest.raises(ValueError, match=f"alone or in pairs, got {count}"):
        mnist(count)


@pytest.fixture(scope="module")
def labels_of_digits():
    """Each image of scikit-learn's data set, as its bytes, with its label."""
    pixels, labels = load_digits(return_X_y=True)
    return {
        (image / 16).astype(np.float32).tobytes(): label
        for image, label in zip(pixels, labels, strict=True)
    }


@pytest.fixture(scope="module")
def pairs():
    return digits(2, n_train=3_000).draw(1)


def halves(part):
    return [[half.tobytes() for half in side.numpy()] for side in part.x.split(64, dim=1)]


def test_left_and_right_halves_are_the_digits_that_the_targets_say(labels_of_digits, pairs):
    for part in parts(pairs):
        for column, side in enumerate(halves(part)):
            assert [labels_of_digits[image] for image in side] == part.targets[:, column].tolist()


def test_no_digit_is_in_two_parts_and_all_are_used(pairs):
    used = [set().union(*halves(part)) for part in parts(pairs)]
    # drawn with replacement, 6,000 or 4,000 times: 99.6 % of 1,078 images, all of 360
    assert [len(drawn) for drawn in used] == pytest.approx([1078, 359, 360], rel=0.01)
    assert not any(a & b for a, b in combinations(used, 2))


def test_pairs_come_in_the_numbers_asked_for(pairs):
    assert [len(part.x) for part in parts(pairs)] == [3_000, 2_000, 2_000]
    assert len(digits(2).draw(0).train.x) == 10_000


def test_the_two_digits_of_a_pair_are_independent(pairs):
    # one pair in ten has equal digits; five standard deviations either way
    equal = (pairs.train.targets[:, 0] == pairs.train.targets[:, 1]).float().mean().item()
    assert abs(equal - 0.1) < 5 * (0.1 * 0.9 / 3_000) ** 0.5


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_dead_pixels_of_digits_and_only_those_have_no_module(count):
    pixels = load_digits().data
    live = [sum(image[p] > 0 for image in pixels) > 0.01 * len(pixels) for p in range(64)]
    assert 0 < live.count(False) < 32
    task = digits(count)
    assert task.live.tolist() == live * count
    if count > 1:
        assert task.input_modules.tolist() == [
            digit if live[p] else NO_MODULE for digit in range(count) for p in range(64)
        ]
        assert task.output_modules.tolist() == [d for d in range(count) for _ in range(10)]


def test_the_best_guess_names_the_commonest_digit():
    labels = load_digits().target.tolist()
    commonest = max(Counter(labels).values()) / len(labels)
    # digits are independent of one another, so that seeing the others does not help
    assert digits(2).guess_accuracy == digits(2).blind_accuracy == commonest


def test_digits_are_scikit_learns_with_brightness_between_0_and_1():
    pixels, labels = digit_images()
    assert np.array_equal(pixels * 16, load_digits().data)
    assert np.array_equal(labels, load_digits().target)
    assert (pixels.min(), pixels.max()) == (0, 1)


def averaged(image):
    """The averages of 2x2 pixels of an image of 28 rows of 28 bytes, from 0 to 1."""
    small = []
    for row in range(0, 28, 2):
        for column in range(0, 28, 2):
            corner = 28 * row + column
            four = image[corner], image[corner + 1], image[corner + 28], image[corner + 29]
            small.append(sum(four) / 4 / 255)
    return small


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder with a data set in MNIST's format, five images for training and three for test."""
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    contents, checksums = {}, {}
    for part, n in (("train", 5), ("t10k", 3)):
        contents[f"{part}-{IMAGES}"] = struct.pack(">4i", 2051, n, 28, 28) + rng.bytes(n * 784)
        digit = rng.integers(10, size=n, dtype=np.uint8)
        contents[f"{part}-{LABELS}"] = struct.pack(">2i", 2049, n) + digit.tobytes()
    for name, content in contents.items():
        (tmp_path / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
        checksums[name] = f"md5:{hashlib.md5(content).hexdigest()}"
    monkeypatch.setattr(images, "MNIST_FILES", checksums)
    monkeypatch.setenv("MODLIB_DATA", str(tmp_path))
    return tmp_path / "mnist", contents


def require_small_mnist(contents):
    # around the cache, which holds the real images
    pixels, labels = mnist_images.__wrapped__()
    raw = b"".join(contents[f"{part}-{IMAGES}"][16:] for part in ("train", "t10k"))
    assert pixels.shape == (8, 196)
    for n, image in enumerate(pixels):
        assert image.tolist() == pytest.approx(averaged(raw[784 * n : 784 * (n + 1)]), abs=1e-6)
    digit = contents[f"train-{LABELS}"][8:] + contents[f"t10k-{LABELS}"][8:]
    assert labels.tolist() == list(digit)


def test_files_in_mnists_format_are_read_training_images_first(small_mnist):
    _, contents = small_mnist
    require_small_mnist(contents)


def test_files_are_downloaded_where_no_folder_is_named(small_mnist, monkeypatch):
    folder, contents = small_mnist
    fetched = []

    def retrieve(url, known_hash, fname):
        fetched.append(url)
        assert fname == Path(url).name
        return str(folder / fname)

    monkeypatch.delenv("MODLIB_DATA")
    monkeypatch.setattr("pooch.retrieve", retrieve)
    require_small_mnist(contents)
    address = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    assert sorted(fetched) == sorted(f"{address}{name}.gz" for name in contents)


@pytest.mark.parametrize("name", [f"train-{IMAGES}", f"t10k-{LABELS}"])
def test_a_missing_file_is_named(small_mnist, name):
    folder, _ = small_mnist
    (folder / f"{name}.gz").unlink()
    with pytest.raises(
        ValueError, match=f"MODLIB_DATA={folder.parent} should hold mnist/{name}.gz, got no such"
    ):
        mnist_images.__wrapped__()


@pytest.mark.parametrize("name", [f"train-{LABELS}", f"t10k-{IMAGES}"])
def test_a_file_with_one_other_byte_is_refused(small_mnist, name):
    folder, contents = small_mnist
    changed = bytearray(contents[name])
    changed[-1] ^= 1
    (folder / f"{name}.gz").write_bytes(gzip.compress(changed))
    found = hashlib.md5(changed).hexdigest()
    with pytest.raises(ValueError, match=f"{name}.gz should have the checksum .*, got md5:{found}"):
        mnist_images.__wrapped__()


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(lambda content: content[:-20], id="cut short"),
        pytest.param(lambda content: b"not found", id="no archive"),
        pytest.param(lambda content: content[:10] + b"\xff" * 20 + content[30:], id="overwritten"),
    ],
)
def test_a_damaged_file_is_refused(small_mnist, spoiled):
    folder, _ = small_mnist
    path = folder / f"t10k-{LABELS}.gz"
    path.write_bytes(spoiled(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{path} is damaged .*; delete it and fetch it again"):
        mnist_images.__wrapped__()


@pytest.fixture(scope="module")
def raw_mnist():
    """The header and the bytes of each of MNIST's files, by name."""
    files = {}
    for name, n_numbers in ((IMAGES, 4), (LABELS, 2)):
        for part in ("train", "t10k"):
            path = Path(os.environ["MODLIB_DATA"]) / "mnist" / f"{part}-{name}.gz"
            with gzip.open(path) as file:
                header = struct.unpack(f">{n_numbers}i", file.read(4 * n_numbers))
                files[part, name] = header, file.read()
    return files


@needs_mnist
def test_mnist_is_what_its_raw_files_hold(raw_mnist):
    pixels, labels = mnist_images()
    assert pixels.shape == (70_000, 196)
    for part, n, first in (("train", 60_000, 0), ("t10k", 10_000, 60_000)):
        header, content = raw_mnist[part, IMAGES]
        assert header == (2051, n, 28, 28)
        for i in (0, 1, n // 2, n - 1):
            expected = averaged(content[784 * i : 784 * (i + 1)])
            assert pixels[first + i].tolist() == pytest.approx(expected, abs=1e-6)
        header, content = raw_mnist[part, LABELS]
        assert header == (2049, n)
        assert labels[first : first + n].tolist() == list(content)


@needs_mnist
def test_mnists_best_guess_names_its_commonest_digit(raw_mnist):
    counts = Counter(raw_mnist["train", LABELS][1]) + Counter(raw_mnist["t10k", LABELS][1])
    assert mnist().guess_accuracy == mnist(2).blind_accuracy == max(counts.values()) / 70_000


@needs_mnist
def test_pairs_of_mnist_show_the_digits_that_the_targets_say():
    pixels, labels = mnist_images()
    rows = {image.tobytes(): set() for image in pixels}
    for image, label in zip(pixels, labels.tolist(), strict=True):
        rows[image.tobytes()].add(label)
    data = mnist(2, n_train=300).draw(3)
    assert [len(part.x) for part in parts(data)] == [300, 2_000, 2_000]
    for part in parts(data):
        for digit, side in enumerate(part.x.split(196, dim=1)):
            for image, target in zip(side.numpy(), part.targets[:, digit].tolist(), strict=True):
                assert target in rows[image.tobytes()]


@needs_mnist
def test_one_wrong_file_among_mnists_is_noticed(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    shutil.copytree(Path(os.environ["MODLIB_DATA"]) / "mnist", folder)
    path = folder / f"t10k-{LABELS}.gz"
    path.chmod(0o644)
    with gzip.open(folder / f"train-{LABELS}.gz") as file:
        path.write_bytes(gzip.compress(file.read()))
    monkeypatch.setenv("MODLIB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=f"t10k-{LABELS}.gz should have the checksum md5:27ae3e4e"):
        mnist_images.__wrapped__()
