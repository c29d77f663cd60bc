"""Make a random sample of the published numbers again, and compare.

`make verify` runs this: it trains networks of `networks.csv`, makes parts of other tables, and
looks whether strengths were chosen by the selection seeds. On the kind of machine and with the
versions that a row was made with, every measure has to come out with the same six digits;
elsewhere, where rounding differs and training amplifies it, `comparison` says what agrees.
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

from modlib.batch import comparison, profiles, provenance, schemas, tables
from modlib.batch.parts import NOTEBOOKS, Part, matching, reproduced, sample_parts
from modlib.batch.selection import PAIR, chosen_strengths
from modlib.training.fit import train

PAIRS, PARTS = 12, 3
"""Pairs of task and penalty, and parts of other tables, in a sample."""

SLOW = 40.0
"""Seconds of training above which a pair is not drawn, so that verifying takes minutes."""


def drawable(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the evaluation networks of each (task, penalty) pair that may be drawn.

    Pairs that took long to train, or of which a network diverged, are left out.
    """
    judged = table[table.role == "evaluation"].sort_values(["strength", "seed"])
    return [
        group
        for _, group in judged.groupby(PAIR)
        if (group.status == "ok").all() and group.seconds.sum() <= SLOW
    ]


def sample(table: pd.DataFrame, pairs: int, seed: int) -> list[pd.DataFrame]:
    """Return the evaluation networks of random pairs of those `drawable`, one table for each.

    Raises:
        ValueError: if the table has fewer such pairs than asked for.
    """
    groups = drawable(table)
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


class Verdict(NamedTuple):
    """What was made again, to which accuracy it was compared, and the differences."""

    label: str
    accuracy: str
    differences: list[str]


def made_here(rows: pd.DataFrame) -> bool:
    """Return whether rows were made with the versions and on the kind of machine of now."""
    return bool((rows.versions == provenance.provenance()["versions"]).all())


def compared(
    label: str, published: pd.DataFrame, again: pd.DataFrame, keys: list[str], level: float
) -> Verdict:
    """Return what differs in rows that follow each other in the same order.

    `level` is the chance of a false alarm in any of them, where they were made elsewhere.
    """
    columns = comparison.measures(again, keys)
    if made_here(published):
        accuracy = f"six digits (against {published.commit.iloc[0]}, made here)"
        return Verdict(label, accuracy, comparison.inexact(published, again, columns))
    found = comparison.quantities(published, again, keys, columns)
    accuracy = f"paired differences of {len(found)} quantities"
    return Verdict(label, accuracy, comparison.unlikely(found, level))


def verified_networks(
    rows: pd.DataFrame, nulls: int, restarts: int, level: float = comparison.FALSE_ALARMS
) -> Verdict:
    """Train the networks of a pair again and compare them with their rows."""
    label = f"networks, {rows.task.iloc[0]} {rows.penalty.iloc[0]}: {len(rows)} rows"
    rows = rows.reset_index(drop=True)
    return compared(label, rows, retrained(rows, nulls, restarts), schemas.keys("networks"), level)


def verified_part(
    part: Part,
    published: pd.DataFrame,
    level: float = comparison.FALSE_ALARMS,
    folder: Path = NOTEBOOKS,
) -> Verdict:
    """Make a part of another table again and compare it with the published rows."""
    label, keys = f"{part.table}, {part.label}", schemas.keys(part.table)
    try:
        rows = reproduced(part, folder)
        old = matching(published, rows, keys)
    except ValueError as error:
        return Verdict(label, "rows", [f"    {error}"])
    return compared(f"{label}: {len(rows)} rows", old, rows, keys, level)


def verified_choices(table: pd.DataFrame) -> Verdict:
    """Compare the strengths that are judged with those that the selection seeds choose.

    What is judged has to be there at the strength chosen, on seeds that chose none.
    """
    chosen, by_pair = chosen_strengths(table), table.groupby([*PAIR, "role"])
    strengths, seeds = by_pair.strength.agg(set), by_pair.seed.agg(set)
    lines = []
    for task, penalty, strength in chosen.reset_index().itertuples(index=False):
        judged = (task, penalty, "evaluation")
        if strength not in strengths.get(judged, {strength}):
            lines.append(
                f"    {task} {penalty}: judged at {sorted(strengths[judged])}, and its selection"
                f" seeds choose {strength:g}"
            )
        both = seeds[task, penalty, "selection"] & seeds.get(judged, set())
        if both:
            lines.append(
                f"    {task} {penalty}: judged on {sorted(both)}, which chose its strength"
            )
    label = f"networks, strengths of {len(chosen)} pairs of task and penalty"
    return Verdict(label, "as chosen by the selection seeds", lines)


def verdicts(
    pairs: Sequence[pd.DataFrame], parts: Sequence[tuple[Part, pd.DataFrame]], config: dict
) -> list[Verdict]:
    """Make networks of pairs of task and penalty, and parts of other tables, again.

    Print of each whether it differs from the rows given for it, and in what.
    """
    level = comparison.FALSE_ALARMS / max(len(pairs) + len(parts), 1)
    # a fork would copy PyTorch's threads
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        # parts take longest, and come first
        running = [pool.submit(verified_part, part, table, level) for part, table in parts]
        settings = config["nulls"], config["restarts"]
        running += [pool.submit(verified_networks, rows, *settings, level) for rows in pairs]
        return [told(future.result()) for future in running]


def told(verdict: Verdict) -> Verdict:
    """Print a verdict, and return it."""
    label, accuracy, lines = verdict
    print(f"{'DIFFERS' if lines else 'ok':8}{label}, {accuracy}")
    print("".join(f"{line}\n" for line in lines), end="", flush=True)
    return verdict


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command is called with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of task and penalty")
    parser.add_argument("--parts", type=int, default=PARTS, help="parts of other tables")
    parser.add_argument("--seed", type=int, help="of the sample; a new one if left out")
    return parser.parse_args(arguments)


def main() -> int:
    """Verify a sample, print what was compared and what differs; return 1 if anything does."""
    asked = options(sys.argv[1:])
    seed = np.random.SeedSequence().entropy % 2**32 if asked.seed is None else asked.seed
    config = profiles.profile()
    networks = tables.published(tables.FOLDER)
    pairs = sample(networks, asked.pairs, seed)
    parts = sample_parts(config["tables"], asked.parts, seed)
    print(
        f"{sum(map(len, pairs))} networks of {len(pairs)} pairs of task and penalty,"
        f" {len(parts)} parts of other tables, --seed {seed}"
    )
    published = [(part, tables.published_table(part.table, tables.FOLDER)) for part in parts]
    found = [told(verified_choices(networks)), *verdicts(pairs, published, config)]
    agree = [not verdict.differences for verdict in found]
    print(f"{sum(agree)} of {len(agree)} agree with the published tables")
    return int(not all(agree))


if __name__ == "__main__":
    sys.exit(main())
