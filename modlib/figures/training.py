"""The figure of the chapter on training: what a loop of four is."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from modlib.plots import GREY, PALETTE


def loop_of_four() -> Figure:
    """Draw a small network in which two hidden neurons share an input and an output."""
    fig, ax = plt.subplots(figsize=(5.4, 2.6))
    sizes = [3, 4, 3]
    places = {(x, y): (2 * x, y - (n - 1) / 2) for x, n in enumerate(sizes) for y in range(n)}
    for here, there in ((a, b) for a in places for b in places if b[0] == a[0] + 1):
        ax.plot(*zip(places[here], places[there], strict=True), color="#DDDDDD", lw=0.8, zorder=0)
    loop = {"i": (0, 1), "j": (1, 2), "k": (1, 1), "l": (2, 1)}
    for a, b, matrix in ("ijW", "ikW", "jlV", "klV"):
        (x0, y0), (x1, y1) = places[loop[a]], places[loop[b]]
        ax.plot([x0, x1], [y0, y1], color=PALETTE[1], lw=2, zorder=1)
        height = (y0 + y1) / 2 + (0.2 if "j" in a + b else -0.22)
        ax.text((x0 + x1) / 2, height, f"${matrix}_{{{a}{b}}}$", ha="center", va="center")
    ax.scatter(*zip(*places.values(), strict=True), s=260, color="white", edgecolors=GREY, zorder=2)
    for name, neuron in loop.items():
        ax.text(*places[neuron], f"${name}$", ha="center", va="center", zorder=3)
    ax.set(xlim=(-0.3, 4.3))
    ax.axis("off")
    return fig
