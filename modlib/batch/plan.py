"""What the batch has to make, given its configuration: parts, tables, and networks for these.

A part or table is up to date if the results hold its rows under the key that its parameters and
the code give now, and a part's published network is there as its checksum tells; time stamps do
not count. What is made waits in a folder of its own, with checksums, until all that was asked
for is there.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import NamedTuple

from modlib.batch import files, keys, tables
from modlib.batch.publishing import locked, name_and_key

PER_KERNEL = 14
"""How many parts one kernel makes at most: the more, the less time goes into starting."""

SETTINGS = ("steps", "nulls", "selection_nulls", "restarts")
"""The parameters that all parts have in common."""

FILES_OF_PART = {
    "output": "table.csv",
    "network": "network.safetensors",
    "networks": "networks.safetensors",
}
"""The files that a part writes, by parameter of the sweep."""


class Plan(NamedTuple):
    """What there is to make, and what of it has to be made."""

    config: dict
    parts: dict[str, dict]
    """The parameters of each part, by its name."""
    asked: list[str]
    """The parts that `only` does not leave out."""
    stale: list[str]
    """Those of them that have to be made."""
    tables: dict[str, str]
    """The other tables that have to be made, by name and key."""
    trained: dict[str, dict]
    """The parameters of the networks that several of those tables are about, by name."""

    @property
    def baselines(self) -> dict[str, str]:
        """The part without a penalty, which strengths are chosen against, by task."""
        return {of["task"]: part for part, of in self.parts.items() if of["penalty"] == "none"}


def planned(config: dict) -> Plan:
    """Return what a batch has to make; bring what was interrupted to its end, or clear it away.

    Raises:
        ValueError: if `only` leaves nothing, or if tables ask for networks that differ.
    """
    parts = all_parts(config)
    asked = asked_for(config, parts)
    results, build = Path(config["results"]), Path(config["build"])
    with locked(results) if results.exists() else nullcontext():
        current = published_parts(config, results)
        others = stale_tables(config, results)
    for kind in ("parts", "trained", "tables"):
        files.clear(build / kind)
        for receipt in (build / kind).glob(f"*/{files.CHECKSUMS}"):
            if not files.complete(receipt.parent):
                files.remove(receipt.parent)
    stale = [part for part in asked if name_and_key(part)[1] not in current]
    trained = {
        f"{task}-{keys.table_key('trained', **of)}": of
        for task, of in networks_of_tables(config, others.values()).items()
    }
    return Plan(config, parts, asked, stale, others, trained)


def all_parts(config: dict) -> dict[str, dict]:
    """Return the parameters of each part, by its name."""
    parts = {}
    for group in config["groups"]:
        common = {name: config[name] for name in SETTINGS}
        for role in ("selection_seeds", "evaluation_seeds"):
            first, count = group[role]
            common[role] = list(range(first, first + count))
        for task, (penalty, strengths) in product(group["tasks"], group["strengths"].items()):
            also_judged = config["also_judged"].get(penalty, [])
            own = {"task": task, "penalty": penalty, "strengths": strengths}
            parameters = own | {"also_judged": also_judged} | common
            parts[f"{task}-{penalty}-{keys.table_key('sweep', **parameters)}"] = parameters
    return parts


def asked_for(config: dict, parts: dict[str, dict]) -> list[str]:
    """Return the names of the parts that `only` does not leave out."""
    only = config.get("only")
    asked = [
        part
        for part, of in parts.items()
        if only in (None, of["task"], of["penalty"], f"{of['task']}-{of['penalty']}")
    ]
    if not asked and only not in config["tables"]:
        tasks = dict.fromkeys(of["task"] for of in parts.values())
        penalties = sorted({of["penalty"] for of in parts.values()})
        raise ValueError(
            f"ONLY={only} leaves nothing to do; name a task ({', '.join(tasks)}),"
            f" a penalty ({', '.join(penalties)}), both, as in retina-l1, or a table"
            f" ({', '.join(config['tables'])})"
        )
    return asked


def published_parts(config: dict, results: Path) -> set[str]:
    """Return the keys of the parts whose rows, and networks where asked for, are published."""
    if not (results / "networks.csv").exists():
        return set()
    rows, checksums = tables.published(results), files.checksums(results)
    pairs = rows[["task", "penalty", "key"]].drop_duplicates().itertuples(index=False)
    return {
        key
        for task, penalty, key in pairs
        if task not in config["networks_of"]
        or files.intact(results, f"networks/{task}-{penalty}.safetensors", checksums)
    }


def stale_tables(config: dict, results: Path) -> dict[str, str]:
    """Return the names of the other tables that have to be made, by name and key."""
    stale = {}
    for name, parameters in config["tables"].items():
        if config.get("only") in (None, name):
            key, exists = keys.table_key(name, **parameters), (results / f"{name}.csv").exists()
            if not exists or set(tables.published_table(name, results).key) != {key}:
                stale[f"{name}-{key}"] = name
    return stale


def asks_about_networks(config: dict, table: str) -> bool:
    """Return whether a table is about networks that other tables are about too."""
    return {"strengths", "seeds", "training_steps"} <= config["tables"][table].keys()


def networks_of_tables(config: dict, names: Iterable[str]) -> dict[str, dict]:
    """Return the parameters that the networks of tables are trained with, by task."""
    networks: dict[str, dict] = {}
    for table in (name for name in names if asks_about_networks(config, name)):
        parameters = config["tables"][table]
        common = {name: parameters[name] for name in ("seeds", "training_steps")}
        for task, strengths in parameters["strengths"].items():
            known = networks.setdefault(task, {"task": task, "strengths": {}} | common)
            both = known["strengths"] | strengths
            if not common.items() <= known.items() or strengths | known["strengths"] != both:
                raise ValueError(
                    f"{table} asks for networks of {task} with other strengths, seeds or"
                    " training_steps than a table before it, and they are trained once for"
                    " all tables; give both the same"
                )
            known["strengths"] = both
    return networks
