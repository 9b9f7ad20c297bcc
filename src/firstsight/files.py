"""Files as a person meets them: what is at a path, and writing so that a crash leaves the old content or the new."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from firstsight.errors import StorageError

FILE, FOLDER, MISSING = "is a file", "is a folder", "does not exist"
_STAGING = (".", ".partial")  # how the folders begin and end in which new files wait


def state_of(path: Path) -> str:
    """What is at a path, in the words of a message: FILE, FOLDER, MISSING, or why it can't be told."""
    try:
        return FOLDER if stat.S_ISDIR(path.stat().st_mode) else FILE
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return f"can't be looked up ({getattr(error, 'strerror', None) or error})"


def expanded(path: str | Path) -> Path:
    """A path with its ``~`` replaced, or as it came where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def spelled_out(name: str | Path) -> str:
    """A name or path that can be printed anywhere: what is no UTF-8, or no character to be seen, is spelled out."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file's content, durably; see :func:`write_together`."""
    write_together(path.parent, {path.name: data})


def write_together(
    folder: Path, files: Mapping[str, bytes], *, check: Callable[[Path], object] = lambda _: None
) -> None:
    """Replace files of a folder in their order, durably, once the disk holds all of them.

    Args:
        folder: made where it is missing.
        files: name -> content.
        check: called with a folder that holds the new files only; what it raises leaves the old ones in place.

    Raises:
        StorageError: the system refused; what was there before is intact.
    """
    place = folder / next(iter(files))
    try:
        _make(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING[0], suffix=_STAGING[1]) as staging:
            for name, data in files.items():
                place = folder / name
                _write(Path(staging) / name, data)
            check(Path(staging))
            for name in files:
                place = folder / name
                (Path(staging) / name).replace(place)
        _sync(folder)
    except OSError as error:
        raise StorageError(f"{place} can't be written ({error.strerror}); what was there before is intact") from None


def sweep(folder: Path) -> None:
    """Remove the unfinished files of writers that were killed, for a folder that nobody else is writing to."""
    for left in folder.glob("*".join(_STAGING)):
        shutil.rmtree(left, ignore_errors=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a log.

    Raises:
        StorageError: the system refused; the lines before are intact.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise StorageError(f"{path} can't be written ({error.strerror}); the lines before are intact") from None


def _make(folder: Path) -> None:
    """The folder, and those above it, on disk: a new folder is an entry of the one above."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in made:
        _sync(place.parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
