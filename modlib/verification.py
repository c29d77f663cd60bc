"""Train a random sample of the published networks again, and compare them with their rows.

`make verify` runs this. On the machine and with the versions that a row was made with,
every measure has to come out with the same six digits; elsewhere, where rounding differs and
training amplifies it, means over the networks of a pair have to lie within `TOLERANCE`.
"""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from modlib import provenance, results
from modlib.training import train

CONFIG = Path(__file__).parents[1] / "workflow" / "paper.yaml"

TOLERANCE = {
    "accuracy": 0.03,
    "validation_accuracy": 0.03,
    "q": 0.08,
    "excess": 0.08,
    "balanced_excess": 0.08,
    "cut": 0.1,
    "ari": 0.35,
    "specialisation": 0.25,
    "pruned_excess": 0.12,
    "pruned_accuracy": 0.15,
}
"""How far means over the networks of a pair may lie apart on another machine."""

SIX_DIGITS = 2e-5
"""By how much numbers of six significant digits differ at most if they were equal."""

DEAR = 20.0
"""Seconds of training above which a pair is not drawn, so that verifying takes minutes."""


def sample(table: pd.DataFrame, pairs: int, networks: int, seed: int) -> list[pd.DataFrame]:
    """Return the rows of random evaluation networks, one table for each (task, penalty).

    Pairs whose networks took long to train are left out, and so are diverged networks.

    Raises:
        ValueError: if the table has fewer such pairs than asked for.
    """
    rng = np.random.default_rng(seed)
    judged = table[(table.role == "evaluation") & (table.status == "ok")]
    groups = [
        group
        for _, group in judged.groupby(["task", "penalty", "strength"])
        if len(group) >= networks and group.seconds.mean() * networks <= DEAR
    ]
    drawn: dict[tuple[str, str], pd.DataFrame] = {}
    for n in rng.permutation(len(groups)):
        pair = groups[n].task.iloc[0], groups[n].penalty.iloc[0]
        if pair not in drawn and len(drawn) < pairs:
            drawn[pair] = groups[n].sample(networks, random_state=rng).sort_values("seed")
    if len(drawn) < pairs:
        raise ValueError(
            f"verifying needs {pairs} pairs of task and penalty with {networks} networks each, got"
            f" {len(drawn)}; ask for fewer, or publish more"
        )
    return list(drawn.values())


def trained_again(rows: pd.DataFrame, nulls: int, restarts: int) -> pd.DataFrame:
    """Return the table of the same networks, trained as one stack."""
    first = rows.iloc[0]
    run = train(
        first.task,
        first.penalty,
        float(first.strength),
        rows.seed.tolist(),
        steps=int(first.steps),
        nulls=nulls,
        restarts=restarts,
    )
    return run.table


def differing(published: pd.DataFrame, again: pd.DataFrame, exact: bool) -> list[str]:
    """Return a line for each measure that differs by more than it may.

    `exact` asks for six digits in each network; otherwise means are compared.
    """
    lines = []
    for measure, tolerance in TOLERANCE.items():
        old, new = published[measure].to_numpy(float), again[measure].to_numpy(float)
        if exact:
            same = np.isclose(old, new, rtol=SIX_DIGITS, atol=1e-6, equal_nan=True).all()
        else:
            same = np.allclose(np.mean(old), np.mean(new), rtol=0, atol=tolerance, equal_nan=True)
        if not same:
            lines.append(f"    {measure}: published {old.tolist()}, now {new.round(6).tolist()}")
    return lines


def main() -> int:
    """Verify a sample, print what was compared and what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12, help="pairs of task and penalty")
    parser.add_argument("--networks", type=int, default=4, help="networks of each pair")
    parser.add_argument("--seed", type=int, help="of the sample; a new one if left out")
    options = parser.parse_args()
    seed = np.random.SeedSequence().entropy % 2**32 if options.seed is None else options.seed
    config = yaml.safe_load(CONFIG.read_text())
    here = provenance.provenance()["versions"]
    drawn = sample(results.published(), options.pairs, options.networks, seed)
    print(f"{len(drawn)} pairs of {options.networks} networks, sample --seed {seed}")
    # a fork would copy PyTorch's threads
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        settings = [config["nulls"]] * len(drawn), [config["restarts"]] * len(drawn)
        again = pool.map(trained_again, drawn, *settings)
        failed = 0
        for rows, new in zip(drawn, again, strict=True):
            exact = (rows.versions == here).all()
            lines = differing(rows, new, exact)
            failed += bool(lines)
            first = rows.iloc[0]
            print(
                f"{'DIFFERS' if lines else 'ok':8}{first.task} {first.penalty} {first.strength:g},"
                f" seeds {rows.seed.tolist()}, {'six digits' if exact else 'within tolerance'}"
            )
            print(*lines, sep="\n", end="\n" if lines else "", flush=True)
    print(f"{len(drawn) - failed} of {len(drawn)} pairs agree with the published table")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
