"""Opening the SQLite file of a gallery: to write, or where it may not be written, to read; never beside SQLite.

POSIX drops all locks that a process has on a file when it closes *any* descriptor of it (SQLite, "How To Corrupt An
SQLite Database File", 2.2). So nothing here opens the file by itself, not even to look at its first bytes.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from firstsight.errors import UnreadableError
from firstsight.files import FILE, FOLDER, MISSING, state_of, sync_folder
from firstsight.stores import schema
from firstsight.stores.files_on_disk import log_is_empty

NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_LEAST = 100  # bytes of the head of a SQLite file; one of a single byte is an empty database to SQLite


def check_place(path: Path, hint: str, *, new: bool) -> None:
    """Refuse what can't be a gallery, by what the system tells of it.

    Args:
        path: of the file.
        hint: how a gallery is made there.
        new: whether it may be made now.

    Raises:
        UnreadableError: it can't.
    """
    state, parent = state_of(path), state_of(path.parent)
    if new and state != FILE and (state, parent) != (MISSING, FOLDER):
        raise UnreadableError(f"{path} can't be a gallery: a file in an existing folder was expected")
    if not new and state == MISSING:
        raise UnreadableError(f"{path} does not exist; {hint}")
    if not new and state != FILE:
        raise UnreadableError(f"{path} {state}, the file of a gallery was expected")
    if state == FILE:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or 0 < found.st_size < _LEAST:
            raise UnreadableError(f"{path} is not a gallery or is damaged; give the gallery another file")
        if not os.access(path, os.R_OK):
            raise UnreadableError(f"{path} can't be read (Permission denied), a gallery was expected")


def make_file(path: Path) -> None:
    """An empty file for its owner alone, where there is none; without a descriptor, whose closing would drop locks."""
    with contextlib.suppress(FileExistsError):
        os.mknod(path, 0o600 | stat.S_IFREG)
        sync_folder(path.parent)


def to_write(path: Path, hint: str, *, new: bool, wait: float) -> sqlite3.Connection:
    """A connection to a file of today's format; one of an older format is brought to it.

    Args:
        path, hint, new: as above.
        wait: seconds for another process to finish its write.

    Raises:
        UnreadableError: it is no gallery.
        sqlite3.Error: it is damaged, can't be written, or is being written for longer.
    """
    with _connected(sqlite3.connect(path, wait, isolation_level=None, check_same_thread=False)) as db:
        if not _has_tables(db, path) and not new:  # before anything is written to what may be another's file
            raise UnreadableError(f"{path} is empty; {hint}")
        _write_ahead(db, wait)
        for setting in ("synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {setting}")
        if new or _version(db) < schema.FORMAT:
            with transaction(db):
                if not _has_tables(db, path):
                    schema.make(db)
                elif _version(db) < schema.FORMAT:
                    schema.migrate(db, _version(db))
        return db


def to_read(path: Path, hint: str, *, wait: float) -> tuple[sqlite3.Connection, bool]:
    """A connection to a file that may not be written, and whether it heeds no locks.

    Where another process has the file open its log is read with it. Where nobody has, there is no log, and SQLite
    could not make one: the file is then read as it lies.

    Raises:
        UnreadableError: it is no gallery, or one of an older format.
        sqlite3.Error: it is damaged, or has a log that can't be read without writing.
    """
    place = f"file:{quote(os.path.realpath(path))}?mode=ro"
    try:
        return _reading(place, path, hint, wait), False
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in NOT_WRITABLE or not log_is_empty(os.path.realpath(path)):
            raise
    return _reading(f"{place}&immutable=1", path, hint, wait), True


def _reading(place: str, path: Path, hint: str, wait: float) -> sqlite3.Connection:
    with _connected(sqlite3.connect(place, wait, isolation_level=None, check_same_thread=False, uri=True)) as db:
        if not _has_tables(db, path):
            raise UnreadableError(f"{path} is empty; {hint}")
        if _version(db) < schema.FORMAT:
            raise UnreadableError(
                f"{path} is a gallery of format {_version(db)} and read-only, so it can't be brought to format "
                f"{schema.FORMAT}; copy it to where it can be written"
            )
        return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; others that write wait."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def _connected(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close it where it turns out to be of no use."""
    try:
        yield db
    except BaseException:
        db.close()
        raise


def _has_tables(db: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is a gallery's, and not a database without anything in it.

    Raises:
        UnreadableError: it is a database of something else, or of a later format.
    """
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]  # after the tables: they come together
    if application == schema.APPLICATION:
        version = _version(db)
        if not 1 <= version <= schema.FORMAT:
            raise UnreadableError(
                f"{path} is a gallery of format {version}, this FirstSight reads formats up to {schema.FORMAT}; "
                "update FirstSight"
            )
    elif tables:
        raise UnreadableError(f"{path} is a database but not a gallery; give the gallery another file")
    return bool(tables)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _write_ahead(db: sqlite3.Connection, wait: float) -> None:
    """Turn the write-ahead log on; SQLite itself does not wait here while others do the same."""
    deadline = time.monotonic() + wait
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
