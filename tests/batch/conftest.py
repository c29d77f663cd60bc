"""What several tests of the batch make once: published networks and another table."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import notebooks
from modlib.batch import tables, verification
from modlib.batch.pages import own_parameters
from modlib.batch.provenance import provenance
from modlib.batch.publishing import publish
from modlib.training.fit import train

GOALS = {"strengths": {"none": 0.0, "l2": 0.003}, "seeds": [0, 1], "steps": 40, "epochs": [10]}
GOALS |= {"nulls": 2, "restarts": 1}


@pytest.fixture(scope="session")
def goals_parameters():
    return GOALS


@pytest.fixture(scope="session")
def execute():
    """Return a function that runs the code of a notebook here, and returns its names.

    It spares starting a kernel.
    """

    def run(notebook, parameters):
        # a mistaken name would pass: notebooks of the batch do not look at their parameters
        assert parameters.keys() <= own_parameters(notebook).keys()
        return notebooks.execute(notebook, parameters)

    return run


@pytest.fixture(scope="session")
def goals(execute, tmp_path_factory):
    """Another table, made whole."""
    folder = tmp_path_factory.mktemp("goals")
    made = execute("goals", GOALS | {"output": str(folder / "made.csv")})["table"]
    publish({"goals": made}, folder)
    return tables.published_table("goals", folder)


@pytest.fixture(scope="session")
def networks():
    """A table of evaluation networks, as published."""
    strengths = {"none": [0.0], "l1": [1e-3], "walk_loops": [0.1, 0.2]}
    made = [
        train("retina", penalty, strength, range(3), steps=30, nulls=2, restarts=1).table
        for penalty, of_penalty in strengths.items()
        for strength in of_penalty
    ]
    made = pd.concat(made, ignore_index=True)
    return made.assign(role="evaluation", key="0", **provenance())


@pytest.fixture
def _in_this_process(goals, monkeypatch):
    """Have samples made again here, and parts of `goals` taken from the table."""

    def taken(part, folder):
        return goals[goals.penalty.isin(list(part.parameters["strengths"]))]

    monkeypatch.setattr(verification, "reproduced", taken)
    monkeypatch.setattr(
        verification, "ProcessPoolExecutor", lambda mp_context: ThreadPoolExecutor(1)
    )
