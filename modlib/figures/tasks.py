"""One example of each kind of task, and where its modules lie."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.plots import GREY, PALETTE
from modlib.tasks import TASKS

MODULES = ListedColormap([GREY, *PALETTE])
"""Grey for what belongs to no module, then a colour for each."""


def gallery(names: Sequence[str], seed: int = 0) -> Figure:
    """Draw the inputs of one example of each task, and below the module of each input.

    Inputs lie at their places: pixels in rows, others on a line that is folded.
    """
    fig, axes = plt.subplots(2, len(names), figsize=(8, 2.6), squeeze=False)
    for name, (above, below) in zip(names, axes.T, strict=True):
        task = TASKS[name]()
        _inputs(above, task.draw(seed).train.x[0].numpy(), task.places, cmap="gray_r")
        modules = task.input_modules + 1.0
        _inputs(below, modules, task.places, cmap=MODULES, vmin=0, vmax=len(PALETTE))
        above.set_title(TASK_NAMES[name], fontsize=11)
    axes[0, 0].set_ylabel("inputs", fontsize=11)
    axes[1, 0].set_ylabel("modules", fontsize=11)
    return fig


def _inputs(
    ax: Axes, values: Shaped[np.ndarray, " n"], places: Shaped[np.ndarray, "n 2"], **style: object
) -> None:
    """Draw values as an image, each at its place."""
    columns, rows = places.astype(int).T
    if rows.max() == 0:
        # a line of inputs would be a hair: fold it to about a square
        side = int(np.ceil(len(values) ** 0.5))
        rows, columns = np.divmod(columns, side)
    image = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    image[rows, columns] = values
    ax.imshow(image, **style)
    ax.set(xticks=[], yticks=[])
