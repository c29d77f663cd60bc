"""What the normalised loops prefer: what the page may be run with, and what it claims."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, Together, above, below, between, exact, together

TASKS = [
    "retina", "planted_0", "formulas_independence", "two_digits", "three_digits", "four_digits",
]  # fmt: skip
Steps = Annotated[int, Field(ge=10, le=10_000)]
Power = Annotated[float | int, Field(ge=1, le=16)]


class Parameters(pages.Parameters):
    """What the page may be run with."""

    task: Literal[tuple(TASKS)]
    n_task_seeds: Annotated[int, Field(ge=3, le=20)]
    task_steps: Steps
    stronger: Annotated[float, Field(gt=1, le=10)]
    width: Annotated[int, Field(ge=4, le=64)]
    blocks: Annotated[int, Field(ge=2)]
    n_random: Annotated[int, Field(ge=1, le=10_000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    n_seeds: Annotated[int, Field(ge=3, le=50)]
    powers: Annotated[list[Power], Field(min_length=2), AfterValidator(pages.distinct)]
    power: Power
    steps: Steps
    learning_rate: Annotated[float, Field(gt=0, le=0.1)]

    @model_validator(mode="after")
    def _blocks_divide(self) -> "Parameters":
        if self.width % self.blocks or self.width == self.blocks:
            raise ValueError(
                f"width must be a multiple of blocks, and larger, got {self.width} and"
                f" {self.blocks}"
            )
        return self


def _each(values: pd.Series) -> pd.DataFrame:
    """Return the `values` of a claim about every one of several networks or situations."""
    return pd.DataFrame({"mean": values, "low": values, "high": values})


def of_closed_forms(
    joined: pd.DataFrame, returns: pd.DataFrame, divided: pd.DataFrame
) -> list[Claim | Together]:
    """Return what the page claims without training."""
    width = divided.index.max()
    errors = [divided.walk_loops - divided.closed_form]
    errors += [divided.with_retraced - divided.closed_form_retraced]
    return [
        Claim(
            "The more modules are joined, the more printed loops there are.",
            "least change from one weight to the next, of the loops of separate modules",
            exact(joined.loops.diff().min()), above(0), "+.4f",
        ),
        together(Claim(
            "No weight between modules gives as many walk loops as none.",
            "walk loops, of those of separate modules", exact(joined.walk_loops.iloc[1:].max()),
            below(1), ".3f",
        ), Claim(
            "Joined into one clique, modules keep less than half of them.",
            "walk loops, of those of separate modules", exact(joined.walk_loops.iloc[-1]),
            below(0.5), ".2f",
        )),
        together(Claim(
            "The symmetric form is never above the probability of a return, but for rounding.",
            "largest share by which it is above",
            exact((returns.walk_loops / returns.returns - 1).max()), below(1e-5), ".0e",
        ), Claim(
            "Multiplying layers by numbers changes nothing, but for rounding.",
            "largest relative change",
            exact((returns.rescaled / returns.walk_loops - 1).abs().max()), below(1e-4), ".0e",
        ), Claim(
            "Equal modules have the walk loops of the closed form, with retraced walks and"
            " without.",
            "largest difference", exact(pd.concat(errors).abs().max()), below(1e-9), ".0e",
        )),
        together(Claim(
            "Pairs are best.", "neurons that a module has in a layer",
            exact(divided.walk_loops.idxmax()), between(1, 3), "g",
        ), Claim(
            "They reach the bound for any weights.", "relative difference to the bound",
            exact(abs(4 * divided.walk_loops.max() / width - 1)), below(1e-9), ".0e",
        ), Claim(
            "With retraced walks single neurons would be best.",
            "neurons that a module has in a layer",
            exact(divided.with_retraced.idxmax()), below(2), "g",
        )),
    ]  # fmt: skip


def of_ascents(history: pd.DataFrame, lone: pd.DataFrame, width: int) -> list[Claim | Together]:
    """Return what the page claims of walk loops alone, from even and from uneven weights.

    Of `ascents.from_uneven`, and of `ascents.described` for the networks of `ascents.alone`.
    """
    history = history.set_index("seed").rename(index="network {}".format)
    start, end = (history[history.step == step] for step in history.step.agg(["min", "max"]))
    least, most = end[end.power == end.power.min()], end[end.power == end.power.max()]
    modules = statistics.intervals(most[["modules"]].T)
    excess = "excess modularity"
    starts = statistics.intervals(start.pivot(columns="power", values="excess").T)
    return [
        together(Claim(
            "No start has modules, however uneven.", f"mean {excess} of the starts",
            starts.rename("exponent {}".format), between(-0.02, 0.02), "+.3f",
        ), Claim(
            "From the most even weights every network ends in one clique.",
            "number of modules", _each(least.modules), below(1.01), ".3f",
        ), Claim(
            "Such a clique has no excess.",
            excess, _each(least.excess), between(-0.02, 0.02), "+.4f",
        )),
        together(Claim(
            "From the most uneven weights every network divides.",
            excess, _each(most.excess), above(0.3), ".2f",
        ), Claim(
            "It divides into modules that are far fewer than pairs.",
            "modules, of the number of pairs", 2 / width * modules, below(0.5), ".2f",
        )),
        together(Claim(
            "From an uneven start the printed loops make one clique.",
            excess, exact(lone.excess["loops (as printed)"]), between(-0.01, 0.01), "+.4f",
        ), Claim(
            "Walk loops make modules of the same start.",
            excess, exact(lone.excess["walk loops"]), above(0.2), ".2f",
        )),
        Claim(
            "With retraced walks most neurons are left with one partner or two.",
            "median effective number of partners", exact(lone.partners["with retraced walks"]),
            below(2), ".2f",
        ),
    ]  # fmt: skip


def of_training(table: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of task, decay and walk loops, of `ascents.with_task`."""
    wide = table.pivot(index="kind", columns="seed")
    excess, modules = wide.excess, wide.modules
    full = "task, decay, walk loops"
    pairs = "difference in excess modularity, same initial weights"

    def of(values: pd.DataFrame, kind: str) -> pd.DataFrame:
        return _each(values.loc[kind].rename("network {}".format))

    def difference(kind: str, other: str) -> pd.DataFrame:
        return statistics.intervals((excess.loc[kind] - excess.loc[other]).to_frame("").T)

    return [
        together(Claim(
            "The task alone makes no modules.",
            "excess modularity", of(excess, "task"), below(0.05), "+.3f",
        ), Claim(
            "Walk loops alone make one clique.",
            "number of modules", of(modules, "walk loops"), below(1.01), ".3f",
        )),
        together(Claim(
            "With the decay modules begin.",
            pairs, difference("task, decay", "task"), above(0), "+.3f",
        ), Claim(
            "They remain connected.",
            "number of modules", of(modules, "task, decay"), below(1.5), ".2f",
        )),
        Claim(
            "The walk loops add to what task and decay have.",
            pairs, difference(full, "task, decay"), above(0.05), "+.3f",
        ),
        together(Claim(
            "All three leave two separate modules.",
            "number of modules", of(modules, full), between(1.7, 2.3), ".2f",
        ), Claim(
            "These are the modules of the task.",
            "adjusted Rand index", of(wide.ari, full), above(0.9), ".2f",
        ), Claim(
            "A lesion of one hurts one sub-task alone.",
            "specialisation", of(wide.specialisation, full), above(0.95), ".3f",
        )),
        Claim(
            "The accuracy is within a point of that of the task alone, or above.",
            "difference of means in test accuracy, points",
            exact(100 * (wide.accuracy.loc[full] - wide.accuracy.loc["task"]).mean()), above(-1),
        ),
        together(Claim(
            "Without the decay, walk loops hardly divide the network.",
            pairs, difference("task, walk loops", "task"), below(0.1), "+.3f",
        ), Claim(
            "Stronger, they begin to.",
            pairs, difference("task, stronger walk loops", "task"), above(0), "+.3f",
        ), Claim(
            "Even then they come less far than at the default strength with the decay.",
            pairs, difference(full, "task, stronger walk loops"), above(0), "+.3f",
        )),
    ]  # fmt: skip
