"""Profiles of the batch: a configuration of its own, or another's on seeds that nobody has seen."""

import os
from collections.abc import Callable

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
    tables and the tasks of the sweep that are left out; and what else it has replaces the other's.

    Raises:
        ValueError: if one of these is missing, if it leaves out what the other profile does not
            have, keeps no network of a role, or has a seed that the other has.
    """
    if "like" not in config:
        return config
    missing = {"later", "most", "without"} - config.keys()
    if missing:
        raise ValueError(
            "a profile like another needs 'later', 'most' and 'without', got none of"
            f" {', '.join(sorted(missing))}"
        )
    like, later, most, without = (config[name] for name in ("like", "later", "most", "without"))
    of = yaml.safe_load(require(WORKFLOW / f"{like}.yaml").read_text("utf-8"))
    tasks = dict.fromkeys(task for group in of["groups"] for task in group["tasks"])
    unknown = set(without) - of["tables"].keys() - tasks.keys()
    if unknown:
        raise ValueError(
            f"'without' needs tables or tasks of {like}, got {', '.join(sorted(unknown))}; it has"
            f" {', '.join([*of['tables'], *tasks])}"
        )
    if min(most["selection"], most["evaluation"]) < 1:
        raise ValueError(f"'most' needs one network or more for each role, got {most}")
    old: set[int] = set()
    new: set[int] = set()

    def moved(seeds: list[int] | dict[str, list[int]], role: str) -> list[int] | dict:
        if isinstance(seeds, dict):
            return {role: moved(of_role, role) for role, of_role in seeds.items()}
        old.update(seeds)
        kept = [seed + later for seed in seeds[: most[role]]]
        new.update(kept)
        return kept

    def from_first(seeds: list[int], role: str) -> list[int]:
        first, count = seeds
        later_ones = moved(list(range(first, first + count)), role)
        return [later_ones[0], len(later_ones)]

    def changed(parameters: dict, change: Callable) -> dict:
        of_role = {name: role for name, role in ROLES.items() if name in parameters}
        return parameters | {name: change(parameters[name], role) for name, role in of_role.items()}

    parts = {name: changed(of_table, moved) for name, of_table in of["tables"].items()}
    groups = [changed(group, from_first) for group in of["groups"]]
    if old & new:
        raise ValueError(
            f"'later' needs to lead to seeds that {like} does not have, got {later}, which gives"
            f" {min(old & new)} again"
        )
    kept = {name: parts[name] for name in parts if name not in without}
    for group in groups:
        group["tasks"] = [task for task in group["tasks"] if task not in without]
    return of | {"tables": kept, "groups": groups} | config
