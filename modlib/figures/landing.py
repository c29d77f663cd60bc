"""The landing page's picture: networks without and with the penalty, beside an input of theirs."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from modlib.batch.storage import Trained
from modlib.graphs import by_community
from modlib.modularity import modularity
from modlib.plots import community_colours, module_graph


def networks_beside_inputs(networks: Mapping[str, Trained], example: int = 0) -> Figure:
    """Draw a network a row: an input, |W| of each layer by community, and the neuron graph.

    Each network is a stack of one, of the same widths and task. Its input is a test example, in
    the colours of the communities that its pixels are in; each matrix is scaled by its own 99th
    percentile.
    """
    depth = max(len(trained.chain) for trained in networks.values())
    widths = [2, *[1.6] * depth, 2.6]
    fig, axes = plt.subplots(
        len(networks), depth + 2, squeeze=False, figsize=(8, 1.9 * len(networks)),
        width_ratios=widths,
    )  # fmt: skip
    for (name, trained), row in zip(networks.items(), axes, strict=True):
        chain = [W[0].abs().numpy() for W in trained.chain]
        communities = modularity(chain, nulls=2).communities
        columns, rows = trained.task.places.astype(int).T
        lit = trained.task.draw(trained.network.seeds[0]).test.x[example].numpy()
        image = np.ones((rows.max() + 1, columns.max() + 1, 3))
        colours = community_colours(communities)[: len(lit), :3]
        image[rows, columns] = 1 - lit[:, None] * (1 - colours)
        row[0].imshow(image)
        row[0].set_ylabel(name, fontsize=11)
        for W, ax in zip(by_community(chain, communities), row[1:-1], strict=True):
            ax.imshow(W, cmap="Greys", vmin=0, vmax=np.quantile(W, 0.99), aspect="auto")
        module_graph(chain, communities, row[-1])
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(ax is not row[-1])
    titles = ["an input", *(f"weights, layer {d + 1}" for d in range(depth)), "strongest weights"]
    for title, ax in zip(titles, axes[0], strict=True):
        ax.set_title(title, fontsize=10.5)
    return fig
