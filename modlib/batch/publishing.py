"""Publishing: tables, networks and their checksums come into a folder of results together.

All that is new, and the checksums as they will be, is staged in a folder of its own, which is
renamed once it is whole. From then on it only has to be moved into place: by the one who staged
it or, if that one was killed, by whoever comes next. One at a time does so.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pandas as pd
import yaml
from filelock import FileLock

from modlib.batch import files, tables

STAGED = ".publishing"
"""The folder, in that of the results, of what is being published."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from publishing in a folder, and bring what was interrupted there to an end."""
    folder.mkdir(parents=True, exist_ok=True)
    # who holds the lock may take it again
    with FileLock(folder / ".lock", is_singleton=True):
        files.clear(folder)
        _place(folder)
        yield


def publish(
    new: Mapping[str, pd.DataFrame], folder: Path | str, networks: Mapping[str, Path] | None = None
) -> None:
    """Put tables, by name, and files of networks, by the published name, into a folder of results.

    Numbers have six significant digits.

    Raises:
        ValueError: for a table that `schemas.check` refuses.
    """
    folder, networks = Path(folder), networks or {}
    contents = {f"{name}.csv": tables.text(name, table).encode() for name, table in new.items()}
    contents |= {f"networks/{name}": path.read_bytes() for name, path in networks.items()}
    with locked(folder):
        known = files.checksums(folder).items()
        checksums = {name: digest for name, digest in known if (folder / name).exists()}
        with files.renamed_to(folder / STAGED) as staged:
            for name, content in contents.items():
                path = staged / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                checksums[name] = files.sha256(path)
            files.write_checksums(staged, checksums)
        _place(folder)


def name_and_key(made: Path | str) -> list[str]:
    """Return the name and the key of a part or another table, or of the folder it waits in."""
    return Path(made).name.rsplit("-", 1)


def publish_batch(
    parts: Sequence[str],
    others: Mapping[str, Sequence[str]],
    networks_of: Sequence[str],
    folder: Path | str,
) -> None:
    """Publish the folders of parts, and of other tables, that a batch has made.

    Rows of the same task and penalty are replaced, all others stay. Networks of the tasks
    `networks_of` are published too.

    Args:
        others: by a table's name and key, the folders whose rows follow each other in it.

    Raises:
        ValueError: if a folder is not complete, or for a table that is refused.
    """
    made = [*parts, *chain.from_iterable(others.values())]
    broken = [one for one in made if not files.complete(Path(one))]
    if broken:
        raise ValueError(f"{', '.join(broken)} should be whole, got less; make them again")
    new = {}
    for table, folders in others.items():
        name, key = name_and_key(table)
        rows = [tables.read_table(name, Path(one, "table.csv")) for one in folders]
        new[name] = pd.concat(rows, ignore_index=True).assign(key=key)
    names = {part: name_and_key(part)[0] for part in parts}
    networks = {
        f"{names[part]}.safetensors": Path(part, "network.safetensors")
        for part in parts
        if names[part].split("-")[0] in networks_of
    }
    with locked(Path(folder)):
        if parts:
            table = pd.concat([tables.read(Path(part, "table.csv")) for part in parts])
            if Path(folder, "networks.csv").exists():
                replaced = table.set_index(["task", "penalty"]).index
                old = tables.published(folder).set_index(["task", "penalty"], drop=False)
                table = pd.concat([old[~old.index.isin(replaced)], table])
            order = ["task", "penalty", "strength", "seed"]
            new["networks"] = table.sort_values(order, ignore_index=True)
        publish(new, folder, networks)


def _place(folder: Path) -> None:
    """Move what is staged into place, the checksums last."""
    staged = folder / STAGED
    waiting = [path for path in staged.rglob("*") if path.is_file()]
    for path in sorted(waiting, key=lambda path: path.name == files.CHECKSUMS):
        place = folder / path.relative_to(staged)
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
    files.remove(staged)


if __name__ == "__main__":
    publish_batch(**yaml.safe_load(sys.argv[1]))
