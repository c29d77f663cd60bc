"""Parts of the tables besides `networks.csv`: made again by their notebooks, and compared.

A part is what a notebook makes of one entry of each parameter in `ONE_OF`, with all else as in
the published run. Its stacks of networks are those of the whole table, so that its rows have
the same digits.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from modlib.batch import tables
from modlib.batch.checkout import NOTEBOOKS
from modlib.batch.publishing import publish

ONE_OF = {
    "circuits": ["strengths"],
    "curves": ["examples", "strengths"],
    "damage": ["strengths"],
    "damage_tuned": ["strengths"],
    "goals": ["strengths"],
    "recurrent": ["delays", "strengths"],
    "reservoirs": [
        *("between", "radii", "thresholds", "rewired", "temperatures", "ratios", "edge_radii")
    ],
    "retraining": ["strengths"],
    "reuse": ["strengths"],
}
"""The parameters of which each entry makes rows of its own. `settings` has none."""

REFERENCES = {"recurrent": "none"}
"""Penalties that are made with every other, strengths being chosen against them."""

DEAR = [{"four_digits"}, {"curves", "walk_loops"}]
"""Words of parts that take over a minute to make again, and are not drawn."""

SPREAD, SHARE = 0.5, 0.02
"""How far a measure's mean over a part may lie off on another machine: by this many standard
deviations of the part's rows and this share of the mean."""


class Part(NamedTuple):
    """A part of a table: the notebook's name, what is told of it, and all its parameters."""

    table: str
    told: str
    parameters: dict


def single(values: list | dict) -> Iterator[tuple[str, list | dict]]:
    """Yield each entry alone, under its name; those of dictionaries in dictionaries too."""
    for name in values:
        if isinstance(values, list):
            yield str(name), [name]
        elif isinstance(values[name], dict):
            for inner, entry in single(values[name]):
                yield f"{name} {inner}", {name: entry}
        else:
            yield name, {name: values[name]}


def narrowed(table: str, parameters: dict, chosen: Sequence[tuple[str, list | dict]]) -> Part:
    """Return the part of a table that one entry of each parameter in `ONE_OF` makes.

    `parameters` are those that all of the table was made with; `chosen` are as from `single`.
    """
    entries = dict(zip(ONE_OF[table], (entry for _, entry in chosen), strict=True))
    if table in REFERENCES:
        reference = REFERENCES[table]
        of_reference = {reference: parameters["strengths"][reference]}
        entries["strengths"] = entries["strengths"] | of_reference
    told = ", ".join(f"{name} {one}" for name, (one, _) in zip(entries, chosen, strict=True))
    return Part(table, told, parameters | entries)


def sample_parts(tables: dict[str, dict], count: int, seed: int) -> list[Part]:
    """Return a random part of each of `count` random tables, given their parameters.

    Raises:
        ValueError: if there are fewer tables that have parts.
    """
    rng = np.random.default_rng(seed)
    known = [name for name in tables if name in ONE_OF]
    if len(known) < count:
        raise ValueError(
            f"verifying needs {count} tables that have parts, got {len(known)}: {known}; ask for"
            " fewer"
        )
    drawn = []
    for n in rng.choice(len(known), count, replace=False):
        table, parameters = known[n], tables[known[n]]
        chosen = []
        for name in ONE_OF[table]:
            cheap = [one for one in single(parameters[name]) if not _dear(table, one[0])]
            chosen.append(cheap[rng.integers(len(cheap))])
        drawn.append(narrowed(table, parameters, chosen))
    return drawn


def _dear(table: str, told: str) -> bool:
    return any(words <= {table, *told.split()} for words in DEAR)


def made_again(part: Part, folder: Path = NOTEBOOKS) -> pd.DataFrame:
    """Return the part's rows, made by the notebook in `folder` and rounded as published ones.

    Raises:
        ValueError: if the notebook fails.
    """
    with TemporaryDirectory() as place:
        written = Path(place) / "part.csv"
        parameters = yaml.safe_dump(part.parameters | {"output": str(written)})
        notebook = str(folder / f"{part.table}.ipynb")
        command = [sys.executable, "-m", "papermill", notebook, "-"]
        command += ["--parameters_yaml", parameters, "--no-progress-bar"]
        ran = subprocess.run(command, capture_output=True)
        if ran.returncode:
            told = ran.stderr.decode(errors="replace").strip().splitlines()[-1]
            raise ValueError(f"{notebook} should run to its end, got {told}")
        publish({part.table: pd.read_csv(written)}, place)
        return tables.published_table(part.table, place)


def beside(published: pd.DataFrame, again: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the published rows of those made again, in their order, with the same columns.

    `keys` are the columns that say which row a row is. What is not published is empty.

    Raises:
        ValueError: if one is not there, or more than once.
    """
    numbers = dict.fromkeys(again[keys].select_dtypes("number"), float)
    rows, published = again[keys].astype(numbers), published.astype(numbers)
    found = rows.merge(published, "left", on=keys, indicator="found")
    missing = found[found.found == "left_only"]
    if len(missing) or len(found) > len(again):
        row = found[found.duplicated(keys) | (found.found == "left_only")][keys].iloc[0]
        raise ValueError(
            f"a row made again needs one in the published table, got {len(missing)} of"
            f" {len(again)} without, and {len(found)} in all; the first: {row.to_dict()}"
        )
    return found.reindex(columns=again.columns)


def tolerances(
    published: pd.DataFrame, again: pd.DataFrame, keys: Sequence[str]
) -> dict[str, float]:
    """Return how far the means of each measure may lie apart on another machine."""
    rows = published[[m for m in again.select_dtypes("number") if m not in keys]].astype(float)
    return (SPREAD * rows.std() + SHARE * rows.mean().abs()).to_dict()
