"""The explorer: networks packed into the page, and the form by which one looks at them.

What the form does is in `book/_static/explorer.js`.
"""

import base64
import json
from collections.abc import Sequence
from html import escape
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from modlib.batch.names import NAMES
from modlib.figures.packing import deflated
from modlib.graphs import layer_sizes
from modlib.plots import community_colours
from modlib.study.explorer import Followed

FULL = 31
"""The shade of a weight from the 99th percentile of its matrix on."""


def shades(W: Float[np.ndarray, "n_frames n_in n_out"]) -> UInt8[np.ndarray, "n_frames n_in n_out"]:
    """Return |W| in whole shades, each matrix by its own 99th percentile; without it, 0."""
    size = np.nan_to_num(np.abs(W), posinf=0.0)
    largest = np.quantile(size, 0.99, axis=(1, 2), keepdims=True)
    return np.round(FULL * np.minimum(size / np.maximum(largest, 1e-12), 1)).astype(np.uint8)


def described(network: Followed) -> dict:
    """Return what is told of a network beside its weights, as JSON has it: NaN as null."""
    sizes = layer_sizes([W[0] for W in network.chain])
    colours = community_colours(network.communities)
    names, places, counts = np.unique(network.communities, return_index=True, return_counts=True)
    hidden = np.bincount(network.communities[sizes[0] : -sizes[-1]], minlength=len(names))
    measures = network.measures.rename(columns={"ari": "agreement"}).round(4)
    return {
        "task": network.task.name,
        "penalty": network.penalty,
        "strength": f"{network.strength:.3g}",
        "steps": network.measures.index.tolist(),
        "sizes": sizes,
        "communities": network.communities.tolist(),
        "colours": [to_hex(colours[place]) for place in places],
        "hidden": hidden.tolist(),
        # a neuron alone is no community that one could do without
        "offered": np.flatnonzero((hidden > 0) & (counts > 1)).tolist(),
        "measures": measures.astype(object).where(measures.notna(), None).to_dict("list"),
        "intact": network.intact.round(4).tolist(),
        "silenced": network.silenced.round(4).tolist(),
        "guess": network.task.guess_accuracy,
    }


def packed(networks: Sequence[Followed]) -> str:
    """Return JSON: what is told of the networks, and `shades`, all their weights one after another.

    Network by network, frame by frame, input side first and row by row; deflated, in base 64.
    """
    weights = [
        W[frame].tobytes()
        for network in networks
        for chain in [[shades(W) for W in network.chain]]
        for frame in range(len(network.measures))
        for W in chain
    ]
    told = {
        "names": {
            name: NAMES.get(name, name) for n in networks for name in (n.task.name, n.penalty)
        },
        "networks": [described(network) for network in networks],
        "full": FULL,
        "shades": deflated(b"".join(weights)),
    }
    return json.dumps(told, separators=(",", ":"), allow_nan=False)


FORM = """<div class="explorer">
<img alt="{alt}" src="data:image/png;base64,{picture}">
<form hidden>
<label>Task <select name="task"></select></label>
<label>Penalty <select name="penalty"></select></label>
<label>Strength <select name="strength"></select></label>
<label>Neurons ordered <select name="order">
  <option value="community">by community</option><option value="layer">as in their layer</option>
</select></label>
<label class="wide">Training step <input type="range" name="frame" min="0" max="0"></label>
<fieldset class="wide"><legend>Silence the hidden neurons of</legend></fieldset>
</form>
<p role="status"></p>
<div class="pictures" hidden>
<section class="matrices"></section>
<section class="graph"></section>
<section class="curves"></section>
<section class="sub-tasks"></section>
</div>
<p hidden><a href="#">Link to what is shown</a></p>
<script type="application/json">{data}</script>
</div>"""


def explorer(data: str, still: Figure, alt: str) -> str:
    """Return the explorer's HTML, with a picture to be seen where no script runs."""
    png = BytesIO()
    still.savefig(png, format="png", dpi=80)
    plt.close(still)
    picture = base64.b64encode(png.getvalue()).decode()
    return FORM.format(alt=escape(alt), picture=picture, data=data)
