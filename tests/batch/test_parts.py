"""Parts of tables: how parameters are narrowed, what is drawn, which rows are compared."""

from itertools import product

import pandas as pd
import pytest
import yaml

from modlib.batch.parts import (
    FOLLOWING,
    SPLIT_BY,
    Part,
    following,
    matching,
    narrowed,
    reproduced,
    sample_parts,
    single,
)
from modlib.batch.profiles import CONFIG
from modlib.batch.tables import published_table
from modlib.study.keeping import SCALES

TABLES = yaml.safe_load(CONFIG.read_text())["tables"]


def test_single_entries_keep_their_shape():
    assert list(single([1, 2])) == [("1", [1]), ("2", [2])]
    assert list(single({"a": {"b": 1.0, "c": 2.0}, "d": {"b": 3.0}})) == [
        ("a b", {"a": {"b": 1.0}}),
        ("a c", {"a": {"c": 2.0}}),
        ("d b", {"d": {"b": 3.0}}),
    ]
    # several strengths of one penalty are trained in one stack
    assert list(single({"l1": [0.1, 0.2]})) == [("l1", {"l1": [0.1, 0.2]})]


def test_parts_are_named_by_what_is_left_and_keep_all_else():
    parameters = {"examples": [50, 100], "strengths": {"none": [0.0], "l1": [0.1]}, "seeds": [0, 1]}
    entries = product(single(parameters["examples"]), single(parameters["strengths"]))
    found = [narrowed("curves", parameters, chosen) for chosen in entries]
    assert [part.label for part in found] == [
        "examples 50, strengths none",
        "examples 50, strengths l1",
        "examples 100, strengths none",
        "examples 100, strengths l1",
    ]
    assert found[1].parameters == {"examples": [50], "strengths": {"l1": [0.1]}, "seeds": [0, 1]}


def test_networks_that_strengths_are_chosen_against_are_in_each_part():
    parameters = {"delays": {"n-back": [1]}, "strengths": {"none": [0.0], "l1": [0.1, 0.2]}}
    for penalty, left in {"none": {"none": [0.0]}, "l1": parameters["strengths"]}.items():
        chosen = ("n-back", {"n-back": [1]}), (penalty, {penalty: parameters["strengths"][penalty]})
        part = narrowed("recurrent", parameters, chosen)
        assert part.parameters["strengths"] == left
        assert part.label == f"delays n-back, strengths {penalty}"


def test_each_published_table_has_parts_but_for_settings():
    assert set(TABLES) - set(SPLIT_BY) == {"settings"}
    for table, parameters in TABLES.items():
        if table in SPLIT_BY:
            assert any(len(list(single(parameters[name]))) > 1 for name in SPLIT_BY[table])


SAID_IN = {
    "combinations": ["task", "activation"],
    "curves": ["examples"],
    "deep": ["task", "penalty"],
    "retention": ["task", "scale"],
    "samples": ["digits"],
}
"""The columns that say of which entry in `FOLLOWING` a row is."""


@pytest.mark.parametrize("table", FOLLOWING)
def test_published_rows_of_entries_follow_each_other(table):
    rows = published_table(table).replace({"scale": SCALES})[SAID_IN[table]].astype(str)
    labels = rows.agg(" ".join, axis=1)
    entries = following(table, TABLES[table])
    assert labels[labels != labels.shift()].tolist() == list(entries)
    (by,) = {name for of in entries.values() for name in of if of[name] != TABLES[table][name]}
    assert by in SPLIT_BY[table]


def test_a_table_of_one_run_is_made_as_it_is():
    assert following("goals", {"seeds": [0, 1]}) == {"": {"seeds": [0, 1]}}


def test_a_sample_has_parts_of_different_tables_that_are_not_dear():
    for seed in range(100):
        drawn = sample_parts(TABLES, 4, seed)
        assert len({part.table for part in drawn}) == 4
        for part in drawn:
            assert "four_digits" not in part.label
            assert part.table != "curves" or "walk_loops" not in part.label
    assert sample_parts(TABLES, 4, 0) == sample_parts(TABLES, 4, 0)
    assert sample_parts(TABLES, 4, 0) != sample_parts(TABLES, 4, 1)


def test_a_sample_is_not_larger_than_what_there_is():
    with pytest.raises(ValueError, match=r"needs 2 tables that have parts, got 1"):
        sample_parts({"settings": {}, "goals": {"strengths": {"none": 0.0}}}, 2, 0)


def test_a_notebook_that_fails_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"goals.ipynb should run to its end, got .*No such file"):
        reproduced(Part("goals", "", {}), tmp_path)


KEYS = ["penalty", "seed", "level"]
PUBLISHED = pd.DataFrame(
    {
        "penalty": ["none", "none", "l1", None],
        "seed": [0, 1, 0, 0],
        "level": [0.5, 1.0, 1.0, 1.0],
        "kept": [0.1, 0.2, 0.3, 0.4],
    }
)


def test_rows_are_found_whatever_their_order_and_types():
    again = pd.DataFrame({"penalty": [None, "none"], "level": [1, 1], "seed": [0, 1], "kept": 0.0})
    assert matching(PUBLISHED, again, KEYS).kept.tolist() == [0.4, 0.2]
    assert matching(PUBLISHED, again.assign(steps=300), KEYS).steps.isna().all()


def test_a_row_has_to_be_there_once():
    again = PUBLISHED.assign(seed=[0, 1, 0, 7])
    with pytest.raises(ValueError, match=r"1 of 4 without.*'seed': 7"):
        matching(PUBLISHED, again, KEYS)
    twice = pd.concat([PUBLISHED, PUBLISHED[2:3]])
    with pytest.raises(ValueError, match=r"0 of 4 without, and 5 in all.*'l1'"):
        matching(twice, PUBLISHED, KEYS)
