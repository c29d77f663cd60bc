"""Profiles of the batch: a configuration of its own, or another's on seeds that nobody has seen."""

import os

import yaml

from modlib.batch.checkout import WORKFLOW, require

CONFIG = WORKFLOW / f"{os.environ.get('MODLIB_PROFILE', 'paper')}.yaml"
"""The configuration that the tables which pages read were made with."""

ROLES = {"selection_seeds": "selection", "evaluation_seeds": "evaluation", "seeds": "evaluation"}
"""Parameters that are seeds, and what the networks of these are for."""


def profile() -> dict:
    """Return the parameters of the batch that the tables which pages read were made with."""
    return whole(yaml.safe_load(require(CONFIG).read_text("utf-8")))


def whole(config: dict) -> dict:
    """Return a configuration whose seeds, if it has `like`, are later than those of that profile.

    Such a configuration has `like`, a profile's name; `later`, which is added to each seed;
    `most`, of networks for `selection` and for `evaluation`, how many are kept; `without`, the
    tables that are left out; and what else it has replaces the other's.

    Raises:
        ValueError: if it leaves out a table that the other profile does not have.
    """
    if "like" not in config:
        return config
    like, later, most, without = (config[name] for name in ("like", "later", "most", "without"))
    of = yaml.safe_load((WORKFLOW / f"{like}.yaml").read_text("utf-8"))
    unknown = set(without) - of["tables"].keys()
    if unknown:
        raise ValueError(
            f"'without' needs tables of {like}, got {', '.join(sorted(unknown))}; it has"
            f" {', '.join(of['tables'])}"
        )

    def moved(value: object, role: str | None) -> object:
        if isinstance(value, dict):
            roles = {name: ROLES.get(name, name if role else None) for name in value}
            return {name: moved(entry, roles[name]) for name, entry in value.items()}
        if role is None:
            return value
        return [seed + later for seed in value[: most[role]]]

    parts = {name: moved(of["tables"][name], None) for name in of["tables"] if name not in without}
    groups = [
        group
        | {
            name: [group[name][0] + later, min(group[name][1], most[role])]
            for name, role in ROLES.items()
            if name in group
        }
        for group in of["groups"]
    ]
    return of | {"tables": parts, "groups": groups} | config
