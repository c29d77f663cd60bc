"""Images side by side against ones that say who they are; MNIST against what is known of it."""

import hashlib
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from modlib.tasks import images
from modlib.tasks.images import digit_images, digits, mnist, mnist_images, side_by_side
from modlib.tasks.task import NO_MODULE


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


# of the training images and of the test images, digit by digit, as they are published
COUNTS = [
    [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
]


def test_mnist_is_the_published_one():
    pixels, labels = mnist_images()
    assert pixels.shape == (70_000, 196)
    assert [np.bincount(part).tolist() for part in np.split(labels, [60_000])] == COUNTS
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # averaging leaves the mean, which those who standardise the training images subtract
    assert pixels[:60_000].mean(dtype=float) == pytest.approx(0.1306604762738429, rel=1e-7)
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_mnist_has_the_digits_that_averages_of_the_raw_files_had():
    """As published results were made from, to the bit."""
    pixels, _ = mnist_images()
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == (
        "d44a2c0cc0943cff7c95703d3e2ca87468a18714cce25ba060ec276332787b94"
    )


def test_mnists_best_guess_names_its_commonest_digit():
    commonest = max(map(sum, zip(*COUNTS, strict=True))) / 70_000
    assert mnist().guess_accuracy == mnist(2).blind_accuracy == commonest


def flipped(content):
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]


@pytest.mark.parametrize(
    ("spoiled", "found"),
    [
        (lambda content: content[:-1], "[0-9a-f]{64}"),
        (flipped, "[0-9a-f]{64}"),
        (lambda content: b"", "e3b0c44298fc"),
        (lambda content: None, "no such file"),
    ],
    ids=["cut short", "one bit", "empty", "missing"],
)
def test_another_file_than_the_shipped_one_is_refused(tmp_path, monkeypatch, spoiled, found):
    content, path = spoiled(images.MNIST.read_bytes()), tmp_path / "mnist.npz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(images, "MNIST", path)
    expected = f"mnist.npz should have the SHA-256 checksum 5a6815.*, got {found}.*; restore it"
    with pytest.raises(ValueError, match=expected):
        mnist_images.__wrapped__()


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
