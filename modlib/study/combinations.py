"""Digits side by side of which some combinations are never seen in training.

Neighbouring digits a and b are seen together where (b - a) mod 10 is below a width, from 1 to 10:
ten pairs of a hundred per unit of width, in which each digit is as frequent as any other. Images
are split as in the task that is restricted, so that no test image was seen in training, whatever
the combination.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import interpolate

from modlib.chain import weights
from modlib.tasks.task import HELD_OUT, Data, Examples, Task
from modlib.training.fit import Run
from modlib.training.measures import finite, repeated, stacked

CLASSES = 10

Allowed = Callable[[Int[Tensor, "n count"]], Bool[Tensor, " n"]]
"""Says of composites, by their labels, which may be drawn."""

Change = Callable[[Float[Tensor, "n side side"], np.random.Generator], Tensor]
"""Maps square images to others of the same shape."""


def seen(width: int, labels: Int[Tensor, "n count"]) -> Bool[Tensor, " n"]:
    """Return in which composites each digit is seen together with its neighbour."""
    return (labels.diff(dim=1) % CLASSES < width).all(1)


def unseen(width: int, labels: Int[Tensor, "n count"]) -> Bool[Tensor, " n"]:
    """Return in which composites some digit is never seen together with its neighbour."""
    return ~seen(width, labels)


def recombined(examples: Examples, allowed: Allowed, n: int, rng: np.random.Generator) -> Examples:
    """Return `n` composites of the images of others, drawn at random from those allowed."""
    count = examples.targets.shape[1]
    images, labels = examples.x.unflatten(1, (count, -1)).flatten(0, 1), examples.targets.flatten()
    kept = torch.empty((0, count), dtype=torch.long)
    while len(kept) < n:
        drawn = torch.from_numpy(rng.integers(len(labels), size=(n, count)))
        kept = torch.cat([kept, drawn[allowed(labels[drawn])]])
    return Examples(images[kept[:n]].flatten(1), labels[kept[:n]])


def restricted(task: Task, width: int) -> Task:
    """Return the task with combinations of the width alone, as many examples as before.

    Raises:
        ValueError: if the width is not from 1 to 10.
    """
    if not 1 <= width <= CLASSES:
        raise ValueError(f"a width of combinations is from 1 to {CLASSES}, got {width}")

    def draw(seed: int) -> Data:
        rng = np.random.default_rng((seed, 10))
        return Data(
            *(recombined(part, partial(seen, width), len(part.x), rng) for part in task.draw(seed))
        )

    return replace(task, draw=draw, blind_accuracy=np.nan)


def unseen_examples(data: Data, width: int, seed: int) -> Examples:
    """Return composites of test images in combinations that are not of the width."""
    rng = np.random.default_rng((seed, 11))
    return recombined(data.test, partial(unseen, width), HELD_OUT, rng)


def noise(images: Float[Tensor, "n side side"], rng: np.random.Generator) -> Tensor:
    """Return images of pixels drawn uniformly between 0 and 1."""
    return torch.from_numpy(rng.random(images.shape, dtype=np.float32))


def inverted(images: Float[Tensor, "n side side"], rng: np.random.Generator) -> Tensor:
    """Return the images, bright where they were dark."""
    return 1 - images


def enlarged(images: Float[Tensor, "n side side"], rng: np.random.Generator) -> Tensor:
    """Return the middle of the images, half as high and wide, at twice its size."""
    side = images.shape[-1]
    middle = slice(side // 4, side // 4 + side // 2)
    return interpolate(images[:, None, middle, middle], size=(side, side))[:, 0]


CHANGES: dict[str, Change] = {"noise": noise, "inverted": inverted, "enlarged": enlarged}
"""What may be done to one of several images, by name."""


def with_one_changed(
    examples: Examples, task: Task, place: int, change: Change, seed: int
) -> Examples:
    """Return the examples with the image at a place changed, its dead pixels dark."""
    x = examples.x.unflatten(1, (len(task.heads), -1)).clone()
    side = round(x.shape[2] ** 0.5)
    images = x[:, place].unflatten(1, (side, side))
    x[:, place] = change(images, np.random.default_rng((seed, 12))).flatten(1)
    return Examples(x.flatten(1) * torch.from_numpy(task.live), examples.targets)


@torch.no_grad()
def composed(run: Run, width: int) -> pd.DataFrame:
    """Return how networks that were trained on a restricted task do on what they never saw.

    One row per network: `unseen`, the accuracy on `unseen_examples`, NaN where all combinations
    were seen; and for each of `CHANGES` the accuracy on seen combinations at the other digits
    while one image is changed, averaged over its place. A diverged network's are NaN.
    """
    seeds = run.table.seed.unique().tolist()
    times, heads = len(run.table) // len(seeds), run.task.heads

    def accuracies(made: Callable[[Data, int], Examples]) -> Float[Tensor, "n_stack n_heads"]:
        made_of_each = (made(data, seed) for data, seed in zip(run.data, seeds, strict=True))
        x, targets = repeated(stacked(made_of_each), times)
        return run.task.accuracy(run.network(x), targets, heads)

    def others(change: Change, place: int) -> Float[Tensor, " n_stack"]:
        at_all = accuracies(
            lambda data, seed: with_one_changed(data.test, run.task, place, change, seed)
        )
        return at_all[:, [n for n in range(len(heads)) if n != place]].mean(1)

    found: dict[str, float | Tensor] = {"unseen": np.nan}
    if width < CLASSES:
        found["unseen"] = accuracies(lambda data, seed: unseen_examples(data, width, seed)).mean(1)
    for name, change in CHANGES.items():
        found[name] = torch.stack([others(change, n) for n in range(len(heads))]).mean(0)
    sound = pd.Series(finite(weights(run.network)).numpy())
    return pd.DataFrame(found, sound.index).where(sound, axis=0)
