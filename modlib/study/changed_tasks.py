"""Tasks made of others: with other targets for the same inputs, or with fewer examples."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from modlib.tasks.task import NO_MODULE, Data, Examples, Task


def relabelled(examples: Examples, heads: Sequence[int], changed: int, seed: int) -> Examples:
    """Return the examples with the classes of one sub-task under other labels.

    No class keeps its label: the permutation is a random cycle through all of them. With two
    classes they are exchanged.

    Raises:
        ValueError: if the sub-task is not one of the heads, or has no classes.
    """
    if not 0 <= changed < len(heads):
        raise ValueError(f"the changed sub-task must be one of {len(heads)}, got {changed}")
    if examples.targets.is_floating_point():
        raise ValueError("other labels need classes, got a sub-task of numbers to be predicted")
    n_classes = max(heads[changed], 2)
    cycle = np.random.default_rng((seed, 5)).permutation(n_classes)
    new_label = torch.empty(n_classes, dtype=examples.targets.dtype)
    new_label[cycle] = torch.from_numpy(np.roll(cycle, 1)).to(new_label)
    targets = examples.targets.clone()
    targets[:, changed] = new_label[targets[:, changed]]
    return Examples(examples.x, targets)


def with_other_targets(
    task: Task, name: str, change: Callable[[Examples, int], Examples], heads: Sequence[int]
) -> Task:
    """Return a task on the same inputs; `change` maps examples and their seed to new ones.

    How well it can be guessed is not known.
    """
    return replace(
        task,
        name=name,
        draw=lambda seed: Data(*(change(part, seed) for part in task.draw(seed))),
        heads=tuple(heads),
        output_modules=np.full(sum(heads), NO_MODULE),
        guess_accuracy=np.nan,
        blind_accuracy=np.nan,
    )


def exchanged(task: Task, changed: int) -> Task:
    """Return the task with other labels for one sub-task, as `relabelled` makes them."""
    return with_other_targets(
        task,
        f"{task.name}_exchanged",
        lambda examples, seed: relabelled(examples, task.heads, changed, seed),
        task.heads,
    )


def larger(task: Task) -> Task:
    """Return the task of telling whether the first sub-task's class is above the second's."""

    def compare(examples: Examples, seed: int) -> Examples:
        first, second = examples.targets[:, :1], examples.targets[:, 1:2]
        return Examples(examples.x, (first > second).to(examples.targets))

    return with_other_targets(task, f"{task.name}_larger", compare, (1,))


def few(task: Task, n_train: int) -> Task:
    """Return the task with the first `n_train` of its training examples alone.

    Raises:
        ValueError: if there are not as many.
    """

    def draw(seed: int) -> Data:
        data = task.draw(seed)
        if not 1 <= n_train <= len(data.train.x):
            raise ValueError(
                f"{task.name} has {len(data.train.x)} training examples, got n_train={n_train}"
            )
        return data._replace(train=Examples(*(part[:n_train] for part in data.train)))

    return replace(task, draw=draw)
