"""Networks beside their input, and their training as frames to step through."""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from modlib.batch.names import NAMES
from modlib.figures.images import coloured
from modlib.graphs import layer_sizes
from modlib.plots import community_colours, module_graph
from modlib.study.weights import Divided

BETWEEN = 0.3
"""The grey of a weight between communities, where it is large."""


def tinted(
    W: Float[np.ndarray, "n_in n_out"],
    communities: tuple[Int[np.ndarray, " n_in"], Int[np.ndarray, " n_out"]],
    colours: Float[np.ndarray, "n_in 3"],
) -> Float[np.ndarray, "n_in n_out 3"]:
    """Return |W| as an image, neurons by community: in their colours within one, grey between.

    The colours are those of the rows' neurons, and full from the 99th percentile on.
    """
    size = np.abs(W)
    shade = np.minimum(size / max(np.quantile(size, 0.99), 1e-12), 1)
    rows, columns = (np.argsort(layer, kind="stable") for layer in communities)
    within = communities[0][rows, None] == communities[1][columns]
    tint = np.where(within[..., None], colours[rows, None], BETWEEN)
    return 1 - shade[np.ix_(rows, columns)][..., None] * (1 - tint)


def gallery(
    networks: Mapping[str, Divided],
    example: Float[np.ndarray, " n_in"],
    places: Float[np.ndarray, "n_in 2"],
) -> Figure:
    """Draw networks below each other: an input, |W| of each layer by community, and the graph.

    Inputs have the colour of their community, paler the smaller the example is there.
    """
    n_layers = max(len(network.chain) for network in networks.values())
    fig, axes = plt.subplots(
        len(networks), n_layers + 2, squeeze=False,
        figsize=(8, 0.3 + 1.45 * len(networks)), width_ratios=[2] * (n_layers + 1) + [3],
    )  # fmt: skip
    for (name, (chain, communities)), row in zip(networks.items(), axes, strict=True):
        image = coloured(example, communities, places)
        # inputs on a line are drawn as high as the other panels
        row[0].imshow(image, aspect="auto" if len(image) == 1 else "equal")
        row[0].set_anchor("N")
        row[0].set_ylabel(fill(NAMES.get(name, name), 16), fontsize=10)
        ends = np.cumsum(layer_sizes(chain))[:-1]
        sides = pairwise(np.split(communities, ends))
        colours = np.split(community_colours(communities)[:, :3], ends)
        for W, side, colour, ax in zip(chain, sides, colours, row[1:], strict=False):
            ax.imshow(tinted(W, side, colour), aspect="auto")
        module_graph(chain, communities, row[-1])
        for ax in row:
            ax.set(xticks=[], yticks=[])
        for ax in row[:-1]:
            ax.spines[:].set_visible(True)
    titles = ["input", *(f"layer {depth + 1}" for depth in range(n_layers)), "graph"]
    for title, ax in zip(titles, axes[0], strict=True):
        ax.set_title(title, fontsize=11)
    return fig


PLAYER = """<div class="animation">{frames}
<p><button onclick="const bar = this.parentNode.querySelector('input'); bar.value = 0;
const timer = setInterval(() => {{ bar.dispatchEvent(new Event('input'));
  if (bar.value === bar.max) clearInterval(timer); else bar.stepUp(); }}, 600);">Play</button>
<label>Training step <input type="range" min="0" max="{last}" value="{last}" oninput="
this.closest('.animation').querySelectorAll('img')
  .forEach((frame, n) => {{ frame.hidden = n !== Number(this.value); }})"></label></p></div>"""


def training(
    chains: Mapping[int, Sequence[Float[np.ndarray, "_ _"]]],
    communities: Int[np.ndarray, " n_neurons"],
) -> str:
    """Return HTML with the neuron graph at each step of training, and a bar to move through them.

    Neurons keep the places and colours of the communities given, so that what moves is the
    weights. Nothing is fetched from anywhere.
    """
    frames = []
    for step, chain in chains.items():
        fig, ax = plt.subplots(figsize=(6, 4))
        module_graph(chain, communities, ax)
        ax.set_title(f"after {step:,} steps", fontsize=12)
        png = BytesIO()
        fig.savefig(png, format="png", dpi=100)
        plt.close(fig)
        data = base64.b64encode(png.getvalue()).decode()
        told = f"The neuron graph after {step:,} steps of training"
        hidden = "hidden" if step < max(chains) else ""
        frames.append(f'<img {hidden} alt="{told}" src="data:image/png;base64,{data}">')
    return PLAYER.format(frames="\n".join(frames), last=len(frames) - 1)
