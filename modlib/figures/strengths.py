"""Networks that divide while they are trained."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from modlib.batch.names import TASK_NAMES
from modlib.plots import PALETTE


def divisions(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw excess modularity over training steps, a line per network, a colour per task."""
    fig, ax = plt.subplots(figsize=(7, 3.2))
    for (task, history), colour in zip(histories.items(), PALETTE, strict=False):
        for n, (_, line) in enumerate(history.groupby("seed")):
            label = TASK_NAMES[task] if n == 0 else None
            ax.plot(line.step, line.excess, "o-", ms=3, color=colour, label=label)
    ax.set(xlabel="training step", ylabel="excess modularity")
    ax.legend()
    return fig
