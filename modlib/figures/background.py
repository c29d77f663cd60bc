"""Figures of the Background chapter; style and colours are those of `modlib.plots`."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from modlib.figures.style import mean_band, mean_dot, name_lines
from modlib.plots import GREY, PALETTE

MARKERS = "os^Dvph"


def grouped_dots(table: pd.DataFrame, by: str, measures: Mapping[str, str], label: str) -> Figure:
    """Draw means with 95 % intervals: a line per group of rows, a marker per column named."""
    groups = list(table[by].unique())[::-1]
    fig, ax = plt.subplots(figsize=(7.4, 1.2 + 0.42 * len(groups)))
    for place, (measure, name) in enumerate(measures.items()):
        for height, group in enumerate(groups):
            y = height + 0.22 * ((len(measures) - 1) / 2 - place)
            values = table.loc[table[by] == group, measure]
            label_once = name if height == 0 else None
            mean_dot(ax, y, values, PALETTE[place], MARKERS[place], label_once)
    ax.set(xlabel=label, xlim=(0, None))
    name_lines(ax, groups)
    ax.tick_params(axis="y", length=0)
    for height in range(1, len(groups)):
        ax.axhline(height - 0.5, color=GREY, lw=0.4)
    fig.legend(loc="outside upper center", ncols=len(measures), fontsize=10)
    return fig


def curves(
    panels: Mapping[str, pd.DataFrame],
    x: str,
    measures: Mapping[str, str],
    labels: tuple[str, str],
    ticks: Sequence[float | int] | None = None,
) -> Figure:
    """Draw means over x with bands of 95 % intervals: a panel per table, a line per column."""
    fig, axes = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(min(8, 1 + 3.4 * len(panels)), 3.1)
    )
    for ax, (title, table) in zip(axes[0], panels.items(), strict=True):
        for place, (measure, name) in enumerate(measures.items()):
            mean_band(
                ax, table.groupby(x)[measure], color=PALETTE[place], marker=MARKERS[place], ms=5,
                label=name if ax is axes[0, 0] else None,
            )  # fmt: skip
        ax.set_title(title, fontsize=11)
        ax.set(xlabel=labels[0], xscale="log")
        if ticks is not None:
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.minorticks_off()
    axes[0, 0].set_ylabel(labels[1])
    fig.legend(loc="outside upper center", ncols=min(4, len(measures)), fontsize=10)
    return fig


def layer_maps(maps: Mapping[str, Float[np.ndarray, "_ n_layers"]]) -> Figure:
    """Draw, for each network, which share of each layer's neurons is in which community."""
    widths = [share.shape[1] + 4 for share in maps.values()]
    fig, axes = plt.subplots(1, len(maps), figsize=(8, 2.7), width_ratios=widths, squeeze=False)
    for ax, (title, share) in zip(axes[0], maps.items(), strict=True):
        order = np.argsort(share @ np.arange(share.shape[1]))
        image = ax.imshow(share[order], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        layers = np.arange(share.shape[1])
        ax.set_xticks(layers[:: 1 + len(layers) // 9], layers[:: 1 + len(layers) // 9] + 1)
        ax.set_yticks(range(len(share)), range(1, len(share) + 1))
        ax.set_title(title, fontsize=11)
        ax.set(xlabel="layer")
        ax.spines[:].set_visible(True)
    axes[0, 0].set_ylabel("community")
    fig.colorbar(image, ax=axes, label="share of the layer")
    return fig


def weight_maps(rows: Mapping[str, Mapping[str, Float[np.ndarray, "n n"]]]) -> Figure:
    """Draw square weight matrices in a grid, each scaled by its own 99th percentile."""
    columns = list(next(iter(rows.values())))
    fig, axes = plt.subplots(
        len(rows), len(columns), squeeze=False, figsize=(2 * len(columns), 2 * len(rows))
    )
    for ax, title in zip(axes[0], columns, strict=True):
        ax.set_title(title, fontsize=11)
    for line, (name, matrices) in zip(axes, rows.items(), strict=True):
        for ax, W in zip(line, matrices.values(), strict=True):
            top = np.quantile(W[W > 0], 0.99) if (W > 0).any() else 1.0
            ax.imshow(W, cmap="Greys", vmin=0, vmax=top)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
        line[0].set_ylabel(name, fontsize=11)
    return fig


def courses(table: pd.DataFrame, measures: Mapping[str, str]) -> Figure:
    """Draw measures over steps: a row per measure, a panel per start, a line per setting.

    Means over seeds with bands of 95 % intervals; steps are evenly spaced, not to scale.
    """
    starts, settings = table.start.unique(), table.setting.unique()
    fig, axes = plt.subplots(
        len(measures), len(starts), sharex=True, sharey="row", squeeze=False,
        figsize=(8, 0.9 + 2.1 * len(measures)),
    )  # fmt: skip
    steps = sorted(table.step.unique().tolist())
    for line, (measure, label) in zip(axes, measures.items(), strict=True):
        for ax, start in zip(line, starts, strict=True):
            for place, setting in enumerate(settings):
                rows = table[(table.start == start) & (table.setting == setting)]
                mean_band(
                    ax, rows.groupby("step")[measure], range(len(steps)), color=PALETTE[place],
                    marker=MARKERS[place], ms=4.5, label=setting if ax is axes[0, 0] else None,
                )  # fmt: skip
            if table[measure].min() < 0:
                ax.axhline(0, color=GREY, lw=0.7, zorder=0)
            ax.set_xticks(range(len(steps)), [_short(step) for step in steps])
        line[0].set_ylabel(label)
    for top, bottom, start in zip(axes[0], axes[-1], starts, strict=True):
        top.set_title(start, fontsize=11)
        bottom.set_xlabel("steps")
    fig.legend(loc="outside upper center", ncols=len(settings), fontsize=10)
    return fig


def _short(step: int) -> str:
    return f"{step // 1000}k" if step >= 1000 else str(step)


def mean_field(gains: Mapping[str, pd.DataFrame], rows: pd.DataFrame) -> Figure:
    """Draw gains observed against expected, and the distance of rows against weight added."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.3))
    for place, (name, table) in enumerate(gains.items()):
        left.plot(
            table.expected, table.observed, MARKERS[place], color=PALETTE[place], ms=4, alpha=0.5,
            mew=0, label=name,
        )  # fmt: skip
    top = max(table.expected.max() for table in gains.values())
    left.plot([0, top], [0, top], color="black", lw=0.8)
    left.set(xlabel="expected gain a step", ylabel="observed gain a step")
    left.legend(fontsize=10)
    for place, (increment, table) in enumerate(rows.groupby("increment")):
        groups = table.groupby("added").distance
        if increment == 0:
            right.plot(groups.mean(), color="black", lw=1.5, label="mean field")
            continue
        style = {"color": PALETTE[place], "marker": MARKERS[place], "ms": 5, "lw": 1.2}
        mean_band(right, groups, label=f"increments of {increment:g}", **style)
    right.set(xlabel="weight added per edge", ylabel="distance between rows", ylim=(0, None))
    right.legend(fontsize=10)
    return fig


def compared(
    table: pd.DataFrame, by: str, measures: Mapping[str, str], colours: Mapping[str, str]
) -> Figure:
    """Draw means with 95 % intervals: a panel per measure, a line per group of rows."""
    groups = list(table[by].unique())[::-1]
    fig, axes = plt.subplots(
        1, len(measures), sharey=True, squeeze=False, figsize=(8, 0.9 + 0.34 * len(groups))
    )
    for ax, (measure, label) in zip(axes[0], measures.items(), strict=True):
        for height, group in enumerate(groups):
            values = table.loc[table[by] == group, measure]
            mean_dot(ax, height, values, colours.get(group, PALETTE[0]))
        if table[measure].min() < 0:
            ax.axvline(0, color=GREY, lw=0.7, zorder=0)
        ax.set(xlabel=label)
        name_lines(ax, groups)
        ax.grid(axis="y", lw=0.4)
    return fig
