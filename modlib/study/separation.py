"""When networks separate what is separate: what the page may be run with, and what it claims."""

from typing import Annotated

import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from modlib.batch import pages, statistics
from modlib.batch.claims import Claim, Condition, Together, above, below, between, exact, together
from modlib.study import leaning
from modlib.study.mixing import GAUSSIAN

MULTIPLES = [0.5, 0.9, 1.1, 2.0]
"""Where differences begin, in thresholds."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    n_seeds: Annotated[int, Field(ge=3, le=20)]
    n_linear: Annotated[int, Field(ge=3, le=50)]
    modules: Annotated[int, Field(ge=2, le=8)]
    width: Annotated[int, Field(ge=8, le=64)]
    widths: Annotated[
        list[Annotated[int, Field(ge=8, le=64, multiple_of=2)]],
        Field(min_length=1),
        AfterValidator(pages.distinct),
    ]
    noise: Annotated[float, Field(ge=0, le=0.5)]
    lasting: Annotated[float | int, Field(gt=0, le=20)]
    rate: Annotated[float, Field(gt=0, le=0.02)]
    linear_steps: Annotated[int, Field(ge=10, le=10_000)]
    steps: Annotated[int, Field(ge=10, le=10_000)]

    @model_validator(mode="after")
    def _modules_divide(self) -> "Parameters":
        if self.width % self.modules or self.width < 2 * self.modules:
            raise ValueError(
                "width must be a multiple of modules, and at least twice as many, got"
                f" {self.width} and {self.modules}"
            )
        return self


def summary(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the means of networks, one row for each kind in their order."""
    return rows.drop(columns="seed").groupby(by, sort=False).mean()


def closed_form_error(modules: int, width: int) -> float:
    """Return the largest difference of ratios between the closed form and `relative_loops`."""
    errors = []
    for lean in (0.05, 0.2, 0.5, 0.9):
        W = leaning.block(lean, modules, width)
        found = leaning.relative_loops([W, W])[0]
        within, other = leaning.ratios(lean, modules, width)
        errors += [abs(found[0, 0].item() - within), abs(found[0, -1].item() - other)]
    return max(errors)


def of_loops(
    modules: int, width: int, seed: int, courses: pd.DataFrame, ascents: pd.DataFrame,
    noisy: pd.DataFrame,
) -> list[Claim | Together]:  # fmt: skip
    """Return what the page claims of walk loops alone."""
    spans = courses.groupby("multiple").lean.agg(["first", "last"])
    grown = spans["last"] - spans["first"]
    ascended = ascents.set_index("multiple").eval("end - start")
    errors = [closed_form_error(modules, width), leaning.leaning_error(width, seed)]
    low, high = (
        noisy[noisy.multiple == multiple].lean for multiple in noisy.multiple.agg([min, max])
    )
    return [
        Claim(
            "Connections close as many loops as the formulas say, of equal and of random leanings.",
            "largest difference in loops for weight", exact(max(errors)), below(1e-9), ".0e",
        ),
        together(
            Claim(
                "Below the threshold fading undoes a difference between modules.",
                "change of u", exact(grown[grown.index < 1].max()), below(0), "+.3f",
            ),
            Claim(
                "Above it the difference becomes complete.",
                "u at the end", exact(spans["last"][spans.index > 1].min()), above(0.95), ".3f",
            ),
        ),
        together(
            Claim(
                "The term of the loss undoes it below.",
                "change of u", exact(ascended[ascended.index < 1].max()), below(0), "+.3f",
            ),
            Claim(
                "And amplifies it above.",
                "change of u", exact(ascended[ascended.index > 1].min()), above(0.1), "+.3f",
            ),
        ),
        together(
            Claim(
                "With noise, half the threshold is too little at every width.",
                "largest u at the end", exact(low.max()), below(0.1), ".3f",
            ),
            Claim(
                "Twice the threshold suffices at every width.",
                "smallest u at the end", exact(high.min()), above(0.95), ".3f",
            ),
        ),
    ]  # fmt: skip


def _wide(rows: pd.DataFrame, by: str, measure: str) -> pd.DataFrame:
    return rows.pivot(index=by, columns="seed", values=measure)


def _difference(wide: pd.DataFrame, kind: object, other: object) -> pd.DataFrame:
    return statistics.intervals((wide.loc[kind] - wide.loc[other]).to_frame("").T)


def of_linear(rows: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of linear networks."""
    wide = _wide(rows, "kind", "separation")
    found = statistics.intervals(wide)
    evenly = between(round(GAUSSIAN - 0.06, 2), round(GAUSSIAN + 0.06, 2))

    def of(sentence: str, kinds: list[str], condition: Condition) -> Claim:
        return Claim(sentence, "separation", found.loc[kinds], condition, ".2f")

    fast = "SGD, five times the rate"
    return [
        together(
            of("Gradient descent mixes as evenly drawn directions do, at either rate.",
               ["SGD", fast], evenly),
            of("Neither L2 nor dropout changes that.", ["L2", "dropout"], evenly),
        ),
        Claim(
            "Adam mixes more.", "difference in separation to SGD, same initial weights",
            _difference(wide, "Adam", "SGD"), below(-0.05), "+.2f",
        ),
        together(
            of("Walk loops separate.", ["walk loops"], above(0.8)),
            of("So does L1.", ["L1"], above(0.8)),
        ),
        of("Without negative weights the task alone separates.",
           ["no negative weights"], above(0.9)),
    ]  # fmt: skip


def of_rectified(rows: pd.DataFrame) -> list[Claim | Together]:
    """Return what the page claims of rectified networks on two digits."""
    wide = _wide(rows, "training", "separation")
    means = summary(rows, "training")

    def more(sentence: str, kind: str, other: str) -> Claim:
        values = _difference(wide, kind, other)
        return Claim(sentence, "difference in separation", values, above(0), "+.3f")

    ranks = means[["separation", "firing"]].corr("spearman").iloc[0, 1]
    return [
        together(
            more("Large steps of gradient descent separate more than small ones.",
                 "SGD 0.2", "SGD 0.05"),
            more("So do large steps of Adam.", "Adam 0.05", "Adam 0.005"),
        ),
        more("At one rate, smaller batches separate more.", "SGD 0.05, batch 16", "SGD 0.05"),
        more("Dropout separates more than any of them.", "Adam 0.005, dropout", "SGD 0.2"),
        Claim(
            "With the usual steps of Adam a neuron fires at nearly all examples.",
            "share of examples", exact(means.firing["Adam 0.005"]), above(0.8), ".2f",
        ),
        Claim(
            "The more rarely neurons fire, the more a network separates.",
            "rank correlation over trainings", exact(ranks), below(-0.8), ".2f",
        ),
    ]  # fmt: skip


def of_flat(rows: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of flat minima, of a teacher whose inputs are white."""
    fast, slow = rows.rate.max(), rows.rate.min()
    flatter = _difference(_wide(rows, "rate", "sharpness"), fast, slow)
    separated = _difference(_wide(rows, "rate", "separation"), fast, slow)
    return [
        Claim("Large steps find flatter minima.", "difference in sharpness", flatter, below(0)),
        Claim(
            "These are no more separated: flatness alone does not explain it.",
            "difference in separation", separated, below(0.02), "+.3f",
        ),
    ]  # fmt: skip
