"""The three files of a SQLite database in write-ahead mode, by device and inode, and closing without deleting them."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # no POSIX locks, so none to be mistaken about
    fcntl = None  # type: ignore[assignment]

Inode = tuple[int, int]
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510  # the bytes on which SQLite's readers hold their locks


class Files(NamedTuple):
    """What is at the three paths, None where there is nothing.

    Attributes:
        database: device and inode of the file itself.
        log, shared: of its ``-wal`` and ``-shm``.
        stamp: time and size of the file, where it is read without locks.
    """

    database: Inode | None
    log: Inode | None
    shared: Inode | None
    stamp: tuple[int, int] | None = None


def on_disk(path: str, *, stamped: bool = False) -> Files:
    """What is there now; some microseconds.

    Args:
        path: of the database, links resolved, as SQLite names its log by it.
        stamped: whether the file is to be told by its time and size, too.
    """
    stamp = None
    try:
        if not stamped:  # os.stat: twice as fast as Path.stat, and done several times a write
            file, log, shared = os.stat(path), os.stat(f"{path}-wal"), os.stat(f"{path}-shm")  # noqa: PTH116
            return Files((file.st_dev, file.st_ino), (log.st_dev, log.st_ino), (shared.st_dev, shared.st_ino))
        found = os.stat(path)  # noqa: PTH116
        stamp = (found.st_mtime_ns, found.st_size)
    except OSError:  # not all of them are there
        pass
    return Files(_inode(path), _inode(f"{path}-wal"), _inode(f"{path}-shm"), stamp)


def log_is_empty(path: str) -> bool:
    """Whether nobody has written to the log that is there: it is missing, or has no byte."""
    try:
        return os.stat(f"{path}-wal").st_size == 0  # noqa: PTH116
    except OSError:
        return True


def _inode(path: str) -> Inode | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def closing_as_not_the_last(path: str) -> Iterator[None]:
    """While this lasts, no connection that closes takes itself for the file's last.

    The last one brings its log into the file and deletes what has the log's name: both are wrong where its log was
    removed and another one made. A lock of an open file description (Linux) is in the way even of the own process.
    Every connection of this process to the file must be closed within: leaving drops its other locks.
    """
    if not hasattr(fcntl, "F_OFD_SETLK"):
        yield
        return
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
        with contextlib.suppress(OSError):  # a file system without such locks
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, lock)
        yield
    finally:
        os.close(handle)
