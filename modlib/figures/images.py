"""Maps of the communities of pixels."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from modlib.figures.style import PENALTY_STYLE
from modlib.plots import pixel_communities
from modlib.study.images import Pixels
from modlib.tasks.task import in_rows


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
        ax.imshow(pixel_communities(of.weights, of.communities, in_rows(14, 14, images)))
        for edge in range(1, images):
            ax.axvline(14 * edge - 0.5, color="black", lw=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(PENALTY_STYLE[penalty][0], fontsize=11)
        ax.spines[:].set_visible(True)
    return fig
