"""Parts of the tables besides `networks.csv`: made again by their notebooks, and compared.

A part is what a notebook makes of one entry of each parameter in `SPLIT_BY`, with all else as in
the published run. Its stacks of networks are those of the whole table, so that its rows have
the same digits.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from modlib.batch import tables
from modlib.batch.checkout import NOTEBOOKS

SPLIT_BY = {
    "circuits": ["strengths"],
    "combinations": ["widths", "strengths"],
    "curves": ["examples", "strengths"],
    "damage": ["strengths"],
    "damage_tuned": ["strengths"],
    "deep": ["strengths", "depths"],
    "goals": ["strengths"],
    "hyperparameter_grid": ["seeds", "tasks", "methods"],
    "models": ["strengths"],
    "pretrained": ["seeds"],
    "recurrent": ["delays", "strengths"],
    "reservoirs": [
        *("between", "radii", "thresholds", "rewired", "temperatures", "ratios", "edge_radii")
    ],
    "retention": ["scales", "strengths"],
    "retraining": ["strengths"],
    "reuse": ["strengths"],
    "rivals": ["strengths"],
    "samples": ["digits", "strengths"],
    "step_costs": ["sizes"],
    "whole_graph": ["strengths"],
}
"""The parameters of which each entry makes rows of its own. `settings` has none."""

FOLLOWING = {
    "combinations": "widths", "curves": "examples", "deep": "strengths", "retention": "scales",
    "samples": "digits",
}  # fmt: skip
"""The parameter whose entries' rows follow each other in the table: the batch makes each alone."""

REFERENCES = {"recurrent": ["none"]}
"""Penalties that are made with every other, strengths being chosen against them."""

SLOW = [
    {"four_digits"}, {"combinations", "tanh"}, {"curves", "walk_loops"}, {"deep", "walk_loops"},
    {"hyperparameter_grid", "two_digits"}, {"hyperparameter_grid", "penalty"},
    {"samples", "4"}, {"samples", "6"}, {"step_costs", "784-8192-8192-10"},
]  # fmt: skip
"""Words of parts that take over a minute to make again, and are not drawn."""


def following(table: str, parameters: dict) -> dict[str, dict]:
    """Return the parameters of runs whose rows, one after the other, are a table, by a label.

    A table without a parameter in `FOLLOWING` is made in one run, whose label is empty.
    """
    if table not in FOLLOWING:
        return {"": parameters}
    by = FOLLOWING[table]
    return {label: parameters | {by: entry} for label, entry in single(parameters[by])}


class Part(NamedTuple):
    """A part of a table: the notebook's name, a label, and all its parameters."""

    table: str
    label: str
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
    """Return the part of a table that one entry of each parameter in `SPLIT_BY` makes.

    `parameters` are those that all of the table was made with; `chosen` are as from `single`.
    """
    labels, entries = zip(*chosen, strict=True)
    label = ", ".join(f"{name} {of}" for name, of in zip(SPLIT_BY[table], labels, strict=True))
    part = parameters | dict(zip(SPLIT_BY[table], entries, strict=True))
    if table in REFERENCES:
        reference = {name: parameters["strengths"][name] for name in REFERENCES[table]}
        part["strengths"] = part["strengths"] | reference
    return Part(table, label, part)


def sample_parts(parameters: dict[str, dict], count: int, seed: int) -> list[Part]:
    """Return a random part of each of `count` random tables, given their parameters by name.

    Raises:
        ValueError: if there are fewer tables that have parts.
    """
    rng = np.random.default_rng(seed)
    names = [name for name in parameters if name in SPLIT_BY]
    if len(names) < count:
        raise ValueError(
            f"verifying needs {count} tables that have parts, got {len(names)}: {names}; ask for"
            " fewer"
        )
    drawn = []
    for table in rng.choice(names, count, replace=False).tolist():
        chosen = []
        for name in SPLIT_BY[table]:
            fast = [
                (label, entry)
                for label, entry in single(parameters[table][name])
                if not any(words <= {table, *label.split()} for words in SLOW)
            ]
            chosen.append(fast[rng.integers(len(fast))])
        drawn.append(narrowed(table, parameters[table], chosen))
    return drawn


def reproduced(part: Part, folder: Path = NOTEBOOKS) -> pd.DataFrame:
    """Return the part's rows, made by the notebook in `folder` and rounded as published ones.

    Raises:
        ValueError: if the notebook fails.
    """
    notebook = str(folder / f"{part.table}.ipynb")
    with TemporaryDirectory() as place:
        output = Path(place) / "part.csv"
        parameters = yaml.safe_dump(part.parameters | {"output": str(output)})
        command = [sys.executable, "-m", "papermill", notebook, "-"]
        command += ["--parameters_yaml", parameters, "--no-progress-bar"]
        ran = subprocess.run(command, capture_output=True)
        if ran.returncode:
            reason = ran.stderr.decode(errors="replace").strip().splitlines()[-1]
            raise ValueError(f"{notebook} should run to its end, got {reason}")
        exact = tables.read_table(part.table, output)
    return tables.read_table(part.table, StringIO(tables.text(part.table, exact)))


def matching(published: pd.DataFrame, rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the published rows of those made again, in their order, with the same columns.

    `keys` are the columns that say which row a row is. What is not published is empty.

    Raises:
        ValueError: if one is not there, or more than once.
    """
    numbers = dict.fromkeys(rows[keys].select_dtypes("number"), float)
    matches = (
        rows[keys].astype(numbers).merge(published.astype(numbers), "left", keys, indicator="in")
    )
    missing = matches["in"] == "left_only"
    if missing.any() or len(matches) > len(rows):
        first = matches.loc[missing | matches.duplicated(keys), keys].iloc[0]
        raise ValueError(
            f"a row made again needs one in the published table, got {missing.sum()} of"
            f" {len(rows)} without, and {len(matches)} in all; the first: {first.to_dict()}"
        )
    return matches.reindex(columns=rows.columns)
