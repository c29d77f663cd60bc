"""Give published tables the keys of the present code, if a sample made again has the same digits.

`make rekey` runs this after a change of code that changes no number. Of the stale parts of
`networks.csv` some pairs of task and penalty are trained again, and of each other stale table a
part is made again. Only if all of them come out with the same six digits are the keys and the
checksums written. On the kind of machine and with the versions that they were published with, the
published digits count. Elsewhere those of a base count, the commit whose code gives the published
keys: here it makes the same sample, in a temporary checkout.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from modlib.batch import commits, files, profiles, tables, verification
from modlib.batch.checkout import ROOT
from modlib.batch.parts import SPLIT_BY, Part, reproduced, sample_parts
from modlib.batch.plan import all_parts, stale_tables
from modlib.batch.provenance import provenance
from modlib.batch.publishing import name_and_key, publish
from modlib.batch.verification import retrained

CHECKSUMS = os.path.relpath(tables.FOLDER / files.CHECKSUMS, ROOT)
"""The file that every publication changes."""

Sample = tuple[list[pd.DataFrame], list[tuple[Part, pd.DataFrame]]]
"""Rows of some pairs of task and penalty; some parts of other tables, each with its table."""


def stale(config: dict) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return what has other keys than the code gives: rows of networks and other tables.

    The rows have the key of now in a column `now`, empty where no part asks for them; the other
    tables' keys are given by name.
    """
    parts = all_parts(config).items()
    keys = {(of["task"], of["penalty"]): name_and_key(part)[1] for part, of in parts}
    rows = tables.published(tables.FOLDER)
    rows = rows.join(pd.Series(keys, name="now"), on=["task", "penalty"])
    others = dict(name_and_key(table) for table in stale_tables(config, tables.FOLDER))
    return rows[rows.key != rows.now], others


def drawn(
    rows: pd.DataFrame, published: dict[str, pd.DataFrame], config: dict, pairs: int, seed: int
) -> Sample:
    """Return some pairs of stale rows, and a part of each other table that is given by name."""
    of = {name: config["tables"][name] for name in published}
    split = {name: parameters for name, parameters in of.items() if name in SPLIT_BY}
    parts = sample_parts(split, len(split), seed)
    parts += [Part(name, "whole", of[name]) for name in of if name not in split]
    n_pairs = len(rows[["task", "penalty"]].drop_duplicates())
    return (
        verification.sample(rows, min(pairs, n_pairs), seed),
        [(part, published[part.table]) for part in parts],
    )


def require_current(base: Path, rows: pd.DataFrame, others: Iterable[str], config: dict) -> None:
    """Refuse a base whose code gives these rows and other tables other keys than they have."""
    there = {name_and_key(part)[1] for part in commits.called(base, all_parts, config)}
    old = sorted({f"{row.task}-{row.penalty}" for row in rows[~rows.key.isin(there)].itertuples()})
    asked = config | {"tables": {name: config["tables"][name] for name in others}}
    old += commits.called(base, stale_tables, asked, tables.FOLDER.resolve()).values()
    if old:
        raise ValueError(
            f"a base needs the published keys of all that is stale; at {base.name}"
            f" {', '.join(old)} have others: name a commit with `make rekey BASE=commit`, or"
            " `make reproduce PROFILE=paper`"
        )


def made_here(sample: Sample, base: Path, config: dict) -> Sample:
    """Return a sample in which a base's code has made here what was made elsewhere."""
    origin = {"versions": provenance()["versions"], "commit": base.name}

    def here(published: pd.DataFrame, function: Callable, *arguments: object) -> pd.DataFrame:
        if verification.made_here(published):
            return published
        return commits.called(base, function, *arguments).assign(**origin)

    pairs, parts = sample
    settings = config["nulls"], config["restarts"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [(part, pool.submit(here, table, reproduced, part)) for part, table in parts]
        trained = [pool.submit(here, rows, retrained, rows, *settings) for rows in pairs]
        return [rows.result() for rows in trained], [(part, rows.result()) for part, rows in made]


def main() -> int:
    """Rekey what is stale; print what was compared, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12, help="pairs of task and penalty at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--base", help="commit of the published keys; the last one to publish any")
    options = parser.parse_args()
    config = profiles.profile()
    rows, others = stale(config)
    n_parts = len(rows[["task", "penalty"]].drop_duplicates())
    print(f"{n_parts} parts of networks.csv and {len(others)} other tables are stale", flush=True)
    published = {name: tables.published_table(name, tables.FOLDER) for name in others}
    sample = drawn(rows, published, config, options.pairs, options.seed)
    if not all(map(verification.made_here, [*sample[0], *published.values()])):
        with commits.checked_out(options.base or commits.last_to_change(CHECKSUMS)) as base:
            require_current(base, rows, others, config)
            sample = made_here(sample, base, config)
    verdicts = verification.verdicts(*sample, config)
    if any(verdict.differences for verdict in verdicts):
        print("no key was written: what differs is for `make reproduce`")
        return 1
    new = {name: published[name].assign(key=key) for name, key in others.items()}
    if len(rows):
        new["networks"] = tables.published(tables.FOLDER)
        new["networks"].loc[rows.index, "key"] = rows.now.fillna(rows.key)
    publish(new, tables.FOLDER)
    print(f"{len(new)} tables have the keys of the present code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
