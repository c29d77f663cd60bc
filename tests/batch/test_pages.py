"""Pages: which parameters they take, and when they are as published."""

import json
from typing import Literal

import pytest
from pydantic import Field

from modlib.batch import pages, tables

PARAMETERS = 'task = "retina"  # or planted\nstrengths = [0.1, 0.2]\nsteps = None\nn = 3'


class Parameters(pages.Parameters):
    task: Literal["retina", "planted"]
    strengths: list[float]
    steps: int | None
    n: int = Field(ge=2)


@pytest.fixture(autouse=True)
def notebook(tmp_path, monkeypatch):
    cell = {"cell_type": "code", "source": PARAMETERS, "execution_count": None, "outputs": []}
    cell["metadata"] = {"tags": ["parameters"]}
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": ""}}
    text = json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 4})
    (tmp_path / "test_pages.ipynb").write_text(text)
    monkeypatch.setattr(pages, "NOTEBOOKS", tmp_path)


OWN = {"task": "retina", "strengths": [0.1, 0.2], "steps": None, "n": 3}
# what a notebook has besides: none of it is a parameter
BESIDE = {
    "In": ["x"],
    "Out": {},
    "_i": "x",
    "pages": pages,
    "Literal": Literal,
    "open": open,
    "TASKS": ["a"],
}


def test_a_page_is_its_own_with_its_own_parameters_and_the_published_tables(monkeypatch, tmp_path):
    assert pages.opened(Parameters, OWN | BESIDE) == pages.Page("test_pages", True)
    for changed in ({"task": "planted"}, {"strengths": [0.1]}, {"steps": 5}, {"n": 2}):
        assert not pages.opened(Parameters, OWN | BESIDE | changed).own
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    assert not pages.opened(Parameters, OWN).own


def test_a_page_notes_the_parameters_that_it_runs_with(monkeypatch):
    noted = []
    monkeypatch.setattr(pages.sources, "note", lambda name, **told: noted.append((name, told)))
    pages.opened(Parameters, OWN | BESIDE | {"n": 7})
    assert noted == [("run", OWN | {"n": 7})]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "retna"}, "task = 'retna': Input should be 'retina' or 'planted'"),
        ({"strengths": "[0.1]"}, r"strengths = '\[0.1\]': Input should be a valid list"),
        ({"strengths": ["0.1"]}, r"strengths.0 = '0.1': Input should be a valid number"),
        ({"steps": 20.0}, "steps = 20.0: Input should be a valid integer"),
        ({"n": 1}, "n = 1: Input should be greater than or equal to 2"),
        ({"n": True}, "n = True: Input should be a valid integer"),
        ({"stepps": 3}, "stepps = 3: Extra inputs are not permitted"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name_and_value(changed, message):
    with pytest.raises(ValueError, match=rf"takes task, strengths, steps, n; got {message}"):
        pages.opened(Parameters, OWN | BESIDE | changed)


def test_values_that_are_there_twice_are_refused():
    assert pages.distinct([1, 2]) == [1, 2]
    with pytest.raises(ValueError, match="none may be there twice"):
        pages.distinct([1, 2, 1])
