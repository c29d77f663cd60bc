"""Publishing: tables, networks and their checksums come into a folder of results together.

All that is new, and the checksums as they will be, is staged in a folder of its own, which is
renamed once it is whole. From then on it only has to be moved into place: by the one who staged
it or, if that one was killed, by whoever comes next. One at a time does so.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    with FileLock(folder / ".lock"):
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
    folder = Path(folder)
    with locked(folder):
        _publish(new, folder, networks or {})


def publish_batch(
    parts: Sequence[str], others: Sequence[str], networks_of: Sequence[str], folder: Path | str
) -> None:
    """Publish the folders of parts, and of other tables, that a batch has made.

    Rows of the same task and penalty are replaced, all others stay. Networks of the tasks
    `networks_of` are published too.

    Raises:
        ValueError: if a folder is not whole, or for a table that is refused.
    """
    folder = Path(folder)
    broken = [made for made in (*parts, *others) if not files.whole(Path(made))]
    if broken:
        raise ValueError(f"{', '.join(broken)} should be whole, got less; make them again")
    new = {_name(one): tables.read_table(_name(one), Path(one, "table.csv")) for one in others}
    found = {}
    with locked(folder):
        if parts:
            table = pd.concat([tables.read(Path(part, "table.csv")) for part in parts])
            if (folder / "networks.csv").exists():
                replaced = table.set_index(["task", "penalty"]).index.unique()
                old = tables.published(folder)
                old = old[~old.set_index(["task", "penalty"]).index.isin(replaced)]
                table = pd.concat([old, table])
            order = ["task", "penalty", "strength", "seed"]
            new["networks"] = table.sort_values(order, ignore_index=True)
            found = {
                f"{_name(part)}.safetensors": Path(part, "network.safetensors")
                for part in parts
                if _name(part).split("-")[0] in networks_of
            }
        _publish(new, folder, found)


def _name(made: str) -> str:
    """Return the name of a part or table, without its key."""
    return Path(made).name.rsplit("-", 1)[0]


def _publish(new: Mapping[str, pd.DataFrame], folder: Path, networks: Mapping[str, Path]) -> None:
    contents = {f"{name}.csv": tables.text(name, table).encode() for name, table in new.items()}
    contents |= {f"networks/{name}": path.read_bytes() for name, path in networks.items()}
    there = {name: of for name, of in files.sums(folder).items() if (folder / name).exists()}
    with files.renamed_to(folder / STAGED) as staged:
        for name, content in contents.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            there[name] = files.sha256(path)
        files.write_sums(staged, there)
    _place(folder)


def _place(folder: Path) -> None:
    """Move what is staged into place, the checksums last."""
    staged = folder / STAGED
    waiting = [path for path in staged.rglob("*") if path.is_file()]
    for path in sorted(waiting, key=lambda path: path.name == files.SUMS):
        place = folder / path.relative_to(staged)
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
    files.remove(staged)


if __name__ == "__main__":
    publish_batch(**yaml.safe_load(sys.argv[1]))
