"""Kinds of columns: what lies in a range, and what is no number."""

import math

import pytest
from rows import ROW, table

from modlib.batch import tables
from modlib.batch.checkout import ROOT
from modlib.batch.schemas import check


def test_a_number_may_lie_beyond_its_range_by_rounding():
    check("networks", table({}, {"q": 1 + 1e-12}))
    for value in (1 + 1e-6, -math.inf):
        with pytest.raises(ValueError, match=r"(?s)row 1, .*'q'.*in_range"):
            check("networks", table({}, {"q": value}))


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
