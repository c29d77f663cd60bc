r"""What each published table holds: columns, types and ranges, and which columns tell rows apart.

A name as `^accuracy_\d+$` is a pattern: the table has one such column per depth, delay, level or
step, as many as it was made with.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy

import pandas as pd
import pandera.pandas as pa

from modlib.batch.columns import LARGEST, TEXT, measured, number, values, whole
from modlib.batch.faults import fault
from modlib.training.measures import ALL, MEASURES


def _schema(
    columns: Mapping[str, pa.Column], keys: Collection[str], *checks: pa.Check
) -> pa.DataFrameSchema:
    """Return the schema of a table whose rows `keys` tell apart."""
    columns = deepcopy(columns | ORIGIN)
    for name, column in columns.items():
        column.regex = name.startswith("^")
    return pa.DataFrameSchema(columns, list(checks), strict=True, unique=list(keys))


ORIGIN = {"versions": TEXT, "commit": TEXT, "key": TEXT}
NETWORK = {"task": TEXT, "penalty": TEXT, "strength": number(0), "seed": whole()}
CHOICES = {"role": ALL, "status": ("ok", "diverged")}
STATUS = {name: pa.Column(str, pa.Check.isin(of)) for name, of in CHOICES.items()}
SHARE, EMPTY_SHARE = number(0, 1), number(0, 1, nullable=True)
MEASURED = {m.name: measured(m.low, m.high, m.needed) for m in MEASURES}
DAMAGE = NETWORK | {
    "damage": TEXT, "area": SHARE, r"^level_\d+$": SHARE, r"^accuracy_\d+$": SHARE,
}  # fmt: skip
SETTING = ("task", "activation", "optimiser", "steps", "batch", "width", "layers", "scale")
OF_TRACED = ("q", "q_null_mean", "excess", "share", "strengths_excess", "communities", "ari")
TRACED = {"seed": whole()} | {
    m.name: number(m.low, m.high, nullable=not m.needed) for m in MEASURES if m.name in OF_TRACED
}
SWITCHED = {"required": False, "nullable": True}
RESERVOIR_VALUES, WITHIN_RESERVOIRS = values(
    {
        **dict.fromkeys(("capacity", "information", "branching", "narma"), (0, LARGEST)),
        **dict.fromkeys(("activity", "avalanches_share", "avalanches_p"), (0, 1)),
        **{"lyapunov": (-LARGEST, LARGEST), "held": (-1, 1), "avalanches_smallest": (1, LARGEST)},
        **dict.fromkeys(("avalanches_exponent", "avalanches_ratio"), (-LARGEST, LARGEST)),
    }
)
SETTING_VALUES, WITHIN_SETTINGS = values(
    {"accuracy": (0, 1)}
    | dict.fromkeys(("training error", "test error", "n-cut", "n-cut of live pixels"), (0, LARGEST))
)


def _of(*names: str) -> dict[str, pa.Column]:
    return {name: MEASURED[name] for name in names}


SCHEMAS = {
    "networks": _schema(
        NETWORK | STATUS | MEASURED | {"steps": whole(1), "seconds": number(0)}, NETWORK
    ),
    "circuits": _schema(
        NETWORK
        | {"sub_task": whole(), "weights": whole(), "guess": SHARE, "accuracy": SHARE}
        | {"inside": SHARE, "^needed_(whole|outputs|community)$": SHARE}
        | {r"^(lesion|(read|dealt)_\d+)_(off_diagonal|named)$": EMPTY_SHARE}
        | {r"^(lesion|(read|dealt)_\d+)(_others)?$": number(-1, 1)},
        [*NETWORK, "sub_task"],
    ),
    "combinations": _schema(
        NETWORK
        | STATUS
        | {"activation": TEXT, "width": whole(1), "chosen": pa.Column(bool), "steps": whole(1)}
        | _of("accuracy", "validation_accuracy", "share", "ari")
        | {"unseen": EMPTY_SHARE}
        | dict.fromkeys(("noise", "inverted", "enlarged"), measured(0, 1)),
        [*NETWORK, "role", "activation", "width"],
    ),
    "curves": _schema(
        NETWORK
        | STATUS
        | {"examples": whole(1), "chosen": pa.Column(bool), "steps": whole(1)}
        | _of("accuracy", "validation_accuracy", "excess", "share", "ari")
        | _of("specialisation", "pruned_accuracy"),
        [*NETWORK, "role", "examples"],
    ),
    "damage": _schema(DAMAGE, [*NETWORK, "damage"]),
    "damage_tuned": _schema(DAMAGE, [*NETWORK, "damage"]),
    "deep": _schema(
        NETWORK
        | STATUS
        | {"depth": whole(1), "start": TEXT}
        | _of("ari", *(m.name for m in MEASURES if m.needed == ALL))
        | dict.fromkeys(("assortativity", "newman_excess"), measured(-1, 1))
        | {"through": measured(0, 1), "newman_ari": measured(-1, 1, ())},
        [*NETWORK, "depth", "start"],
    ),
    "goals": _schema(
        {name: NETWORK[name] for name in ("penalty", "strength", "seed")}
        | {"schedule": TEXT, "epoch": whole(), "goal": TEXT, "unseen": SHARE, "seen": SHARE}
        | {"excess": number(-1, 1), "share": number(-1, 1)}
        | {"ari": number(-1, 1), "size": number(0)}
        | {"cost": number(0, **SWITCHED), r"^seen_\d+$": number(0, 1, **SWITCHED)}
        | {"back": pa.Column(None, pa.Check.isin([True, False]), **SWITCHED)},
        ["penalty", "strength", "seed", "schedule", "epoch"],
    ),
    "hyperparameter_grid": _schema(
        STATUS
        | dict.fromkeys(("task", "activation", "optimiser", "method"), TEXT)
        | dict.fromkeys(("batch", "width", "layers", "n_steps"), whole(1))
        | {"steps": number(0), "scale": number(0), "seed": whole(), "seconds": number(0)}
        | _of("ari", *(m.name for m in MEASURES if m.needed == ALL))
        | {"connected_ari": measured(-1, 1, ())},
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
        | dict.fromkeys(("radius", "capacity", "information"), measured(0))
        | dict.fromkeys(("branching", "branching_permuted"), measured(0))
        | {"lyapunov": measured(), "exponent": measured(needed=())}
        | {r"^accuracy_\d+$": EMPTY_SHARE},
        [*NETWORK, "role"],
    ),
    "reservoirs": _schema(
        {"seed": whole(), "model": TEXT, "level": number(), "into": TEXT, "between": SHARE}
        | RESERVOIR_VALUES,
        ["seed", "model", "level", "into", "between", "measure"],
        WITHIN_RESERVOIRS,
    ),
    "retention": _schema(
        NETWORK
        | {"role": STATUS["role"], "scale": number(0), "steps": whole(1)}
        | dict.fromkeys(("accuracy", "validation_accuracy", "kept", "changed"), SHARE),
        [*NETWORK, "role", "scale"],
    ),
    "retraining": _schema(
        NETWORK
        | {"optimiser": TEXT, "way": TEXT, "accuracy": SHARE, "kept": SHARE, "changed": SHARE}
        | {"relearned": number(0, nullable=True), "steps": whole(1)},
        [*NETWORK, "optimiser", "way"],
    ),
    "reuse": _schema(
        NETWORK
        | {"penalty": pa.Column(str, nullable=True), "strength": number(0, nullable=True)}
        | {"new": TEXT, "way": TEXT, "examples": whole(1), "accuracy": SHARE, "area": SHARE}
        | {r"^accuracy_\d+$": SHARE, "alone": EMPTY_SHARE, "size": EMPTY_SHARE},
        [*NETWORK, "examples", "new", "way"],
    ),
    "rivals": _schema(
        NETWORK
        | STATUS
        | {"decay": number(0), "chosen": pa.Column(bool), "steps": whole(1)}
        | _of("accuracy", "validation_accuracy", "excess", "share", "ari")
        | _of("connected", "connected_ari", "specialisation"),
        [*NETWORK, "role", "decay"],
    ),
    "samples": _schema(
        {name: NETWORK[name] for name in ("penalty", "strength", "seed")}
        | STATUS
        | {"digits": whole(1), "examples": whole(1), "chosen": pa.Column(bool)}
        | {"steps": whole(1)}
        | _of("accuracy", "validation_accuracy", "share", "ari"),
        ["penalty", "strength", "seed", "role", "digits", "examples"],
    ),
    "settings": _schema(
        {"seed": whole(), "case": TEXT, "strength": number(0)} | SETTING_VALUES,
        ["seed", "case", "strength", "measure"],
        WITHIN_SETTINGS,
    ),
    "step_costs": _schema(
        dict.fromkeys(("widths", "penalty", "machine"), TEXT)
        | {"batch": whole(1), "round": whole(), "seconds": number(0)},
        ["widths", "batch", "penalty", "round"],
    ),
    "whole_graph": _schema(
        NETWORK
        | dict.fromkeys(("q", "newman_q"), number(-0.5, 1))
        | dict.fromkeys(("excess", "newman_excess", "rescaled_excess"), number(-1, 1))
        | {"share": number(-1, 1)}
        | dict.fromkeys(("ari", "newman_ari", "rescaled_ari"), number(-1, 1, nullable=True)),
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
    wrong = fault(wanted, table)
    if wrong:
        raise ValueError(f"{name}: {wrong}; mend the table, or delete it and make it again")
    return table
