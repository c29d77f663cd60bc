"""What becomes of a batch that is harmed while it runs, as `make faults` wrote it down."""

import pandas as pd

from modlib.batch import sources
from modlib.batch.checkout import ROOT, require

FOLDER, FILE = ROOT / "benchmarks", "faults.csv"
PLAIN = "then the plain command"
"""What each round of faults ends with."""


def survived() -> pd.DataFrame:
    """Return, by fault, how often it was tried, the exit statuses, and how often all was whole.

    Whole is what has been published: all of it with its checksums, or nothing; after the plain
    command, what a batch publishes that nothing disturbed.
    """
    rows = pd.read_csv(require(FOLDER / FILE))
    sources.note_file(FOLDER, FILE, rows=len(rows))
    faults = rows.groupby("fault", sort=False)
    table = faults.agg(times=("exit", "size"), status=("exit", "unique"), whole=("whole", "sum"))
    table["status"] = [", ".join(map(str, sorted(codes))) for codes in table.status]
    # the plain command, which follows each round, comes last
    table = table.loc[sorted(table.index, key=lambda fault: fault == PLAIN)]
    return table.rename(columns={"status": "exit status", "whole": "times whole"})
