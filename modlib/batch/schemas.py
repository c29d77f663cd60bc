r"""What each published table holds: columns, types and ranges, and which columns tell rows apart.

A name as `^accuracy_\d+$` is a pattern: the table has one such column per depth, delay, level or
step, as many as it was made with.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy

import pandas as pd
import pandera.pandas as pa
from pandas.api.types import is_numeric_dtype

from modlib.training.measures import ALL, MEASURES

LARGEST, ROUNDING = sys.float_info.max, 1e-9
"""The largest number: what is above is infinite, and in no table. By how much a number may lie
beyond the ends of its range."""

TEXT = pa.Column(str)


def _whole(low: int = 0) -> pa.Column:
    return pa.Column(int, pa.Check.ge(low))


def _numbers(values: pd.Series) -> pd.Series | bool:
    # text that numbers are mixed with makes the column text, 'nan' too
    return is_numeric_dtype(values) or pd.to_numeric(values, errors="coerce").notna()


def _number(low: float | int = -LARGEST, high: float | int = LARGEST, **column: bool) -> pa.Column:
    within = pa.Check.in_range(max(low, -LARGEST) - ROUNDING, min(high, LARGEST) + ROUNDING)
    return pa.Column(None, [pa.Check(_numbers, error="a number"), within], **column)


def _measured(
    low: float | int = -LARGEST, high: float | int = LARGEST, needed: Sequence[str] = ALL
) -> pa.Column:
    """Return a column that may be empty but in networks of the roles `needed` that are sound."""
    column = _number(low, high, nullable=True)
    column.metadata = {"needed": needed}
    return column


def _schema(
    columns: Mapping[str, pa.Column], keys: Collection[str], *checks: pa.Check
) -> pa.DataFrameSchema:
    """Return the schema of a table whose rows `keys` tell apart."""
    columns = deepcopy(columns | ORIGIN)
    for name, column in columns.items():
        column.regex = name.startswith("^")
    return pa.DataFrameSchema(columns, list(checks), strict=True, unique=list(keys))


def _values(
    ranges: Mapping[str, tuple[float | int, float | int]],
) -> tuple[dict[str, pa.Column], pa.Check]:
    """Return the columns of a table of one row per measure, and the check of its values."""
    low, high = ({name: ends[n] for name, ends in ranges.items()} for n in (0, 1))

    def within(table: pd.DataFrame) -> pd.Series:
        return table.value.between(table.measure.map(low), table.measure.map(high))

    columns = {"measure": pa.Column(str, pa.Check.isin(list(ranges))), "value": _number()}
    return columns, pa.Check(within, error="a value in its measure's range")


ORIGIN = {"versions": TEXT, "commit": TEXT, "key": TEXT}
NETWORK = {"task": TEXT, "penalty": TEXT, "strength": _number(0), "seed": _whole()}
CHOICES = {"role": ALL, "status": ("ok", "diverged")}
STATUS = {name: pa.Column(str, pa.Check.isin(of)) for name, of in CHOICES.items()}
SHARE, EMPTY_SHARE = _number(0, 1), _number(0, 1, nullable=True)
MEASURED = {m.name: _measured(m.low, m.high, m.needed) for m in MEASURES}
DAMAGE = NETWORK | {
    "damage": TEXT, "area": SHARE, r"^level_\d+$": SHARE, r"^accuracy_\d+$": SHARE,
}  # fmt: skip
SETTING = ("task", "activation", "optimiser", "steps", "batch", "width", "layers", "scale")
OF_TRACED = ("q", "q_null_mean", "excess", "share", "strengths_excess", "communities", "ari")
TRACED = {"seed": _whole()} | {
    m.name: _number(m.low, m.high, nullable=not m.needed) for m in MEASURES if m.name in OF_TRACED
}
SWITCHED = {"required": False, "nullable": True}
RESERVOIR_VALUES, WITHIN_RESERVOIRS = _values(
    {
        **dict.fromkeys(("capacity", "information", "branching", "narma"), (0, LARGEST)),
        **dict.fromkeys(("activity", "avalanches_share", "avalanches_p"), (0, 1)),
        **{"lyapunov": (-LARGEST, LARGEST), "held": (-1, 1), "avalanches_smallest": (1, LARGEST)},
        **dict.fromkeys(("avalanches_exponent", "avalanches_ratio"), (-LARGEST, LARGEST)),
    }
)
SETTING_VALUES, WITHIN_SETTINGS = _values(
    {"accuracy": (0, 1)}
    | dict.fromkeys(("training error", "test error", "n-cut", "n-cut of live pixels"), (0, LARGEST))
)


def _of(*names: str) -> dict[str, pa.Column]:
    return {name: MEASURED[name] for name in names}


SCHEMAS = {
    "networks": _schema(
        NETWORK | STATUS | MEASURED | {"steps": _whole(1), "seconds": _number(0)}, NETWORK
    ),
    "circuits": _schema(
        NETWORK
        | {"sub_task": _whole(), "weights": _whole(), "guess": SHARE, "accuracy": SHARE}
        | {"inside": SHARE, "^needed_(whole|outputs|community)$": SHARE}
        | {r"^(lesion|(read|dealt)_\d+)_(off_diagonal|named)$": EMPTY_SHARE}
        | {r"^(lesion|(read|dealt)_\d+)(_others)?$": _number(-1, 1)},
        [*NETWORK, "sub_task"],
    ),
    "combinations": _schema(
        NETWORK
        | STATUS
        | {"activation": TEXT, "width": _whole(1), "chosen": pa.Column(bool), "steps": _whole(1)}
        | _of("accuracy", "validation_accuracy", "share", "ari")
        | {"unseen": EMPTY_SHARE}
        | dict.fromkeys(("noise", "inverted", "enlarged"), _measured(0, 1)),
        [*NETWORK, "role", "activation", "width"],
    ),
    "curves": _schema(
        NETWORK
        | STATUS
        | {"examples": _whole(1), "chosen": pa.Column(bool), "steps": _whole(1)}
        | _of("accuracy", "validation_accuracy", "excess", "share", "ari")
        | _of("specialisation", "pruned_accuracy"),
        [*NETWORK, "role", "examples"],
    ),
    "damage": _schema(DAMAGE, [*NETWORK, "damage"]),
    "damage_tuned": _schema(DAMAGE, [*NETWORK, "damage"]),
    "deep": _schema(
        NETWORK
        | STATUS
        | {"depth": _whole(1), "start": TEXT}
        | _of("ari", *(m.name for m in MEASURES if m.needed == ALL))
        | dict.fromkeys(("assortativity", "newman_excess"), _measured(-1, 1))
        | {"through": _measured(0, 1), "newman_ari": _measured(-1, 1, ())},
        [*NETWORK, "depth", "start"],
    ),
    "goals": _schema(
        {name: NETWORK[name] for name in ("penalty", "strength", "seed")}
        | {"schedule": TEXT, "epoch": _whole(), "goal": TEXT, "unseen": SHARE, "seen": SHARE}
        | {"excess": _number(-1, 1), "share": _number(-1, 1)}
        | {"ari": _number(-1, 1), "size": _number(0)}
        | {"cost": _number(0, **SWITCHED), r"^seen_\d+$": _number(0, 1, **SWITCHED)}
        | {"back": pa.Column(None, pa.Check.isin([True, False]), **SWITCHED)},
        ["penalty", "strength", "seed", "schedule", "epoch"],
    ),
    "hyperparameter_grid": _schema(
        STATUS
        | dict.fromkeys(("task", "activation", "optimiser", "method"), TEXT)
        | dict.fromkeys(("batch", "width", "layers", "n_steps"), _whole(1))
        | {"steps": _number(0), "scale": _number(0), "seed": _whole(), "seconds": _number(0)}
        | _of("ari", *(m.name for m in MEASURES if m.needed == ALL))
        | {"connected_ari": _measured(-1, 1, ())},
        [*SETTING, "method", "seed", "role"],
    ),
    "models": _schema(
        {"architecture": TEXT, "accuracy": SHARE} | NETWORK | TRACED, ["architecture", *NETWORK]
    ),
    "pretrained": _schema({"package": TEXT, "version": TEXT} | TRACED, ["package", "seed"]),
    "recurrent": _schema(
        NETWORK
        | STATUS
        | _of("accuracy", "validation_accuracy", "q", "excess", "share", "ari", "specialisation")
        | dict.fromkeys(("radius", "capacity", "information"), _measured(0))
        | dict.fromkeys(("branching", "branching_permuted"), _measured(0))
        | {"lyapunov": _measured(), "exponent": _measured(needed=())}
        | {r"^accuracy_\d+$": EMPTY_SHARE},
        [*NETWORK, "role"],
    ),
    "reservoirs": _schema(
        {"seed": _whole(), "model": TEXT, "level": _number(), "into": TEXT, "between": SHARE}
        | RESERVOIR_VALUES,
        ["seed", "model", "level", "into", "between", "measure"],
        WITHIN_RESERVOIRS,
    ),
    "retention": _schema(
        NETWORK
        | {"role": STATUS["role"], "scale": _number(0), "optimiser": TEXT}
        | dict.fromkeys(("accuracy", "validation_accuracy", "kept", "changed"), SHARE)
        | {"relearned": _number(0, nullable=True), "steps": _whole(1)},
        [*NETWORK, "role", "scale", "optimiser"],
    ),
    "retraining": _schema(
        NETWORK
        | {"optimiser": TEXT, "way": TEXT, "accuracy": SHARE, "kept": SHARE, "changed": SHARE}
        | {"relearned": _number(0, nullable=True), "steps": _whole(1)},
        [*NETWORK, "optimiser", "way"],
    ),
    "reuse": _schema(
        NETWORK
        | {"penalty": pa.Column(str, nullable=True), "strength": _number(0, nullable=True)}
        | {"new": TEXT, "way": TEXT, "examples": _whole(1), "accuracy": SHARE, "area": SHARE}
        | {r"^accuracy_\d+$": SHARE, "alone": EMPTY_SHARE, "size": EMPTY_SHARE},
        [*NETWORK, "examples", "new", "way"],
    ),
    "rivals": _schema(
        NETWORK
        | STATUS
        | {"decay": _number(0), "chosen": pa.Column(bool), "steps": _whole(1)}
        | _of("accuracy", "validation_accuracy", "excess", "share", "ari")
        | _of("connected", "connected_ari", "specialisation"),
        [*NETWORK, "role", "decay"],
    ),
    "samples": _schema(
        {name: NETWORK[name] for name in ("penalty", "strength", "seed")}
        | STATUS
        | {"digits": _whole(1), "examples": _whole(1), "chosen": pa.Column(bool)}
        | {"steps": _whole(1)}
        | _of("accuracy", "validation_accuracy", "share", "ari"),
        ["penalty", "strength", "seed", "role", "digits", "examples"],
    ),
    "settings": _schema(
        {"seed": _whole(), "case": TEXT, "strength": _number(0)} | SETTING_VALUES,
        ["seed", "case", "strength", "measure"],
        WITHIN_SETTINGS,
    ),
    "whole_graph": _schema(
        NETWORK
        | dict.fromkeys(("q", "newman_q"), _number(-0.5, 1))
        | dict.fromkeys(("excess", "newman_excess"), _number(-1, 1))
        | {"share": _number(-1, 1)}
        | dict.fromkeys(("ari", "newman_ari"), _number(-1, 1, nullable=True)),
        NETWORK,
    ),
}
"""What each table of `results/` holds, by its name.

In a sound network, one with the status 'ok', what is needed in its role is not empty. In `reuse`
networks that learn anew have no donor, and so no penalty; `goals` has what switching costs where
goals switch.
"""


def schema(name: str) -> pa.DataFrameSchema:
    """Return a table's schema; a name without one raises ValueError."""
    if name not in SCHEMAS:
        raise ValueError(
            f"a table needs one of the schemas {', '.join(SCHEMAS)}, got {name!r}; declare it in"
            " modlib/batch/schemas.py"
        )
    return SCHEMAS[name]


def keys(name: str) -> list[str]:
    """Return the columns that say which row of a table a row is."""
    return list(schema(name).unique)


def check(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it is, or say which row and column is wrong.

    Raises:
        ValueError: for a table without rows, a missing or unknown column, a value of another type
            or out of range, an empty one that is needed, or a row that is there twice.
    """
    wanted = schema(name)
    if table.empty:
        raise ValueError(f"the table {name} needs rows, got none; make it again")
    fault = _fault(wanted, table)
    if fault:
        raise ValueError(f"{name}: {fault}; mend the table, or delete it and make it again")
    return table


NAMES = {"column_in_schema": "unknown", "column_in_dataframe": "missing"}
"""Checks of names, and what a column is that fails them."""


def _fault(wanted: pa.DataFrameSchema, table: pd.DataFrame) -> str | None:
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
