"""Schemas: every published table has one, and what it refuses is named by its row and column."""

import math

import numpy as np
import pandas as pd
import pytest
from rows import ROW, table

from modlib.batch import schemas, tables
from modlib.batch.checkout import ROOT
from modlib.batch.schemas import check, keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy": 1.2}, "row 1, .*'accuracy'.*in_range"),
        ({"q": -0.6}, "row 1, .*'q'.*in_range"),
        ({"specialisation": 1.1}, "row 1, .*'specialisation'"),
        ({"strengths_excess": -1.1}, "row 1, .*'strengths_excess'.*in_range"),
        ({"conductance": 1.1}, "row 1, .*'conductance'.*in_range"),
        ({"pruned_excess": 1.1}, "row 1, .*'pruned_excess'.*in_range"),
        ({"pruned_accuracy": -0.1}, "row 1, .*'pruned_accuracy'.*in_range"),
        ({"q_null_std": -0.1}, "row 1, .*'q_null_std'"),
        ({"strength": -1e-3}, "row 1, .*'strength'.*in_range"),
        ({"strength": math.nan}, "row 1, .*'strength'.*null"),
        ({"seed": -1}, "row 1, .*'seed'"),
        ({"steps": 0}, "row 1, .*'steps'"),
        ({"seconds": -1.0}, "row 1, .*'seconds'"),
        ({"role": "training"}, "row 1, .*'role'.*selection"),
        ({"status": "fine"}, "row 1, .*'status'.*diverged"),
        ({"task": None}, "row 1, .*'task'.*null"),
        ({"accuracy": math.nan}, "row 1, column 'accuracy': .* needs a value, got none"),
        ({"communities": math.nan}, "row 1, column 'communities': .* needs a value, got none"),
        ({"excess": math.nan}, "row 1, column 'excess': .* needs a value, got none"),
        ({"conductance": math.nan}, "row 1, column 'conductance': .* needs a value, got none"),
        ({"pruned_accuracy": math.nan}, "row 1, column 'pruned_accuracy': .* needs a value"),
        ({"seed": 0}, "row 0 is there twice, with the same task, penalty, strength, seed"),
        ({"accuracy": "high"}, "'accuracy'.*high"),
    ],
)
def test_a_bad_row_is_refused_by_its_number_and_column(change, message):
    # over several lines, so that what is in between may hold breaks
    with pytest.raises(ValueError, match=f"(?s){message}"):
        check("networks", table({}, change, {}))


def test_a_number_may_lie_beyond_its_range_by_rounding():
    check("networks", table({}, {"q": 1 + 1e-12}))
    for value in (1 + 1e-6, -math.inf):
        with pytest.raises(ValueError, match=r"(?s)row 1, .*'q'.*in_range"):
            check("networks", table({}, {"q": value}))


@pytest.mark.parametrize("column", ROW)
def test_a_missing_column_is_refused_by_its_name(column):
    with pytest.raises(ValueError, match=f"column '{column}' is missing"):
        check("networks", table({}).drop(columns=column))


def test_an_unknown_column_is_refused_by_its_name():
    with pytest.raises(ValueError, match="'colour'"):
        check("networks", table({}).assign(colour="red"))


def test_the_same_network_under_another_strength_or_penalty_is_another():
    same = [{"seed": 0, "strength": 0.5}, {"seed": 0, "penalty": "l1"}, {"seed": 0, "task": "x"}]
    assert len(check("networks", table({}, *same))) == 4


def test_a_network_that_a_strength_is_chosen_on_needs_the_measures_that_it_is_chosen_by():
    few = dict.fromkeys(
        ["strengths_excess", "live_excess", "conductance", "pruned_excess"], math.nan
    )
    few |= {"role": "selection", "pruned_accuracy": math.nan}
    assert len(check("networks", table({}, few))) == 2
    with pytest.raises(ValueError, match=r"row 1, column 'excess': .* in selection needs a value"):
        check("networks", table({}, few | {"excess": math.nan}))


def test_a_diverged_network_needs_no_measures():
    empty = {name: math.nan for name, value in ROW.items() if isinstance(value, float)}
    empty |= {"strength": 0.1, "seconds": 1.5}
    assert len(check("networks", table({}, {"status": "diverged", **empty}))) == 2


def test_every_published_table_has_a_schema_and_keeps_to_it():
    names = sorted(path.stem for path in (ROOT / "results").glob("*.csv"))
    assert names == sorted(schemas.SCHEMAS)
    found = {name: tables.published_table(name, ROOT / "results") for name in names}
    for name, rows in found.items():
        assert not rows.duplicated(keys(name)).any()


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
    with pytest.raises(ValueError, match=f"{name}: row 0 is there twice, with the same .*seed"):
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
    "retention": ["scale", "accuracy", "kept", "changed"],
    "retraining": ["accuracy", "kept", "changed"],
    "reuse": ["examples", "area", "accuracy_0"],
    "rivals": ["decay", "chosen", "accuracy", "share"],
    "samples": ["digits", "examples", "accuracy", "share"],
    "settings": ["value", "strength"],
    "whole_graph": ["q", "share", "newman_excess"],
}


@pytest.mark.parametrize("name", NEVER_EMPTY)
def test_what_is_never_empty_is_refused_where_it_is(name):
    rows = tables.published_table(name, ROOT / "results").head(3)
    for column in [*NEVER_EMPTY[name], "key", "seed"]:
        wrong = rows.astype({column: object})
        wrong.loc[1, column] = None
        with pytest.raises(ValueError, match=f"{name}: (row 1, )?column '{column}'"):
            check(name, wrong)


def test_a_value_is_held_against_the_range_of_its_measure():
    rows = tables.published_table("settings", ROOT / "results")
    place = rows.index[rows.measure == "n-cut"][0]
    assert rows.value[place] > 1
    check("settings", rows)
    place = rows.index[rows.measure == "accuracy"][0]
    rows.loc[place, "value"] = 1.5
    with pytest.raises(ValueError, match=rf"row {place}, .*needs a value in its measure's range"):
        check("settings", rows)


@pytest.mark.parametrize("column", [m for m, value in ROW.items() if isinstance(value, float)])
def test_the_text_nan_is_no_number_in_a_file_either(column, tmp_path):
    rows = table({}, {}, {})
    (tmp_path / "networks.csv").write_text(tables.text("networks", rows))
    text = (tmp_path / "networks.csv").read_text().splitlines()
    cells = text[2].split(",")
    cells[text[0].split(",").index(column)] = "nan"
    text[2] = ",".join(cells)
    (tmp_path / "networks.csv").write_text("\n".join(text))
    with pytest.raises(ValueError, match=f"row 1, column '{column}': needs a number, got 'nan'"):
        tables.read(tmp_path / "networks.csv")


def test_as_many_columns_of_a_pattern_as_a_table_was_made_with_are_allowed():
    rows = tables.published_table("damage", ROOT / "results").head(3)
    check("damage", rows.drop(columns=["level_4", "accuracy_4"]))
    check("damage", rows.assign(level_5=1.0, accuracy_5=0.1))
    with pytest.raises(ValueError, match="'accuracy_5_of_all' is unknown"):
        check("damage", rows.assign(accuracy_5_of_all=0.1))


def test_a_diverged_network_of_another_table_needs_no_measures():
    rows = tables.published_table("recurrent", ROOT / "results").head(3)
    measures = ["accuracy", "validation_accuracy", "q", "excess", "radius", "lyapunov"]
    lost = rows.astype(dict.fromkeys(measures, float))
    lost.loc[1, measures] = np.nan
    with pytest.raises(ValueError, match=r"row 1, column '\w+': a network with status 'ok' in"):
        check("recurrent", lost)
    lost.loc[1, "status"] = "diverged"
    assert check("recurrent", lost) is lost


def test_a_table_without_a_schema_is_refused_with_the_place_to_declare_it():
    with pytest.raises(ValueError, match=r"networks, .* got 'colours'; declare it in .*schemas.py"):
        check("colours", pd.DataFrame())
