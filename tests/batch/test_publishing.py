"""Publishing: all or nothing, whatever stops it and wherever; nobody's rows are lost."""

import errno
import os
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
import yaml
from rows import table

from modlib.batch import files, schemas, tables
from modlib.batch.publishing import locked, publish, publish_batch


class Killed(BaseException):
    """What stops a process without a chance to tidy up, as near as a test can get."""


@pytest.fixture(autouse=True)
def _of_any_columns(monkeypatch):
    """Have stand-ins for tables, of few columns, pass for them."""
    monkeypatch.setattr(schemas, "check", lambda name, table: table)


def state(folder):
    """What is published: refused unless checksums are right."""
    assert files.complete(folder)
    return (
        tables.published_table("damage", folder).value.tolist(),
        tables.published_table("settings", folder).value.tolist(),
        (folder / "networks" / "retina-none.safetensors").read_text(),
    )


def published(folder, *values):
    *values, weights = values
    names = ("damage", "settings")
    new = {n: pd.DataFrame({"value": [value]}) for n, value in zip(names, values, strict=True)}
    network = folder.parent / f"network of {weights}"
    network.parent.mkdir(exist_ok=True)
    network.write_text(weights)
    publish(new, folder, {"retina-none.safetensors": network})


OLD, NEW = (0.25, 1.5, "old"), (0.75, 2.5, "new")


def states(one):
    return [one[0]], [one[1]], one[2]


def stopping_at(n, stop, monkeypatch):
    """Raise at the n-th step of what follows; return a counter of steps."""
    counter = count()

    def stopping(function):
        def wrapped(*arguments, **options):
            if next(counter) == n:
                raise stop
            return function(*arguments, **options)

        return wrapped

    for owner, name in ((Path, "replace"), (Path, "write_bytes"), (Path, "mkdir"), (os, "fsync")):
        monkeypatch.setattr(owner, name, stopping(getattr(owner, name)))
    return counter


@pytest.mark.slow
@pytest.mark.parametrize("stop", [Killed(), OSError(errno.ENOSPC, "no space left on device")])
def test_what_stops_at_any_step_leaves_the_old_or_the_new_and_is_recovered(
    tmp_path, monkeypatch, stop
):
    seen = []
    for n in count():
        folder = tmp_path / str(n) / "results"
        published(folder, *OLD)
        with monkeypatch.context() as patch:
            counter = stopping_at(n, stop, patch)
            if isinstance(stop, Killed):
                # nor are temporary files removed
                patch.setattr(files, "remove", lambda path: None)
            with suppress(Killed, OSError):
                published(folder, *NEW)
            steps = next(counter)
        # the next one, whoever it is: to it, the one that was stopped is no more
        with monkeypatch.context() as patch:
            patch.setattr(files, "_alive", lambda process: False)
            with locked(folder):
                assert state(folder) in (states(OLD), states(NEW))
                seen.append(state(folder)[2])
        assert [path.name for path in folder.glob(".*")] in ([], [".lock"])
        published(folder, *NEW)
        assert state(folder) == states(NEW)
        if steps <= n:
            break
    # at first what was there stays, from some step on what is new comes
    assert seen == sorted(seen, reverse=True)
    assert min(seen.count("old"), seen.count("new")) > 3


@pytest.fixture
def small(tmp_path):
    """A file system of 96 kB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs leave to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_what_was_published_and_space_mends_it(small):
    folder = small / "results"
    published(folder, *OLD)
    filler = small / "filler"
    for free in range(0, 60_000, 4_096):
        # leave some room, a little more each time
        filler.unlink(missing_ok=True)
        room = os.statvfs(small)
        filler.write_bytes(b"0" * (room.f_bavail * room.f_frsize - free))
        many = [{"accuracy": 0.75} for _ in range(60)]
        try:
            publish({"networks": table(*many)}, folder)
            break
        except OSError:
            assert state(folder) == states(OLD)
            assert not list(folder.glob(".*.tmp"))
    assert free > 0
    assert len(tables.published(folder)) == 60


def make_part(folder, task, penalty, seeds=2):
    rows = [{"task": task, "penalty": penalty, "key": f"key of {penalty}"} for _ in range(seeds)]
    part = folder / f"{task}-{penalty}-0123456789abcdef"
    with files.renamed_to(part) as temporary:
        temporary.mkdir()
        (temporary / "table.csv").write_text(tables.text("networks", table(*rows)))
        (temporary / "network.safetensors").write_text(f"weights of {task}, {penalty}")
        names = ("table.csv", "network.safetensors")
        files.write_checksums(temporary, {name: files.sha256(temporary / name) for name in names})
    return str(part)


def test_selections_that_are_published_at_once_keep_the_rows_of_both(tmp_path):
    told = [
        {
            "parts": [make_part(tmp_path, "retina", penalty)],
            "others": {},
            "networks_of": ["retina"],
            "folder": str(tmp_path / "results"),
        }
        for penalty in ("none", "l2")
    ]
    command = [sys.executable, "-m", "modlib.batch.publishing"]
    with locked(tmp_path / "results"):
        # all wait for the same
        running = [subprocess.Popen([*command, yaml.safe_dump(one)]) for one in told]
        with pytest.raises(subprocess.TimeoutExpired):
            running[0].wait(timeout=4)
    assert [one.wait(timeout=100) for one in running] == [0, 0]
    found = tables.published(tmp_path / "results")
    assert found.penalty.tolist() == ["l2", "l2", "none", "none"]
    assert len(list((tmp_path / "results" / "networks").iterdir())) == 2
    assert files.complete(tmp_path / "results")


def test_rows_of_a_part_replace_those_of_its_task_and_penalty_alone(tmp_path):
    told = {"others": {}, "networks_of": ["other"], "folder": tmp_path / "results"}
    first = [make_part(tmp_path / "1", "retina", p) for p in ("l2", "none")]
    publish_batch(first, **told)
    publish_batch([make_part(tmp_path / "2", "retina", "l2", seeds=3)], **told)
    found = tables.published(tmp_path / "results")
    assert found.penalty.tolist() == ["l2", "l2", "l2", "none", "none"]
    # networks of other tasks are not published
    assert not (tmp_path / "results" / "networks").exists()


@pytest.mark.parametrize("fault", [lambda lines: [], lambda lines: lines[:-1]])
def test_a_part_that_is_not_whole_is_refused_by_its_name(tmp_path, fault):
    parts = [make_part(tmp_path, "retina", penalty) for penalty in ("l2", "none")]
    path = Path(parts[1], "table.csv")
    path.write_text("".join(fault(path.read_text().splitlines(keepends=True))))
    with pytest.raises(ValueError, match=f"^{parts[1]} should be whole"):
        publish_batch(parts, {}, [], tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_rows_that_follow_each_other_make_a_table_with_its_own_key(tmp_path):
    folders = []
    for label, values in {"few": [3, 1], "many": [2]}.items():
        folder = tmp_path / f"damage-{label}-ffff"
        folder.mkdir()
        pd.DataFrame({"value": values, "key": "ffff"}).to_csv(folder / "table.csv", index=False)
        files.write_checksums(folder, {"table.csv": files.sha256(folder / "table.csv")})
        folders.append(str(folder))
    publish_batch([], {"damage-abcd": folders}, [], tmp_path / "results")
    found = tables.published_table("damage", tmp_path / "results")
    assert found.to_dict("list") == {"value": [3, 1, 2], "key": ["abcd"] * 3}
    Path(folders[1], "table.csv").unlink()
    with pytest.raises(ValueError, match=f"^{folders[1]} should be whole"):
        publish_batch([], {"damage-abcd": folders}, [], tmp_path / "results")
