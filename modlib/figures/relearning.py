"""What networks keep while they learn one sub-task anew."""

import pandas as pd
from matplotlib.figure import Figure

from modlib.figures.benefits import points


def kept(rows: pd.DataFrame) -> Figure:
    """Draw the accuracy kept: penalties down, optimisers across, a colour for each way."""
    fig = points(rows, "kept", "optimiser", "way", "accuracy kept on the other sub-tasks")
    fig.set_size_inches(8, 1.5 + 0.28 * rows.penalty.nunique())
    return fig
