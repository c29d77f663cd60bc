"""What several tests of the batch make once: published networks and another table."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from modlib.batch import verification
from modlib.batch.parts import Part, reproduced
from modlib.batch.provenance import provenance
from modlib.training.fit import train

GOALS = {"strengths": {"none": 0.0, "l2": 0.003}, "seeds": [0, 1], "steps": 40, "epochs": [10]}
GOALS |= {"nulls": 2, "restarts": 1}


@pytest.fixture(scope="session")
def goals_parameters():
    return GOALS


@pytest.fixture(scope="session")
def goals():
    """Another table, made whole."""
    return reproduced(Part("goals", "whole", GOALS))


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
