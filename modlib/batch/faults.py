"""What is wrong with a table, in words: the row, the column, what is needed and what is there."""

import pandas as pd
import pandera.pandas as pa

NAMES = {"column_in_schema": "unknown", "column_in_dataframe": "missing"}
"""Checks of names, and what a column is that fails them."""


def fault(wanted: pa.DataFrameSchema, table: pd.DataFrame) -> str | None:
    """Return what is wrong first, in words."""
    try:
        wanted.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        # the others may follow from names, and those of the whole table from a column's
        order = cases.schema_context.where(~cases.check.isin(NAMES), "")
        first = cases.loc[order.sort_values(kind="stable").index[0]]
        if first.check in NAMES:
            return f"column '{first.failure_case}' is {NAMES[first.check]}"
        if first.check == "multiple_fields_uniqueness":
            return f"row {first['index']} is there twice, with the same {', '.join(wanted.unique)}"
        row = "" if pd.isna(first["index"]) else f"row {first['index']}, "
        return f"{row}column '{first.column}': needs {first.check}, got {first.failure_case!r}"
    for name, column in wanted.columns.items():
        for role in (column.metadata or {}).get("needed", ()):
            rows = table.loc[(table.status == "ok") & (table.role == role), name]
            if rows.hasnans:
                return (
                    f"row {rows.isna().idxmax()}, column '{name}': a network with status 'ok' in"
                    f" {role} needs a value, got none"
                )
    return None
