"""The three files of a SQLite database in write-ahead mode, by device and inode, and closing without deleting them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

try:
    import fcntl
except ImportError:  # no POSIX locks, so none to be mistaken about
    fcntl = None  # type: ignore[assignment]

Inode = tuple[int, int, int]  # and the device, major and minor
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510  # the bytes on which SQLite's readers hold their locks
_HERE, _INODE = -100, 0x100  # AT_FDCWD, STATX_INO
_PLACE = struct.Struct("<32xQ96xII")  # of a struct statx: the inode, the major and minor number of its device
_ROOM = ctypes.c_char * 256  # for a struct statx
_STATX: Any
try:
    _STATX = ctypes.CDLL(None).statx
except (AttributeError, OSError, TypeError):  # another system than Linux, or an old C library
    _STATX = None
"""Tells a file's inode without a look at its times. Since Linux 6.13 a file whose times were looked at is given finer
ones when it is next written, and a sync has to store them: a commit took 40 us longer, of 120 (docs/lab.md)."""


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
    if stamped:
        with contextlib.suppress(OSError):
            found = os.stat(path)  # noqa: PTH116
            stamp = (found.st_mtime_ns, found.st_size)
    file, log, shared = _names(path)
    told = _ROOM()
    return Files(_inode(file, told), _inode(log, told), _inode(shared, told), stamp)


@lru_cache
def _names(path: str) -> tuple[bytes, bytes, bytes]:
    name = os.fsencode(path)
    return name, name + b"-wal", name + b"-shm"


def log_is_empty(path: str) -> bool:
    """Whether nobody has written to the log that is there: it is missing, or has no byte."""
    try:
        return os.stat(f"{path}-wal").st_size == 0  # noqa: PTH116
    except OSError:
        return True


def _inode(path: bytes, told: ctypes.Array[ctypes.c_char]) -> Inode | None:
    """Of what is at a path; ``told`` is room for what the system says."""
    if _STATX is not None and _STATX(_HERE, path, 0, _INODE, told) == 0:
        inode, major, minor = _PLACE.unpack_from(told)
        return inode, major, minor
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_ino, os.major(found.st_dev), os.minor(found.st_dev)


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
