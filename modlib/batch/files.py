"""Files and folders that are there whole or not at all, and checksums that tell.

What is written goes to a temporary path beside its place, to the disk, and is renamed. A path
that a process left behind when it was killed has that process's number, and is cleared away.
"""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
"""The file of checksums in a folder, for `sha256sum -c` too."""


@contextmanager
def renamed_to(path: Path) -> Iterator[Path]:
    """Give a temporary path beside another, and rename it to that once it is written.

    What is there by then may be a file or a folder of files. If anything fails, nothing stays. A
    folder takes the place of an empty one, or of one that is not complete, and otherwise goes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        yield temporary
        for written in [*temporary.rglob("*"), temporary]:
            _to_disk(written)
        if temporary.is_dir() and path.is_dir():
            if complete(path):
                return
            shutil.rmtree(path)
        temporary.replace(path)
        _to_disk(path.parent)
    finally:
        remove(temporary)


def clear(folder: Path) -> None:
    """Remove what processes of this machine that are no more left half-written in a folder."""
    for path in folder.glob(f".*.{socket.gethostname()}.*.tmp"):
        if not _alive(int(path.name.split(".")[-2])):
            remove(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with renamed_to(path) as temporary:
        temporary.write_bytes(text.encode())


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksums that a folder's `SHA256SUMS` gives, by name; none if it is missing.

    Raises:
        ValueError: for a line that is neither empty, a comment, nor a checksum and a name.
    """
    path, digests = folder / CHECKSUMS, {}
    # what is no text has lines of another form
    text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            match = re.fullmatch("([0-9a-f]{64}) [ *](.+)", line)
            if match is None:
                raise ValueError(
                    f"{path}, line {number}: needs 64 hexadecimal digits, two spaces and a name,"
                    f" got {line!r}; restore the file"
                )
            digests[match[2]] = match[1]
    return digests


def write_checksums(folder: Path, digests: Mapping[str, str]) -> None:
    """Write a folder's `SHA256SUMS`."""
    lines = (f"{digests[name]}  {name}\n" for name in sorted(digests))
    write_text(folder / CHECKSUMS, "".join(lines))


def complete(folder: Path) -> bool:
    """Return whether a folder has all files that its `SHA256SUMS` names, as they were."""
    try:
        digests = checksums(folder)
    except ValueError:
        return False
    return bool(digests) and all(intact(folder, name, digests) for name in digests)


def intact(folder: Path, name: str, digests: Mapping[str, str]) -> bool:
    """Return whether a file of a folder has the checksum that is given for it."""
    return (folder / name).is_file() and sha256(folder / name) == digests.get(name)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
