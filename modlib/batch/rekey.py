"""Give published tables the keys of the present code, if a sample made again has the same digits.

`make rekey` runs this after a change of code that changes no number. Of the stale parts of
`networks.csv` some pairs of task and penalty are trained again, and of each other stale table a
part is made again. Only if all of them have the six digits that are published, on the machine and
with the versions that they were published with, are the keys and the checksums written.
"""

import argparse
import sys

import pandas as pd

from modlib.batch import tables, verification
from modlib.batch.parts import SPLIT_BY, Part, sample_parts
from modlib.batch.plan import all_parts, stale_tables
from modlib.batch.publishing import name_and_key, publish


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


def main() -> int:
    """Rekey what is stale; print what was compared, and return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12, help="pairs of task and penalty at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    options = parser.parse_args()
    config = verification.profile()
    rows, others = stale(config)
    n_pairs = len(rows[["task", "penalty"]].drop_duplicates())
    print(f"{n_pairs} parts of networks.csv and {len(others)} other tables are stale", flush=True)
    split = {name: config["tables"][name] for name in others if name in SPLIT_BY}
    whole = [Part(n, "whole", config["tables"][n]) for n in others if n not in SPLIT_BY]
    parts = sample_parts(split, len(split), options.seed) + whole
    pairs = verification.sample(rows, min(options.pairs, n_pairs), options.seed)
    verdicts = verification.verdicts(pairs, parts, config)
    if any(verdict.differences or not verdict.exact for verdict in verdicts):
        print("no key was written: what differs, or was made elsewhere, is for `make reproduce`")
        return 1
    new = {n: tables.published_table(n, tables.FOLDER).assign(key=k) for n, k in others.items()}
    if n_pairs:
        new["networks"] = tables.published(tables.FOLDER)
        new["networks"].loc[rows.index, "key"] = rows.now.fillna(rows.key)
    publish(new, tables.FOLDER)
    print(f"{len(new)} tables have the keys of the present code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
