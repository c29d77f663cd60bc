"""Tasks made of images: scikit-learn's digits and MNIST, alone or side by side."""

import hashlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits

from modlib.tasks.task import (
    HELD_OUT,
    LIVE,
    NO_MODULE,
    Data,
    Examples,
    Task,
    guess_accuracy,
    in_rows,
)

MNIST = Path(__file__).with_name("mnist.npz")
"""Sums of 2x2 pixels of MNIST's images; mnist.md beside it has their origin and licence."""

MNIST_CHECKSUM = "5a6815017f4aa1c7d2a01597d18a1bd3457275a0070893a29681154494f7c2a4"
"""The SHA-256 checksum of that file."""

Images = tuple[Float[np.ndarray, "n pixels"], Int[np.ndarray, " n"]]
"""Images, brightness between 0 and 1, and their labels."""


@cache
def digit_images() -> Images:
    """Return scikit-learn's 1,797 digits of 8x8 pixels and their labels."""
    images, labels = map(np.asarray, load_digits(return_X_y=True))
    return (images / 16).astype(np.float32), labels


@cache
def mnist_images() -> Images:
    """Return MNIST's 70,000 images and their labels, averaged down to 14x14 pixels.

    Raises:
        ValueError: if the file that ships with the package is missing or was changed.

    Source: LeCun, Bottou, Bengio & Haffner (1998), doi 10.1109/5.726791.
    """
    found = hashlib.sha256(MNIST.read_bytes()).hexdigest() if MNIST.exists() else "no such file"
    if found != MNIST_CHECKSUM:
        raise ValueError(
            f"{MNIST} should have the SHA-256 checksum {MNIST_CHECKSUM}, got {found}; restore it"
            " from the repository, or install the package again"
        )
    with np.load(MNIST) as file:
        return file["sums"].astype(np.float32) / 4 / 255, file["labels"].astype(np.int64)


def side_by_side(
    count: int,
    images: Callable[[], Images],
    name: str,
    n_train: int,
    hidden: tuple[int, ...],
    steps: int,
) -> Task:
    """Return the task of naming square images that lie side by side, each in its own head.

    The images are split at random, 60 % for training and 20 % each for validation and
    test; `n_train`, 2,000 and 2,000 composites are then drawn within each part, so that no
    image of a test composite was seen in training. One image alone has no known modules.
    """
    if n_train < 1:
        raise ValueError(f"{name} needs n_train >= 1, got {n_train}")
    pixels, labels = images()
    n_pixels = pixels.shape[1]
    side = int(n_pixels**0.5)
    live = np.tile((pixels > 0).mean(0) > LIVE, count)
    modules = np.arange(count) if count > 1 else np.array([NO_MODULE])
    guess = guess_accuracy(labels[:, None])
    return Task(
        name=name,
        draw=partial(_composites, count, images, n_train),
        heads=(10,) * count,
        input_modules=np.where(live, np.repeat(modules, n_pixels), NO_MODULE),
        output_modules=np.repeat(modules, 10),
        live=live,
        places=in_rows(side, side, count),
        guess_accuracy=guess,
        blind_accuracy=guess,
        hidden=hidden,
        steps=steps,
    )


def _composites(count: int, images: Callable[[], Images], n_train: int, seed: int) -> Data:
    pixels, labels = images()
    rng = np.random.default_rng(seed)
    parts = np.split(rng.permutation(len(pixels)), [int(0.6 * len(pixels)), int(0.8 * len(pixels))])
    drawn = (
        rng.choice(part, (n, count))
        for part, n in zip(parts, (n_train, HELD_OUT, HELD_OUT), strict=True)
    )
    return Data(
        *(Examples(torch.tensor(pixels[d]).flatten(1), torch.tensor(labels[d])) for d in drawn)
    )


NAMES = {1: "digits", 2: "two_digits", 3: "three_digits", 4: "four_digits"}


def digits(count: int = 1, n_train: int = 10_000) -> Task:
    """Return the task of naming one to four of scikit-learn's digits, side by side."""
    if count not in NAMES:
        raise ValueError(f"digits come in numbers from 1 to {max(NAMES)}, got {count}")
    width, steps = {1: (48, 1_000), 2: (48, 2_000), 3: (64, 2_500), 4: (64, 3_500)}[count]
    return side_by_side(count, digit_images, NAMES[count], n_train, (width, width), steps)


def mnist(count: int = 1, n_train: int = 20_000) -> Task:
    """Return the task of naming one or two of MNIST's digits, side by side."""
    if count not in (1, 2):
        raise ValueError(f"MNIST's digits come alone or in pairs, got {count}")
    name, steps = {1: ("mnist", 2_000), 2: ("two_mnist", 3_000)}[count]
    return side_by_side(count, mnist_images, name, n_train, (64, 64), steps)
