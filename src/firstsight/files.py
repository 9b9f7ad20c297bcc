"""Files as a person meets them: what is at a path, and writing so that a crash leaves the old content or the new."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from firstsight.errors import FirstSightError, StorageError
from firstsight.spelling import unshown

FILE, FOLDER, MISSING = "is a file", "is a folder", "does not exist"
OTHER = "is a pipe, a socket or a device, no file"
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a pipe is opened at once, and refused
_NO_FILE, _LINK = "it is no regular file", "it is a link, where a file of its own was expected"
PRIVATE = 0o600
"""The mode of a file that says who was where, or holds what is enrolled."""
_STAGING = (".", ".partial")  # how the folders begin and end in which new files wait


def state_of(path: Path) -> str:
    """What is at a path, in the words of a message: FILE, FOLDER, MISSING, or why it is none of them."""
    try:
        mode = path.stat().st_mode
        return FOLDER if stat.S_ISDIR(mode) else FILE if stat.S_ISREG(mode) else OTHER
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return f"can't be looked up ({getattr(error, 'strerror', None) or error})"


def expanded(path: str | Path) -> Path:
    """A path with its ``~`` replaced, or as it came where there is no such user.

    One that was written down with bytes spelled out, since it is not UTF-8, leads to its file.
    """
    try:
        made = Path(path).expanduser()
    except RuntimeError:
        made = Path(path)
    if "\\udc" in str(made) and not os.path.lexists(made):
        return Path(unshown(str(made)))
    return made


def spelled_out(name: str | Path) -> str:
    """A name or path that can be printed anywhere: what is no UTF-8, or no character to be seen, is spelled out."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_file(
    path: Path, most: int, error: type[FirstSightError], mend: str = "", *, inside: Path | None = None
) -> bytes:
    """The content of a regular file, of which never more is read than is allowed, whatever it says of its size.

    Args:
        path: of the file. A pipe, a device, a socket or a folder is refused and never waited for.
        most: bytes.
        error: what is raised.
        mend: ends its message.
        inside: a folder of somebody else that the path lies in: no part of the path below it may be a link.

    Raises:
        error: it is missing, no regular file, too large, can't be read, or leads out of the folder.
    """
    end = f"; {mend}" if mend else ""
    with open_file(path, error, mend, inside=inside) as file:
        try:
            data = _content(file.fileno(), min(os.fstat(file.fileno()).st_size, most), most)
        except OSError as failed:
            raise error(f"{path} can't be read ({failed.strerror}){end}") from None
    if len(data) > most:
        allowed = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most:,} bytes"
        raise error(f"{path} is larger than the {allowed} allowed{end}")
    return data


def open_file(
    path: Path, error: type[FirstSightError], mend: str = "", *, inside: Path | None = None
) -> io.BufferedReader:
    """A regular file, open to be read; arguments and errors as of :func:`read_file`."""
    try:
        handle = _opened(path, inside)
        if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was exchanged since it was looked up
            os.close(handle)
            raise OSError(errno.EINVAL, _NO_FILE)
    except (OSError, ValueError) as failed:  # ValueError: a NUL in the path
        end = f"; {mend}" if mend else ""
        raise error(f"{path} can't be read ({getattr(failed, 'strerror', None) or failed}){end}") from None
    return os.fdopen(handle, "rb")


def _opened(path: Path, inside: Path | None) -> int:
    """A descriptor of what is at a path; what is no regular file is not even opened, unless it is put there now."""
    if inside is None:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, _NO_FILE)
        return os.open(path, _READ)
    *folders, name = path.relative_to(inside).parts
    if ".." in (*folders, name):
        raise OSError(errno.EINVAL, "it lies outside the folder")
    here = os.open(inside, _READ | os.O_DIRECTORY)
    try:
        for folder in folders:
            above, here = here, os.open(folder, _READ | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(above)
        mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, _LINK if stat.S_ISLNK(mode) else _NO_FILE)
        return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _content(handle: int, expected: int, most: int) -> bytes:
    """What a descriptor gives until its end, or one byte more than ``most``."""
    parts, got = [], 0
    while got <= most and (part := os.read(handle, min(most + 1 - got, max(expected + 1 - got, 1 << 16)))):
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def write_atomically(path: Path, data: bytes, *, private: bool = False) -> None:
    """Replace the file's content, durably; see :func:`write_together`."""
    write_together(path.parent, {path.name: data}, private=private)


def write_together(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    check: Callable[[Path], object] = lambda _: None,
    private: bool = False,
) -> None:
    """Replace files of a folder in their order, durably, once the disk holds all of them.

    Args:
        folder: made where it is missing.
        files: name -> content.
        check: called with a folder that holds the new files only; what it raises leaves the old ones in place.
        private: for their owner alone, whatever the ones before were: they say who was where.

    Raises:
        StorageError: the system refused; what was there before is intact.
    """
    place = folder / next(iter(files))
    try:
        _make(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING[0], suffix=_STAGING[1]) as staging:
            for name, data in files.items():
                place = folder / name
                _write(Path(staging) / name, data, PRIVATE if private else 0o666)
            check(Path(staging))
            for name in files:
                place = folder / name
                (Path(staging) / name).replace(place)
        sync_folder(folder)
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


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """The folder, and those above it, on disk: a new folder is an entry of the one above."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in made:
        sync_folder(place.parent)


def _write(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
