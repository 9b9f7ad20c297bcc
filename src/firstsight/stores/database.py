"""A SQLite file that several processes share: opened with care, every commit synced, its errors in sentences."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstsight.errors import StorageError, UnreadableError
from firstsight.files import FILE, FOLDER, MISSING, state_of
from firstsight.stores import schema

_MAGIC = b"SQLite format 3\0"
_WAIT = 30.0  # seconds for another process to finish its write
_CACHE, _USUAL_CACHE = 64_000, 2_000  # KiB of pages; the latter is SQLite's own
_MOMENT = 0.5  # seconds for another process to finish reading before what was removed is called not yet erased


class Database:
    """A connection to a gallery file, made again by itself when the file was replaced.

    Args:
        path: of the file.
        make: how a gallery is made there, for messages.
        new: whether it may be made now.
    """

    def __init__(self, path: Path, make: str, *, new: bool) -> None:
        self.path, self._hint = path, make
        self.age = 0
        self._lock = threading.RLock()
        self._wait = _WAIT
        self._place: tuple[int, int] | None = None
        self._connect(new=new)
        self.erase(patient=False)

    def _connect(self, *, new: bool = False) -> None:
        """Open the file; of another format, bring it to this one."""
        self._check_place(new=new)
        with self._guard():
            if new and not self.path.exists():
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self.db = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None, check_same_thread=False)
            try:
                if not new and not self.has_tables():
                    raise UnreadableError(f"{self.path} is empty; {self._hint}")
                self._prepare(new=new)
                self._place = self._inode()
                self.age += 1
            except BaseException:
                self.db.close()
                raise

    def _prepare(self, *, new: bool) -> None:
        self.has_tables()  # before anything is written to what may be another's file
        self._write_ahead()
        for setting in ("synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            self.db.execute(f"PRAGMA {setting}")
        if new or self._version() < schema.FORMAT:
            with self._transaction():
                if not self.has_tables():
                    schema.make(self.db)
                elif self._version() < schema.FORMAT:
                    schema.migrate(self.db, self._version())

    def _check_place(self, *, new: bool) -> None:
        """Refuse what can't be a gallery before SQLite, which takes any short file for an empty database."""
        state, parent = state_of(self.path), state_of(self.path.parent)
        if new and state != FILE and (state, parent) != (MISSING, FOLDER):
            raise UnreadableError(f"{self.path} can't be a gallery: a file in an existing folder was expected")
        if not new and state == MISSING:
            raise UnreadableError(f"{self.path} does not exist; {self._hint}")
        if not new and state != FILE:
            raise UnreadableError(f"{self.path} {state}, the file of a gallery was expected")
        if state == FILE:
            try:
                with self.path.open("rb") as file:
                    head = file.read(len(_MAGIC))
            except OSError as error:
                raise UnreadableError(f"{self.path} can't be read ({error.strerror}), a gallery was expected") from None
            if head not in (b"", _MAGIC):
                raise UnreadableError(f"{self.path} is not a gallery or is damaged; give the gallery another file")

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def has_tables(self) -> bool:
        """Whether the file is a gallery's, and not a database without anything in it.

        Raises:
            UnreadableError: it is a database of something else, or of a later format.
        """
        tables = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application = self.db.execute("PRAGMA application_id").fetchone()[0]  # after the tables: they come together
        if application == schema.APPLICATION:
            version = self._version()
            if not 1 <= version <= schema.FORMAT:
                raise UnreadableError(
                    f"{self.path} is a gallery of format {version}, this FirstSight reads formats up to "
                    f"{schema.FORMAT}; update FirstSight"
                )
        elif tables:
            raise UnreadableError(f"{self.path} is a database but not a gallery; give the gallery another file")
        return bool(tables)

    def _write_ahead(self) -> None:
        """Turn the write-ahead log on; SQLite itself does not wait here while others do the same."""
        deadline = time.monotonic() + self._wait
        while True:
            try:
                self.db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For statements that read; each sees one moment."""
        with self._lock, self._guard():
            self._revive()
            yield self.db

    @contextmanager
    def writing(self, *, many: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: when this ends without an error it is on disk, in the file that has the name.

        For one of ``many`` rows more pages are held, which would else be written twice.
        """
        with self._lock:
            with self._guard():
                self._revive()
                if many:
                    self.db.execute(f"PRAGMA cache_size=-{_CACHE}")
                try:
                    with self._transaction():
                        yield self.db
                finally:
                    if many:
                        self.db.execute(f"PRAGMA cache_size=-{_USUAL_CACHE}")
                        self.db.execute("PRAGMA shrink_memory")
                if self._inode() != self._place:
                    raise StorageError(
                        f"{self.path} vanished while it was written, so this is not stored; bring it back"
                    )
            self.erase(patient=False)

    def erase(self, *, patient: bool = True) -> bool:
        """Bring what was removed out of the write-ahead log; False while another process is in the way.

        A transaction that removes anything leaves a row in ``erasing``; whoever writes next, anywhere, tries again.
        """
        with self._lock:
            try:
                last, vacuum = self.db.execute("SELECT max(id), max(vacuum) FROM erasing").fetchone()
                if last is None:
                    return True
                self.db.execute(f"PRAGMA busy_timeout={int(_MOMENT * 1000) if patient else 0}")
                try:
                    if vacuum:
                        self.db.execute("VACUUM")
                    if self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                        return False
                    self.db.execute("DELETE FROM erasing WHERE id <= ?", (last,))
                finally:
                    self.db.execute(f"PRAGMA busy_timeout={int(self._wait * 1000)}")
            except sqlite3.Error:  # a full disk, say: what was asked for is done, and this is tried again
                return False
            return True

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            with contextlib.suppress(sqlite3.Error):
                if self._inode() == self._place:
                    self.erase(patient=False)
            self.db.close()

    def _inode(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116  twice as fast as Path.stat, and done at every step
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _revive(self) -> None:
        """Where the file was removed or replaced, SQLite would go on in the old one: open it anew, or refuse."""
        place = self._inode()
        if place == self._place:
            return
        if place is None:
            raise StorageError(f"{self.path} has vanished; bring it back, what was acknowledged is in it")
        self.db.close()
        self._place = None
        self._connect()
        self.erase()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError, OSError) as error:
            known = _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
            reason = known.format(self._wait) if known else getattr(error, "strerror", None) or error
            raise StorageError(
                f"{self.path} can't be read or written ({reason}); what was acknowledged before is intact"
            ) from None
        except sqlite3.DatabaseError as error:
            raise UnreadableError(f"{self.path} is not a gallery or is damaged ({error}); restore it") from None


_REASONS = {
    sqlite3.SQLITE_BUSY: "another process has been writing it for over {:g} s; try again",
    sqlite3.SQLITE_READONLY: "it is read-only; make the file and its folder writable",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
}
