"""Communities of MNIST's pixels, in the published networks and in the table of networks."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from pydantic import AfterValidator, Field

from modlib.batch import pages, selection, statistics, tables
from modlib.batch.claims import Claim, above, below, between, exact
from modlib.modularity.measure import modularity
from modlib.penalties import PENALTIES
from modlib.study.weights import by_outputs
from modlib.tasks import TASKS
from modlib.tasks.images import mnist_images

IMAGES = {"two_mnist": 2, "mnist": 1}
"""How many images the tasks have beside each other."""

NAMES = {"two_mnist": "two digits", "mnist": "one digit"}

PUBLISHED = [penalty for penalty in PENALTIES if penalty != "communicability"]
"""The penalties of which a network is published for both tasks."""

ON_DEAD = ["soft_modularity", "cut"]
"""The penalties that make modules of pixels that are hardly ever lit."""

DEFAULT = PENALTIES["walk_loops"].strength


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(PUBLISHED)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]
    task: Literal[tuple(IMAGES)]


class Pixels(NamedTuple):
    """What a network makes of its pixels.

    Attributes:
        weights: of its first layer.
        communities: of all its neurons, pixels first, in the order of their outputs.
    """

    weights: Float[np.ndarray, "n_in n_hid"]
    communities: Int[np.ndarray, " n_neurons"]


def pixels(task: str, penalty: str) -> Pixels:
    """Return what the published network of a task and penalty makes of its pixels."""
    chain = [W[0].numpy() for W in tables.published_network(task, penalty).chain]
    return Pixels(chain[0], by_outputs(chain, modularity(chain, nulls=2).communities))


def of_page(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of the table of networks that the page is about."""
    return networks[networks.task.isin(IMAGES) & networks.penalty.isin(PUBLISHED)]


def dead_weight(task: str, penalty: str) -> float:
    """Return the share of the first layer's weight at dead pixels, in the published network."""
    chain = tables.published_network(task, penalty).chain
    weight = chain[0][0].abs().sum(1).numpy()
    return float(weight[~TASKS[task]().live].sum() / weight.sum())


def astray(found: Pixels) -> pd.DataFrame:
    """Return the live pixels of two images: how often each is lit, and whether it lies `astray`.

    Such a pixel is not in the community that is commonest among the live pixels of its image.
    """
    live = TASKS["two_mnist"]().live
    lit = np.tile((mnist_images()[0] > 0).mean(0), 2)
    image = np.repeat([0, 1], len(live) // 2)
    communities = found.communities[: len(live)]
    home = np.array([np.bincount(communities[(image == k) & live]).argmax() for k in (0, 1)])
    return pd.DataFrame({"lit": lit, "astray": communities != home[image]})[live]


def lit(pixels: pd.DataFrame) -> pd.DataFrame:
    """Return how many pixels lie with their own digit and the other, and how often they are lit."""
    side = pixels.astray.map({False: "their own digit", True: "the other digit"})
    return (
        pixels.groupby(side.rename("in the community of"))
        .lit.agg(["count", "min", "median", "max"])
        .rename(columns={"count": "pixels", "min": "least", "max": "most"})
    )


def where(networks: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return where each penalty's weight and excess lie, the largest excess first.

    Means of the evaluation networks at the strength chosen, but for the weight at dead pixels,
    which is that of the published network.
    """
    rows = selection.summary(networks[networks.task == task]).loc[task].dropna(subset="strength")
    columns = {
        "accuracy": "accuracy",
        "ari": "agreement (ARI)",
        "excess": "excess",
        "live_excess": "excess, live pixels",
    }
    shown = rows[list(columns)].rename(columns=columns).dropna(axis=1, how="all")
    shown["weight at dead pixels"] = [dead_weight(task, penalty) for penalty in shown.index]
    return shown.sort_values("excess", ascending=False)


def claims(networks: pd.DataFrame, found: Pixels) -> list[Claim]:
    """Return what the page claims of the rows of `of_page`, and of the walk loops' two images."""
    summary = selection.summary(networks)
    to_none, to_own = (selection.differences(networks, p) for p in ("none", "walk_loops"))
    judged = selection.judged(networks).set_index(["task", "penalty", "seed"])
    lost = (judged.excess - judged.live_excess).unstack("seed").loc["two_mnist"]
    dead = pd.concat({p: exact(dead_weight("two_mnist", p)).loc[0] for p in ON_DEAD}, axis=1).T
    pixels = astray(found)
    ratio = pixels.lit[pixels.astray].median() / pixels.lit.median()
    at_default = networks[(networks.task == "mnist") & (networks.role == "evaluation")]
    own = (at_default.penalty == "walk_loops") & (at_default.strength == DEFAULT)
    both = at_default[own | (at_default.penalty == "none")]
    cost = statistics.against(both, "walk_loops", "accuracy")
    pieces = judged.loc["mnist"].loc[ON_DEAD].reset_index()
    ahead = statistics.against(pd.concat([pieces, at_default[own]]), "walk_loops", "excess")

    def agreement(penalty: str) -> pd.DataFrame:
        row = summary.loc[[("two_mnist", penalty)], ["ari", "ari_low", "ari_high"]]
        return row.set_axis(["mean", "low", "high"], axis=1)

    return [
        Claim(
            "Walk loops divide two digits more than no penalty does,",
            "difference of excess to no penalty",
            to_none.loc[[("two_mnist", "walk_loops", "excess")]], above(0.1), "+.2f",
        ),
        Claim(
            "and along the digits.",
            "agreement (ARI)", agreement("walk_loops"), above(0.8), ".2f",
        ),
        Claim(
            "Soft modularity makes pieces of both digits.",
            "agreement (ARI)", agreement("soft_modularity"), below(0.2), ".2f",
        ),
        Claim(
            "Connection costs, which are told where pixels lie, agree better.",
            "difference of agreement to walk loops",
            to_own.loc[[("two_mnist", "connection_cost", "ari")]], above(0), "+.2f",
        ),
        Claim(
            "Pixels that lie with the other digit are rarely lit.",
            "how often they are lit in how often live pixels are, medians",
            exact(ratio), below(0.2), ".2f",
        ),
        Claim(
            "Soft modularity and the cut have most of the first layer's weight at dead pixels.",
            "share in one network each", dead, above(0.5), ".2f",
        ),
        Claim(
            "Without dead pixels their excess falls.",
            "excess lost", statistics.intervals(lost.loc[ON_DEAD]), above(0), "+.2f",
        ),
        Claim(
            "That of walk loops does not.",
            "excess lost", statistics.intervals(lost.loc[["walk_loops"]]),
            between(-0.03, 0.03), "+.3f",
        ),
        Claim(
            "In one digit walk loops find no modules at the strength that keeps the accuracy.",
            "difference of excess to no penalty",
            to_none.loc[[("mnist", "walk_loops", "excess")]], below(0.01), "+.3f",
        ),
        Claim(
            "At their default they cost accuracy.",
            "difference to no penalty, points", statistics.in_points(cost), below(-0.5),
        ),
        Claim(
            "The cut and soft modularity make networks of more excess than that, at no such cost.",
            "excess of walk loops at their default less theirs", ahead, below(0), "+.2f",
        ),
    ]  # fmt: skip
