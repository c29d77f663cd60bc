"""What walk loops cost, beside what they bring: the page `costs`.

What is asked of walk loops as steps, by size of the network and mini-batch: at most so many plain
steps, as in `TARGETS`, at a share, an agreement and an accuracy within `MARGINS` of what they reach
in the loss of every step. Targets and margins were set before the table was made.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages
from modlib.batch.claims import Claim, Together, above, below, exact, not_below, together
from modlib.batch.names import SEPARATE
from modlib.batch.statistics import in_points, interval_text, intervals
from modlib.study.cost_quality import MARGINS, frontier, short
from modlib.study.cost_ratios import BY_EXAMPLES, LOSS, SIZE, STEPS, of, over, ratios
from modlib.study.step_costs import step_costs

SMALL, LARGE = ("128-48-48-20", 128), ("784-1024-1024-10", 128)
TARGETS = {SMALL: 1.2, LARGE: 1.05, ("3072-2048-2048-2048-10", 256): 1.05}
"""Plain steps that one with walk loops may cost, by widths and mini-batch."""

NEAR, KEPT = ["retina", "two_digits", "three_digits", "four_digits"], ["retina", "two_mnist"]
"""Tasks on which the share and the accuracy of steps are within the margin."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    without: Annotated[
        list[Literal[tuple(SEPARATE)]],
        Field(max_length=len(SEPARATE) - 1),
        AfterValidator(pages.distinct),
    ]
    free: float = Field(gt=1, le=10)
    widths: list[Annotated[int, Field(ge=1, le=2_048)]] = Field(min_length=3, max_length=8)
    examples: int = Field(ge=1, le=4_096)


def asked(found: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of walk loops at the sizes that a target was set for, and whether it is met.

    It is met where all of the interval lies below it.
    """
    costs = intervals(found)
    rows = {
        size: {name: costs.loc[(*size, name)] for name in (LOSS, "noise", STEPS)}
        for size in TARGETS
        if size in found.index.droplevel("penalty")
    }
    text = {
        size: {name: interval_text(cost) for name, cost in row.items()}
        | {
            "target": f"{TARGETS[size]:g}",
            "met": "yes" if row[STEPS].high <= TARGETS[size] else "no",
        }
        for size, row in rows.items()
    }
    return pd.DataFrame(text).T.rename_axis(["widths", "examples"])


def range_of(found: pd.DataFrame, penalty: str) -> str:
    """Return the least and the largest cost of a penalty at these sizes, as '1.19 to 1.48'."""
    means = found.xs(penalty, level="penalty").reindex([*TARGETS]).mean(axis=1)
    return f"{means.min():.2f} to {means.max():.2f}"


def of_ones_own(widths: Sequence[int], examples: int) -> pd.DataFrame:
    """Return the `ratios` of a network of one's own, on this processor, by penalty."""
    table = step_costs("-".join(map(str, widths)), examples, [], rounds=3, seconds=0.2)
    found = intervals(ratios(table)).droplevel(SIZE)
    return found.drop(index="none")[["mean", "low", "high"]]


def claims(found: pd.DataFrame, networks: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of the `ratios` and of the published networks."""
    return [*of_targets(found), *of_sizes(found), *of_quality(found, networks)]


def of_targets(found: pd.DataFrame) -> list[Claim | Together]:
    """Return what is claimed at the sizes that a target was set for."""
    loss, noise, steps = (of(found, name, TARGETS) for name in (LOSS, "noise", STEPS))
    large = [size for size in TARGETS if size != SMALL]
    return [
        Claim(
            "In the loss, walk loops cost more than two plain steps at each of the three sizes.",
            "plain steps", intervals(loss), above(2), ".2f",
        ),
        Claim(
            "As steps of their own they cost less than two thirds of that.",
            "share of the cost", intervals(steps / loss), below(2 / 3), ".2f",
        ),
        Claim(
            "At each size they cost more than was asked for.", "plain steps beyond the target",
            intervals(steps.sub(pd.Series(TARGETS), axis=0)), above(0), "+.2f",
        ),
        together(
            Claim(
                "In the small network most of what they cost is noise,",
                "share of the cost beyond a plain step",
                intervals((noise - 1) / (steps - 1)).loc[[SMALL]], above(0.7), ".2f",
            ),
            Claim(
                "and in the large ones counting costs more than the twentieth that was asked for.",
                "plain steps", intervals(steps - noise).loc[large], above(0.05), ".3f",
            ),
        ),
    ]  # fmt: skip


def of_sizes(found: pd.DataFrame) -> list[Claim | Together]:
    """Return what is claimed of wider networks and of larger mini-batches."""
    wide, many = (over(found, factor) for factor in ("width", "batch"))
    (low, *_, high), (few, *_, most) = (
        sorted(set(costs.loc[LOSS].index)) for costs in (wide, many)
    )
    large = [(BY_EXAMPLES, int(most))]
    return [
        Claim(
            "At no width do walk loops as steps cost 1.7 plain ones.",
            "plain steps", wide.loc[STEPS], below(1.7), ".2f",
        ),
        Claim(
            "In the loss they cost more than twice as much in the widest network as in the"
            " narrowest.",
            "ratio of the costs",
            exact(wide["mean"][LOSS, high] / wide["mean"][LOSS, low]), above(2), ".1f",
        ),
        together(
            Claim(
                "With the fewest examples they cost more than three plain steps in the loss,",
                "plain steps", many.loc[[(LOSS, few)]], above(3), ".2f",
            ),
            Claim(
                "and with the most less than a fifth more than one.",
                "plain steps", many.loc[[(LOSS, most)]], below(1.2), ".2f",
            ),
        ),
        Claim(
            "With the most examples, steps of their own cost no less than the loss.",
            "difference in plain steps",
            intervals(of(found, STEPS, large) - of(found, LOSS, large)), not_below(0), "+.2f",
        ),
    ]  # fmt: skip


def of_quality(found: pd.DataFrame, networks: pd.DataFrame) -> list[Claim | Together]:
    """Return what is claimed of steps beside the loss, and of rivals beside steps."""
    pairs, margins = short(networks, SEPARATE), MARGINS
    share, agreed, accuracy = (pairs.loc[measure] for measure in margins)
    rows = frontier(found, networks, (SMALL, LARGE), SEPARATE).set_index([*SIZE, "penalty"])
    rivals = rows.index.get_level_values("penalty").difference([LOSS, STEPS, "none", "noise"])
    means = rows.loc[SMALL][SEPARATE].mean(axis=1)
    ratio = pd.concat(
        {
            name: intervals(of(found, name, [LARGE]) / of(found, STEPS, [LARGE]))
            for name in rivals
            if name != "l1"
        }
    )
    return [
        together(
            Claim(
                "In share, steps come within the margin of the loss on digits and the retina,",
                "difference", share.loc[NEAR], not_below(-margins["share"]), "+.3f",
            ),
            Claim(
                "and not on the three other tasks.",
                "difference", share.drop(index=NEAR), below(-margins["share"]), "+.3f",
            ),
        ),
        Claim(
            "In agreement they are on no task clear of it.",
            "difference", agreed, not_below(-margins["connected_ari"]), "+.3f",
        ),
        together(
            Claim(
                "In accuracy they come within it on the retina and on two MNIST,",
                "points", in_points(accuracy.loc[KEPT]), not_below(-0.3),
            ),
            Claim(
                "and not on the five other tasks.",
                "points", in_points(accuracy.drop(index=KEPT)), below(-0.3),
            ),
        ),
        together(
            Claim(
                "In the network of 1,024 no rival that was timed costs as little as steps but L1,",
                "ratio of the costs", ratio, above(1), ".2f",
            ),
            Claim(
                "and none has as large a share on average over the tasks.",
                "share", exact(means[rivals] - means[STEPS]), below(0), "+.2f",
            ),
        ),
    ]  # fmt: skip
