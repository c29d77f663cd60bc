"""Kinds of columns: text, whole numbers, numbers in a range, measures, and values of measures."""

import sys
from collections.abc import Mapping, Sequence

import pandas as pd
import pandera.pandas as pa
from pandas.api.types import is_numeric_dtype

from modlib.training.measures import ALL

LARGEST, ROUNDING = sys.float_info.max, 1e-9
"""The largest number: what is above is infinite, and in no table. By how much a number may lie
beyond the ends of its range."""

TEXT = pa.Column(str)
"""A column of text that is nowhere empty."""


def whole(low: int = 0) -> pa.Column:
    """Return a column of whole numbers of at least `low`."""
    return pa.Column(int, pa.Check.ge(low))


def _numbers(values: pd.Series) -> pd.Series | bool:
    # text that numbers are mixed with makes the column text, 'nan' too
    return is_numeric_dtype(values) or pd.to_numeric(values, errors="coerce").notna()


def number(low: float | int = -LARGEST, high: float | int = LARGEST, **column: bool) -> pa.Column:
    """Return a column of numbers in a range; `column` says whether it may be empty or not there."""
    within = pa.Check.in_range(max(low, -LARGEST) - ROUNDING, min(high, LARGEST) + ROUNDING)
    return pa.Column(None, [pa.Check(_numbers, error="a number"), within], **column)


def measured(
    low: float | int = -LARGEST, high: float | int = LARGEST, needed: Sequence[str] = ALL
) -> pa.Column:
    """Return a column that may be empty but in networks of the roles `needed` that are sound."""
    column = number(low, high, nullable=True)
    column.metadata = {"needed": needed}
    return column


def values(
    ranges: Mapping[str, tuple[float | int, float | int]],
) -> tuple[dict[str, pa.Column], pa.Check]:
    """Return the columns of a table of one row per measure, and the check of its values."""
    low, high = ({name: ends[n] for name, ends in ranges.items()} for n in (0, 1))

    def within(table: pd.DataFrame) -> pd.Series:
        return table.value.between(table.measure.map(low), table.measure.map(high))

    columns = {"measure": pa.Column(str, pa.Check.isin(list(ranges))), "value": number()}
    return columns, pa.Check(within, error="a value in its measure's range")
