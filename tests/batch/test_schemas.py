"""Schemas: every published table has one, and what it refuses is named by its row and column."""

import math

import pandas as pd
import pytest
from rows import table

from modlib.batch import schemas, tables
from modlib.batch.checkout import ROOT
from modlib.batch.schemas import check, keys


def test_the_same_network_under_another_strength_or_penalty_is_another():
    same = [{"seed": 0, "strength": 0.5}, {"seed": 0, "penalty": "l1"}, {"seed": 0, "task": "x"}]
    assert len(check("networks", table({}, *same))) == 4


def test_every_published_table_has_a_schema_and_keeps_to_it():
    names = sorted(path.stem for path in (ROOT / "results").glob("*.csv"))
    assert names == sorted(schemas.SCHEMAS)
    found = {name: tables.published_table(name, ROOT / "results") for name in names}
    for name, rows in found.items():
        assert not rows.duplicated(keys(name)).any()


@pytest.mark.slow
@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_every_table_refuses_what_no_such_table_holds(name):
    rows = tables.published_table(name, ROOT / "results")
    numbers, few = rows.select_dtypes("number").columns, rows.head(3)
    for column in rows:
        with pytest.raises(
            ValueError, match=f"{name}: column '(x{column}' is unknown|{column}' is missing)"
        ):
            check(name, few.rename(columns={column: f"x{column}"}))
        wrong = few.astype({column: object})
        wrong.loc[1, column] = "nan" if column in numbers else 7
        with pytest.raises(ValueError, match=f"{name}: (row 1, )?column '{column}': needs"):
            check(name, wrong)
    for column in numbers:
        for value in (math.inf, -math.inf):
            wrong = few.astype({column: float})
            wrong.loc[1, column] = value
            with pytest.raises(ValueError, match=f"{name}: (row 1, )?column '{column}': needs"):
                check(name, wrong)
    last = keys(name)[-1]
    with pytest.raises(ValueError, match=f"{name}: row 0 is there twice, with the same .*{last}"):
        check(name, pd.concat([rows.head(2), rows.head(1)], ignore_index=True))


NEVER_EMPTY = {
    "circuits": ["weights", "guess", "inside", "needed_whole", "lesion", "read_1_others"],
    "combinations": ["width", "chosen", "accuracy", "noise"],
    "curves": ["examples", "chosen", "accuracy", "excess"],
    "damage": ["area", "level_4", "accuracy_4"],
    "damage_tuned": ["area", "level_4", "accuracy_4"],
    "deep": ["depth", "start", "accuracy", "share", "assortativity", "through"],
    "goals": ["goal", "unseen", "excess", "size"],
    "hyperparameter_grid": ["activation", "batch", "accuracy", "share"],
    "models": ["architecture", "accuracy", "q", "share", "strengths_excess"],
    "pretrained": ["package", "q", "share"],
    "recurrent": ["accuracy", "q", "radius", "lyapunov", "branching_permuted"],
    "reservoirs": ["value", "between"],
    "retention": ["scale", "validation_accuracy", "accuracy", "kept", "changed"],
    "retraining": ["accuracy", "kept", "changed"],
    "reuse": ["examples", "area", "accuracy_0"],
    "rivals": ["decay", "chosen", "accuracy", "share"],
    "samples": ["digits", "examples", "accuracy", "share"],
    "settings": ["value", "strength"],
    "step_costs": ["widths", "batch", "machine", "seconds"],
    "whole_graph": ["q", "share", "newman_excess"],
}


@pytest.mark.parametrize("name", NEVER_EMPTY)
def test_what_is_never_empty_is_refused_where_it_is(name):
    rows = tables.published_table(name, ROOT / "results").head(3)
    for column in {*NEVER_EMPTY[name], "key", "seed", "round"} & {*rows}:
        wrong = rows.astype({column: object})
        wrong.loc[1, column] = None
        with pytest.raises(ValueError, match=f"{name}: (row 1, )?column '{column}'"):
            check(name, wrong)


def test_as_many_columns_of_a_pattern_as_a_table_was_made_with_are_allowed():
    rows = tables.published_table("damage", ROOT / "results").head(3)
    check("damage", rows.drop(columns=["level_4", "accuracy_4"]))
    check("damage", rows.assign(level_5=1.0, accuracy_5=0.1))
    with pytest.raises(ValueError, match="'accuracy_5_of_all' is unknown"):
        check("damage", rows.assign(accuracy_5_of_all=0.1))


def test_a_table_without_a_schema_is_refused_with_the_place_to_declare_it():
    with pytest.raises(ValueError, match=r"networks, .* got 'colours'; declare it in .*schemas.py"):
        check("colours", pd.DataFrame())
