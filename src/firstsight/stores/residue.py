"""Copies of deleted rows in SQLite's pages: what to look for, and looking for it.

``secure_delete`` overwrites rows that are deleted and pages that are freed. A page that is split or joined is packed
anew, though, and what stood in its middle before stays there, between the list of its rows and the first of them
(https://www.sqlite.org/fileformat.html, section 1.6).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

_LEAF_OR_INNER = {2: 12, 5: 12, 10: 8, 13: 8}  # kinds of pages that hold rows, and the bytes of their heads
_FILE_HEAD = 100  # bytes before the head of the first page
_PIECE = 32  # bytes of a long value that are looked for, at several of its places
_MOST = 10_000  # values that are looked for; of more, the file is made anew without a look
_CHUNK = 1 << 20
_WATCHED = {
    "identity": ("name", "metadata"),
    "reference": ("vector", "source", "metadata"),
    "image": ("data",),
    "event": ("identity", "actor", "place", "image"),
}


class Gone:
    """What one connection has deleted since the file was last known to hold no copies.

    Attributes:
        marks: what the rows in ``erasing`` say that stand for it.
    """

    def __init__(self) -> None:
        self.marks: set[int] = set()
        self._values: list[bytes] = []
        self._began: tuple[int, frozenset[int]] = (0, frozenset())

    def watch(self, db: sqlite3.Connection) -> None:
        """Be told of what this connection deletes or changes, by triggers of its own that are in no file."""
        db.create_function("firstsight_gone", 1, self._take)
        db.create_function("firstsight_mark", 1, self.marks.add)
        db.execute(
            "CREATE TEMP TRIGGER firstsight_marked AFTER INSERT ON main.erasing "
            "BEGIN SELECT firstsight_mark(new.vacuum); END"
        )
        for table, columns in _WATCHED.items():
            told = ", ".join(f"firstsight_gone(old.{column})" for column in columns)
            for what in ("DELETE", f"UPDATE OF {', '.join(columns)}"):
                name = f"firstsight_{what.split()[0].lower()}_{table}"
                db.execute(f"CREATE TEMP TRIGGER {name} AFTER {what} ON main.{table} BEGIN SELECT {told}; END")

    def begin(self) -> None:
        """A transaction begins."""
        self._began = (len(self._values), frozenset(self.marks))

    def take_back(self) -> None:
        """It did not come to be."""
        values, marks = self._began
        del self._values[values:]
        self.marks &= marks

    def forget(self) -> None:
        """The file holds no copies."""
        self.marks.clear()
        self._values.clear()

    def is_left(self, real: str, db: sqlite3.Connection) -> bool:
        """Whether a copy of anything may be in the file, whose log was brought into it."""
        if not self._values:
            return False
        if len(self._values) > _MOST:
            return True
        size = int(db.execute("PRAGMA page_size").fetchone()[0])
        try:
            return any(value in room for room in _rooms(real, size) for value in self._values)
        except OSError:  # no /proc, or the connection it was read through is another by now
            return True

    def _take(self, value: object) -> None:
        data = value.encode() if isinstance(value, str) else value
        if not isinstance(data, bytes) or len(self._values) > _MOST:
            return
        ends = len(data) - _PIECE
        places = sorted({0, 2 * _PIECE, 8 * _PIECE, ends // 2, ends}) if ends > 0 else [0]
        pieces = (data[place : place + _PIECE] for place in places if 0 <= place <= max(ends, 0))
        self._values += [piece for piece in pieces if piece.strip(b"\0")]


def _rooms(real: str, size: int) -> Iterator[bytes]:
    """What is between the list of rows and the rows of each page, where that is not empty.

    Raises:
        OSError: the file can't be read through a descriptor of SQLite's; one of our own would drop its locks.
    """
    handle, there = _descriptor(real)
    at, step = 0, max(size, _CHUNK // size * size)
    while data := os.pread(handle, step, at):
        found = os.fstat(handle)
        if (found.st_dev, found.st_ino) != there:
            raise OSError("the descriptor is another file's")
        for start in range(0, len(data), size):
            head = start + (_FILE_HEAD if at + start == 0 else 0)
            if head + 12 > len(data) or (length := _LEAF_OR_INNER.get(data[head])) is None:
                continue
            begin = head + length + 2 * int.from_bytes(data[head + 3 : head + 5], "big")
            end = start + (int.from_bytes(data[head + 5 : head + 7], "big") or 65536)
            room = data[begin:end]
            if room.count(0) != len(room):
                yield room
        at += len(data)


def _descriptor(real: str) -> tuple[int, tuple[int, int]]:
    """A descriptor that SQLite has of a file, and the file's device and inode."""
    there = Path(real).stat()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            found = os.fstat(int(name))
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino):
            return int(name), (there.st_dev, there.st_ino)
    raise OSError("the file is not open")
