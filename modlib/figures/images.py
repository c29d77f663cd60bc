"""Inputs at their places, in the colours of their communities."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from modlib.figures.style import PENALTY_STYLE
from modlib.plots import community_colours
from modlib.study.images import Pixels
from modlib.tasks.task import in_rows


def coloured(
    shade: Float[np.ndarray, " n_in"],
    communities: Int[np.ndarray, " n_neurons"],
    places: Float[np.ndarray, "n_in 2"],
) -> Float[np.ndarray, "height width 3"]:
    """Return an image of the inputs: the colour of their community, white where the shade is 0."""
    colours = community_colours(communities)[: len(shade), :3]
    column, row = (places - places.min(0)).astype(int).T
    image = np.ones((row.max() + 1, column.max() + 1, 3))
    image[row, column] = 1 - shade[:, None] * (1 - colours)
    return image


def read(W: Float[np.ndarray, "n_in n_hid"]) -> Float[np.ndarray, " n_in"]:
    """Return how much each input weighs, from 0 to 1: the sum of |W|, up to its 95th percentile."""
    weight = np.abs(W).sum(1)
    return np.minimum(weight / max(np.quantile(weight, 0.95), 1e-12), 1.0)


def maps(found: Mapping[str, Pixels], images: int) -> Figure:
    """Draw the pixels of each penalty's network in the colours of their communities.

    The 14 x 14 pixels of so many images lie beside each other, paler the less they weigh.
    """
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    size = (8 / 3 * columns, rows * (0.35 + 8 / 3 / images))
    fig, axes = plt.subplots(rows, columns, squeeze=False, figsize=size)
    for ax in axes.flat[len(found) :]:
        ax.axis("off")
    for (penalty, of), ax in zip(found.items(), axes.flat, strict=False):
        ax.imshow(coloured(read(of.weights), of.communities, in_rows(14, 14, images)))
        for edge in range(1, images):
            ax.axvline(14 * edge - 0.5, color="black", lw=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(PENALTY_STYLE[penalty][0], fontsize=11)
        ax.spines[:].set_visible(True)
    return fig
