"""Modules of trained networks put into new ones, from the table `reuse`."""

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from modlib.batch import pages, statistics
from modlib.batch.claims import UNDECIDED, Claim, above, below, not_above

DONORS = ["none", "pruned", "l2", "soft_modularity", "hard_wired", "walk_loops"]
NEW = {"two_digits_exchanged": "one module", "two_digits_larger": "two modules"}
"""What is learned anew, by what it is learned with."""

WAYS = ["module, frozen", "module, free", "donor, frozen", "donor, free"]
MODULES = ["walk_loops", "l2", "hard_wired"]
"""The donors whose communities do alone what they did."""


class Parameters(pages.Parameters):
    """What the page may be run with."""

    drawn: Annotated[
        list[Literal[tuple(DONORS)]], Field(min_length=1), AfterValidator(pages.distinct)
    ]
    way: Literal[tuple(WAYS)]


def of_digits(reuse: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of donors trained on two digits, with what is `new` by its name in `NEW`."""
    rows = reuse[reuse.task == "two_digits"]
    return rows.assign(new=rows.new.map(NEW))


def courses(reuse: pd.DataFrame, way: str) -> dict[str, pd.DataFrame]:
    """Return the test accuracy, `value`, of new networks at each `step`, by what is new.

    Those that learn anew have the penalty 'anew'.
    """
    rows = of_digits(reuse)
    columns = ["new", "penalty", "way", "seed"]
    long = rows.melt(columns, list(rows.filter(regex=r"^accuracy_\d+$")), "step").dropna(
        subset="value"
    )
    long["step"] = long.step.str.removeprefix("accuracy_").astype(int)
    long = long[long.way.isin([way, "anew"])].fillna({"penalty": "anew"})
    return {name: long[long.new == name] for name in NEW.values()}


def on_anew(reuse: pd.DataFrame) -> pd.Series:
    """Return by how much each network's accuracy over the steps exceeds training anew, its `gain`.

    By what is new, way, donor and seed.
    """
    rows = of_digits(reuse)
    anew = rows[rows.way == "anew"].set_index(["new", "seed"]).area
    own = rows[rows.way != "anew"].set_index(["new", "way", "penalty", "seed"]).area
    return (own - anew.reindex(own.index.droplevel(["way", "penalty"])).to_numpy()).rename("gain")


def worth(reuse: pd.DataFrame, drawn: list[str]) -> pd.DataFrame:
    """Return the `gain` of modules and of whole donors, frozen, in points, one row per network."""
    ways = ["module, frozen", "donor, frozen"]
    rows = 100 * on_anew(reuse).loc[list(NEW.values()), ways, drawn]
    return rows.reset_index().assign(task="two_digits")


def gains(reuse: pd.DataFrame) -> pd.DataFrame:
    """Return by how many points each way gains on training anew, by what is new, way and donor.

    Paired differences of the accuracy averaged over the steps.
    """
    return statistics.in_points(statistics.paired(on_anew(reuse).unstack("seed")))


def alone(reuse: pd.DataFrame) -> pd.DataFrame:
    """Return what modules cut out can do before any training, by what is new and donor.

    The accuracy `alone` at the donors' own sub-tasks, with its interval, and the share of the
    hidden neurons that they take up, `size`.
    """
    rows = of_digits(reuse)
    rows = rows[rows.way == "module, frozen"]
    means = statistics.means(rows, ["new", "penalty"], "alone")
    return means.assign(size=rows.groupby(["new", "penalty"])["size"].mean())


def summary(reuse: pd.DataFrame) -> pd.DataFrame:
    """Return what modules are and what they are worth: one row per donor, with one module."""
    modules = alone(reuse).loc["one module"]
    text = gains(reuse).loc["one module"].apply(statistics.interval_text, axis=1, form="+.1f")
    table = pd.DataFrame({"neurons": modules["size"], "alone": modules["mean"]})
    for way in ("module, frozen", "donor, frozen", "donor, free"):
        table[way] = text[way]
    return table


def whole_less_module(rows: pd.DataFrame, new: str) -> pd.DataFrame:
    """Return by how many points a whole unpenalised donor exceeds the module of walk loops.

    Args:
        new: what is learned, one of the values of `NEW`.
    """
    of = rows[(rows.new == new) & (rows.way != "anew")]
    area = of.set_index(["penalty", "way", "seed"]).area.sort_index()
    difference = 100 * (area["none", "donor, frozen"] - area["walk_loops", "module, frozen"])
    return statistics.mean_interval(difference).to_frame().T


def claims(reuse: pd.DataFrame) -> list[Claim]:
    """Return what the page claims of the table."""
    gain, cut_out = gains(reuse), alone(reuse)
    one, two = NEW.values()
    rows = of_digits(reuse)

    def against(new: str, way: str, rival: str, own: str = "walk_loops") -> pd.DataFrame:
        chosen = rows[(rows.new == new) & (rows.way == way)]
        pairs = statistics.against(chosen, own, "area").loc[[rival]]
        return statistics.in_points(pairs)

    def both(way: str, rival: str, own: str = "walk_loops") -> pd.DataFrame:
        pairs = {new: against(new, way, rival, own) for new in (one, two)}
        return pd.concat(pairs)

    accuracy, points = "accuracy of what was cut out", "difference in accuracy over steps, points"
    frozen = "module, frozen"
    return [
        Claim(
            "Modules of donors with walk loops, L2 or hard wiring work alone.",
            accuracy, cut_out.loc[([one, two], MODULES), :], above(0.9), ".2f",
        ),
        Claim(
            "Communities of unpenalised donors work less well.",
            accuracy, cut_out.loc[([one, two], ["none"]), :], below(0.9), ".2f",
        ),
        Claim(
            "Those of soft modularity lose a third of the examples.",
            accuracy, cut_out.loc[([one, two], ["soft_modularity"]), :], below(0.65), ".2f",
        ),
        Claim(
            "Frozen modules of donors with walk loops, L2 or hard wiring gain on training anew.",
            points, gain.loc[([one, two], [frozen], MODULES), :], above(0),
        ),
        Claim(
            "Those of unpenalised donors gain less than those of walk loops.",
            points, both(frozen, "none"), above(0),
        ),
        Claim(
            "Those of soft modularity do not gain.",
            points, gain.loc[([one, two], [frozen], ["soft_modularity"]), :], not_above(0),
        ),
        Claim(
            "Where two modules are combined those of walk loops are worth more than L2's.",
            points, against(two, frozen, "l2"), above(0),
        ),
        Claim(
            "They are worth less than hard-wired ones.",
            points, against(two, frozen, "hard_wired"), below(0),
        ),
        Claim(
            "Where one module is reused, a whole frozen donor without a penalty is better than the"
            " module of walk loops.",
            points, whole_less_module(rows, one), above(0),
        ),
        Claim(
            "Where two are combined no difference to the module of walk loops can be told.",
            points, whole_less_module(rows, two), UNDECIDED,
        ),
        Claim(
            "A whole frozen donor without a penalty serves as well as one with walk loops.",
            points, both("donor, frozen", "none"), UNDECIDED,
        ),
        Claim(
            "Trained further, a whole donor with walk loops is worse than an unpenalised one.",
            points, both("donor, free", "none"), below(0),
        ),
        Claim(
            "A whole hard-wired donor, frozen, is better than an unpenalised one.",
            points, both("donor, frozen", "none", "hard_wired"), above(0),
        ),
    ]  # fmt: skip
