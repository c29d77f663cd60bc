"""Make a random sample of the published numbers again, and compare.

`make verify` runs this: it trains networks of `networks.csv` and makes parts of other tables.
On the machine and with the versions that a row was made with, every measure has to come out with
the same six digits; elsewhere, where rounding differs and training amplifies it, means over the
networks of a pair have to lie within `TOLERANCE`, those over a part within `tolerances`.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from modlib.batch import provenance, schemas, tables
from modlib.batch.checkout import WORKFLOW, require
from modlib.batch.parts import NOTEBOOKS, Part, matching, reproduced, sample_parts, tolerances
from modlib.training.fit import train
from modlib.training.measures import MEASURES

CONFIG = WORKFLOW / "paper.yaml"

TOLERANCE = {measure.name: measure.tolerance for measure in MEASURES}
"""How far means over the networks of a pair may lie apart on another machine."""

SIX_DIGITS = 2e-5
"""By how much numbers of six significant digits differ at most if they were equal."""

SLOW = 40.0
"""Seconds of training above which a pair is not drawn, so that verifying takes minutes."""


def sample(table: pd.DataFrame, pairs: int, seed: int) -> list[pd.DataFrame]:
    """Return the evaluation networks of random (task, penalty) pairs, one table for each.

    Pairs that took long to train, or of which a network diverged, are left out.

    Raises:
        ValueError: if the table has fewer such pairs than asked for.
    """
    judged = table[table.role == "evaluation"].sort_values(["strength", "seed"])
    groups = [
        group
        for _, group in judged.groupby(["task", "penalty"])
        if (group.status == "ok").all() and group.seconds.sum() <= SLOW
    ]
    if len(groups) < pairs:
        raise ValueError(
            f"verifying needs {pairs} pairs of task and penalty that train in {SLOW:g} seconds,"
            f" got {len(groups)}; ask for fewer, or publish more"
        )
    drawn = np.random.default_rng(seed).choice(len(groups), pairs, replace=False)
    return [groups[n] for n in drawn]


def retrained(rows: pd.DataFrame, nulls: int, restarts: int) -> pd.DataFrame:
    """Return the table of the same networks, trained as the same stacks, one per strength.

    The stack has to be the same for the same digits: where one network's numbers end and the
    next one's begin decides how they are added up.
    """
    first = rows.iloc[0]
    settings = {"steps": int(first.steps), "nulls": nulls, "restarts": restarts}
    stacks = [
        train(first.task, first.penalty, strength, of_strength.seed.tolist(), **settings).table
        for strength, of_strength in rows.groupby("strength", sort=False)
    ]
    return pd.concat(stacks, ignore_index=True)


def differences(
    published: pd.DataFrame, rows: pd.DataFrame, tolerance: dict[str, float], exact: bool
) -> list[str]:
    """Return a line for each measure that differs by more than it may, row by row.

    `exact` asks for six digits in each row; otherwise means are compared, to the tolerance of
    each measure.
    """
    lines = []
    for measure, apart in tolerance.items():
        old, new = published[measure].to_numpy(float), rows[measure].to_numpy(float)
        if exact:
            same = np.isclose(old, new, rtol=SIX_DIGITS, atol=1e-6, equal_nan=True).all()
        else:
            means = published[measure].mean(), rows[measure].mean()
            same = np.allclose(*means, rtol=0, atol=apart, equal_nan=True)
        if not same:
            worst = np.nanargmax(np.abs(old - new)) if np.isfinite(old - new).any() else 0
            lines.append(
                f"    {measure}: means {np.mean(old):.6g} and {np.mean(new):.6g}, most apart"
                f" {old[worst]:.6g} and {new[worst]:.6g} (published, now)"
            )
    return lines


class Verdict(NamedTuple):
    """What was made again, to which accuracy it was compared, and the differences."""

    label: str
    accuracy: str
    differences: list[str]


def made_here(rows: pd.DataFrame) -> bool:
    """Return whether rows were made with the versions and on the kind of machine of now."""
    return bool((rows.versions == provenance.provenance()["versions"]).all())


def _accuracy(published: pd.DataFrame) -> str:
    if made_here(published):
        return f"six digits (against {published.commit.iloc[0]}, made here)"
    return "means within tolerance"


def verified_networks(rows: pd.DataFrame, nulls: int, restarts: int) -> Verdict:
    """Train the networks of a pair again and compare them with their rows."""
    lines = differences(rows, retrained(rows, nulls, restarts), TOLERANCE, made_here(rows))
    label = f"networks, {rows.task.iloc[0]} {rows.penalty.iloc[0]}: {len(rows)} rows"
    return Verdict(label, _accuracy(rows), lines)


def verified_part(part: Part, published: pd.DataFrame, folder: Path = NOTEBOOKS) -> Verdict:
    """Make a part of another table again and compare it with the published rows."""
    label, accuracy = f"{part.table}, {part.label}", _accuracy(published)
    keys = schemas.keys(part.table)
    try:
        rows = reproduced(part, folder)
        old = matching(published, rows, keys)
    except ValueError as error:
        return Verdict(label, accuracy, [f"    {error}"])
    lines = differences(old, rows, tolerances(old, rows, keys), made_here(published))
    return Verdict(f"{label}: {len(rows)} rows", accuracy, lines)


def profile() -> dict:
    """Return the parameters of the batch that the published tables were made with."""
    return yaml.safe_load(require(CONFIG).read_text("utf-8"))


def verdicts(
    pairs: Sequence[pd.DataFrame], parts: Sequence[tuple[Part, pd.DataFrame]], config: dict
) -> list[Verdict]:
    """Make networks of pairs of task and penalty, and parts of other tables, again.

    Print of each whether it differs from the rows given for it, and in what.
    """
    # a fork would copy PyTorch's threads
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        # parts take longest, and come first
        running = [pool.submit(verified_part, part, table) for part, table in parts]
        settings = config["nulls"], config["restarts"]
        running += [pool.submit(verified_networks, rows, *settings) for rows in pairs]
        for label, accuracy, lines in (future.result() for future in running):
            print(f"{'DIFFERS' if lines else 'ok':8}{label}, {accuracy}")
            print("".join(f"{line}\n" for line in lines), end="", flush=True)
        return [future.result() for future in running]


def main() -> int:
    """Verify a sample, print what was compared and what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12, help="pairs of task and penalty")
    parser.add_argument("--parts", type=int, default=3, help="parts of other tables")
    parser.add_argument("--seed", type=int, help="of the sample; a new one if left out")
    options = parser.parse_args()
    seed = np.random.SeedSequence().entropy % 2**32 if options.seed is None else options.seed
    config = profile()
    pairs = sample(tables.published(tables.FOLDER), options.pairs, seed)
    parts = sample_parts(config["tables"], options.parts, seed)
    print(
        f"{sum(map(len, pairs))} networks of {len(pairs)} pairs of task and penalty,"
        f" {len(parts)} parts of other tables, --seed {seed}"
    )
    published = [(part, tables.published_table(part.table, tables.FOLDER)) for part in parts]
    agree = [not verdict.differences for verdict in verdicts(pairs, published, config)]
    print(f"{sum(agree)} of {len(agree)} agree with the published tables")
    return int(not all(agree))


if __name__ == "__main__":
    sys.exit(main())
