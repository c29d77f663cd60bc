"""Faults of tables: told by row and column."""

import math

import numpy as np
import pytest
from rows import ROW, table

from modlib.batch import tables
from modlib.batch.checkout import ROOT
from modlib.batch.schemas import check


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


@pytest.mark.parametrize("column", ROW)
def test_a_missing_column_is_refused_by_its_name(column):
    with pytest.raises(ValueError, match=f"column '{column}' is missing"):
        check("networks", table({}).drop(columns=column))


def test_an_unknown_column_is_refused_by_its_name():
    with pytest.raises(ValueError, match="'colour'"):
        check("networks", table({}).assign(colour="red"))


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


def test_a_diverged_network_of_another_table_needs_no_measures():
    rows = tables.published_table("recurrent", ROOT / "results").head(3)
    measures = ["accuracy", "validation_accuracy", "q", "excess", "radius", "lyapunov"]
    lost = rows.astype(dict.fromkeys(measures, float))
    lost.loc[1, measures] = np.nan
    with pytest.raises(ValueError, match=r"row 1, column '\w+': a network with status 'ok' in"):
        check("recurrent", lost)
    lost.loc[1, "status"] = "diverged"
    assert check("recurrent", lost) is lost
