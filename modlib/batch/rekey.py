"""Give published tables the keys of the present code, if a sample made again has the same digits.

`make rekey` runs this after a change of code that changes no number. Of the stale parts of
`networks.csv` some pairs of task and penalty are trained again, and of each other stale table a
part is made again. Only if all of them have the six digits that are published, on the machine and
with the versions that they were published with, are the keys and the checksums written.
"""

import argparse
import sys

import pandas as pd

from modlib.batch import keys, tables, verification
from modlib.batch.parts import ONE_OF, Part, sample_parts
from modlib.batch.plan import all_parts, stale_tables
from modlib.batch.publishing import publish


def keys_now(config: dict) -> tuple[pd.Series, dict[str, str]]:
    """Return the keys that tables should have: by task and penalty, and of the others by name."""
    pairs = {
        (of["task"], of["penalty"]): name.rsplit("-", 1)[1]
        for name, of in all_parts(config).items()
    }
    others = {name: keys.table_key(name, **of) for name, of in config["tables"].items()}
    return pd.Series(pairs, name="now"), others


def stale(config: dict) -> tuple[pd.DataFrame, list[str]]:
    """Return the published rows of networks, and the other tables, whose keys are not the code's."""
    rows = tables.published().join(keys_now(config)[0], on=["task", "penalty"])
    others = stale_tables(config, tables.FOLDER).values()
    return rows[rows.key != rows.now].drop(columns="now"), list(others)


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
    told = {name: config["tables"][name] for name in others}
    with_parts = [name for name in others if name in ONE_OF]
    drawn = sample_parts(told, len(with_parts), options.seed)
    drawn += [Part(name, "whole", of) for name, of in told.items() if name not in ONE_OF]
    pairs = verification.sample(rows, min(options.pairs, n_pairs), options.seed)
    found = verification.verdicts(pairs, drawn, config)
    if any(verdict.lines or not verdict.exact for verdict in found):
        print("no key was written: what differs, or was made elsewhere, is for `make reproduce`")
        return 1
    now, of_others = keys_now(config)
    new = {name: tables.published_table(name).assign(key=of_others[name]) for name in others}
    if n_pairs:
        table = tables.published().join(now, on=["task", "penalty"])
        new["networks"] = table.assign(key=table.now.fillna(table.key)).drop(columns="now")
    publish(new, tables.FOLDER)
    print(f"{len(new)} tables have the keys of the present code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
