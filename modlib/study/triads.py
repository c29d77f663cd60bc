"""Whether closing triads makes communities: what the page may be run with, and what it claims."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from modlib.batch import pages
from modlib.batch.claims import Claim, above, below, between, exact
from modlib.batch.statistics import intervals
from modlib.study.closure import starting_graphs

SETTINGS = ["no decay", "decay", "decay and removal"]
"""What the settings of the procedure are called."""

VARIANTS = {
    "whole model": {},
    "nothing strengthened": {"gain": 0.0},
    "no triads closed": {"closing": 0.0},
    "no random links": {"random_links": 0.0},
    "no deletion": {"deletion": 0.0},
}
"""The model of `local_search`, and what is left out of it."""


def _rising(steps: list[int]) -> list[int]:
    if steps[0] != 0 or any(a >= b for a, b in pairwise(steps)):
        raise ValueError("they need to rise from 0")
    return steps


class Parameters(pages.Parameters):
    """What the page may be run with."""

    seeds: Annotated[
        list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]
    n_nodes: Annotated[int, Field(ge=16, le=1_000)]
    density: Annotated[float, Field(ge=0.05, le=0.5)]
    blocks: Annotated[int, Field(ge=2)]
    checkpoints: Annotated[list[int], Field(min_length=2), AfterValidator(_rising)]
    decay: Annotated[float, Field(ge=0, lt=1)]
    strong_decay: Annotated[float, Field(ge=0, lt=1)]
    threshold: Annotated[float, Field(ge=0)]
    nulls: Annotated[int, Field(ge=1)]
    gain_runs: Annotated[int, Field(ge=100)]
    increments: Annotated[
        list[Annotated[float, Field(ge=0.05, le=5)]],
        Field(min_length=1, max_length=4),
        AfterValidator(pages.distinct),
    ]
    rounds: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _blocks_hold_the_edges(self) -> "Parameters":
        starting_graphs(self.n_nodes, self.density, self.blocks, seed=0)
        return self


def settings(
    decay: float | int, strong_decay: float | int, threshold: float | int
) -> dict[str, dict[str, float | int]]:
    """Return the three settings of `close_triads` by name."""
    removal = {"decay": strong_decay, "threshold": threshold}
    return dict(zip(SETTINGS, ({}, {"decay": decay}, removal), strict=True))


def claims(
    courses: pd.DataFrame,
    gains: Mapping[str, pd.DataFrame],
    rows: pd.DataFrame,
    inside: pd.DataFrame,
    searches: pd.DataFrame,
) -> list[Claim]:
    """Return what the page claims of its tables."""
    by_graph = courses.pivot(index=["start", "setting", "step"], columns="seed")
    start, *later = sorted({*courses.step})
    end = later[-1]

    def at(measure: str, starts: list[str], which: list[str], steps: list[int]) -> pd.DataFrame:
        table = by_graph[measure]
        levels = {"start": starts, "setting": which, "step": steps}
        wanted = [table.index.isin(values, level) for level, values in levels.items()]
        return table[np.all(wanted, axis=0)]

    sparse, (none, _, removal) = ["random", "planted"], SETTINGS
    edges = [at("edges", sparse, SETTINGS[:2], [step]).droplevel("step") for step in (end, start)]
    hubs = [at("hubs", sparse, [which], [end]).droplevel("setting") for which in (removal, none)]
    gained = pd.concat(gains.values())
    slope = np.polyfit(gained.expected, gained.observed, 1)[0]
    drawn = gained[gained.error > 0]
    near = ((drawn.observed - drawn.expected).abs() < 2 * drawn.error).mean()
    apart = rows[rows.added == rows.added.max()]
    apart = apart.pivot(index="increment", columns="seed", values="distance")
    apart.loc[0] = apart.loc[0].max()  # the mean field, which has no seed
    apart = apart.rename("increments of {:g}".format)
    emerged = searches.pivot(index="variant", columns="seed", values="excess")
    without = ["nothing strengthened", "no triads closed"]
    excess, share = "excess of Q, all pairs permuted", "share of strength on the strongest"
    return [
        Claim(
            "From random and complete graphs no communities come, at any step and whatever the"
            " decay.",
            excess, intervals(at("excess", ["random", "complete"], SETTINGS, later)), below(0.03),
            "+.3f",
        ),
        Claim(
            "Random graphs end with less than chance.",
            excess, intervals(at("excess", ["random"], SETTINGS, [end])), below(0), "+.3f",
        ),
        Claim(
            "Planted communities are there at first.",
            excess, intervals(at("excess", ["planted"], [none], [start])), above(0.1), "+.3f",
        ),
        Claim(
            "At the end they are gone.",
            excess, intervals(at("excess", ["planted"], SETTINGS, [end])), below(0.03), "+.3f",
        ),
        Claim(
            "At first, weights come to follow the planted communities.",
            "excess of Q, edges permuted",
            intervals(at("excess_edges", ["planted"], [none], later[:1])), above(0), "+.3f",
        ),
        Claim(
            "Without removal sparse graphs fill up.",
            "edges gained", intervals(edges[0] - edges[1]), above(0), "+.0f",
        ),
        Claim(
            "With removal strength condenses on hubs, compared with no decay.",
            f"difference in {share}", intervals(hubs[0] - hubs[1]), above(0), "+.2f",
        ),
        Claim(
            "What pairs of nodes gain is what the formula says.",
            "slope of observed against expected gain", exact(slope), between(0.9, 1.1), ".2f",
        ),
        Claim(
            "It lies within two standard errors of it for nine pairs in ten.",
            "share of pairs", exact(near), above(0.9), ".2f",
        ),
        Claim(
            "Nodes of a complete graph come to choose their children alike.",
            "change in distance of rows", intervals(apart - rows.distance[0]), below(0), "+.2f",
        ),
        Claim(
            "They do so the less, the larger the increments.",
            "difference in distance of rows", intervals(apart.diff()[1:]), above(0), "+.3f",
        ),
        Claim(
            "Of what planted graphs gain less lies inside communities than of their weight.",
            "difference in share", intervals((inside.gain - inside.weight).to_frame().T), below(0),
            "+.2f",
        ),
        Claim(
            "The model of Kumpula et al. makes communities.",
            excess, intervals(emerged.loc[["whole model"]]), above(0.05), "+.3f",
        ),
        Claim(
            "It needs both to strengthen links and to close triads.",
            f"difference in {excess}",
            intervals(emerged.loc["whole model"] - emerged.loc[without]), above(0), "+.3f",
        ),
        Claim(
            "Random links and deletion are not needed, in runs of this length.",
            excess, intervals(emerged.loc[["no random links", "no deletion"]]), above(0), "+.3f",
        ),
    ]  # fmt: skip
