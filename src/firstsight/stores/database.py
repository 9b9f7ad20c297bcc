"""A SQLite file that several processes share: every commit synced, its errors in sentences, made anew where it was
replaced."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from firstsight.errors import StorageError, UnreadableError
from firstsight.files import sync_folder
from firstsight.stores import opening
from firstsight.stores.files_on_disk import Files, closing_as_not_the_last, log_is_empty, on_disk
from firstsight.stores.residue import Gone

_WAIT = 30.0  # seconds for another process to finish its write
_CACHE, _USUAL_CACHE = 64_000, 2_000  # KiB of pages; the latter is SQLite's own
_TRIES = 5  # to open files that are replaced meanwhile
_MOMENT = 0.5  # seconds for another process to finish reading before what was removed is called not yet erased


class Database:
    """A connection to a gallery file, made again by itself where its files were replaced or the process was forked off.

    Args:
        path: of the file.
        make: how a gallery is made there, for messages.
        new: whether it may be made now.
    """

    def __init__(self, path: Path, make: str, *, new: bool) -> None:
        self.path, self._hint = path, make
        self.age = 0
        self.lock = threading.RLock()
        self._wait = _WAIT
        self._real = os.path.realpath(path)
        self._files: Files | None = None  # as they were opened; None while there is no connection
        self._read_only = self._without_locks = False
        self._inherited = False
        self._gone = Gone()
        self._connect(new=new)
        self.erase(patient=False)

    def _connect(self, *, new: bool = False) -> None:
        """Open the file; of another format, bring it to this one.

        Raises:
            StorageError: its log or the index of it is taken away while it is opened, or was, under others who write.
        """
        with _OPENING:
            for _ in range(_TRIES):
                before = on_disk(os.path.realpath(self.path))
                self._connect_once(new=new)
                if self._is_sound(before):
                    _OPEN.add(self)
                    return
                with closing_as_not_the_last(self._real):
                    self._let_go()
                    stuck = [other for other in _others(self) if not other.leave_soon()]
                if stuck:
                    break
        raise StorageError(
            f"the log of {self.path} was removed while others use it; ask again in a moment, or end the processes that "
            "have it open"
        )

    def _connect_once(self, *, new: bool) -> None:
        opening.check_place(self.path, self._hint, new=new)
        self._real = os.path.realpath(self.path)
        with self._guard():
            for other in _others(self):
                other.refresh()
            if new:
                opening.make_file(self.path)
            self._read_only = self._without_locks = False
            try:
                self.db = opening.to_write(self.path, self._hint, new=new, wait=self._wait)
            except sqlite3.OperationalError as error:
                if new or error.sqlite_errorcode & 0xFF not in opening.NOT_WRITABLE:
                    raise
                self._read_only = True
                self.db, self._without_locks = opening.to_read(self.path, self._hint, wait=self._wait)
            self._files = self._on_disk()
            self._gone.watch(self.db)
            self.age += 1

    def _is_sound(self, before: Files) -> bool:
        """Whether what was opened is what has the names, and the log is the one that its index tells of."""
        now = self._files
        if self._read_only or now is None:
            return True
        if None in now[:3] or any(was not in (None, there) for was, there in zip(before[:3], now[:3], strict=True)):
            return False
        if before.log is not None or before.shared is None:
            return True
        try:  # an index of a log that was removed: nothing of it may be missing from the file
            busy, size, done = self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return False
        return not busy and done >= size

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For statements that read; each sees one moment."""
        with self.lock, self._guard():
            self._revive()
            yield self.db

    @contextmanager
    def writing(self, *, many: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: when this ends without an error it is on disk, in the files that have the names.

        For one of ``many`` rows more pages are held, which would else be written twice.
        """
        with self.lock:
            with self._guard():
                self._begin(many=many)
                try:
                    yield self.db
                    removed = self.db.execute("SELECT 1 FROM erasing LIMIT 1").fetchone()
                    self.db.execute("COMMIT")
                except BaseException:
                    if self.db.in_transaction:
                        self.db.execute("ROLLBACK")
                    self._gone.take_back()
                    raise
                finally:
                    if many:
                        self.db.execute(f"PRAGMA cache_size=-{_USUAL_CACHE}")
                        self.db.execute("PRAGMA shrink_memory")
                self._acknowledge()
            if removed:
                self.erase(patient=False)

    def _begin(self, *, many: bool) -> None:
        """Begin a write in the files that have the names: where these are others by now, open them first.

        Raises:
            StorageError: they were replaced while this waited its turn, again and again.
        """
        for _ in range(_TRIES):
            if self._files is None or self._inherited:
                self._revive()
            if many:
                self.db.execute(f"PRAGMA cache_size=-{_CACHE}")
            self._gone.begin()
            try:
                self.db.execute("BEGIN IMMEDIATE")
                if self._on_disk() == self._files:  # and nobody else writes now
                    return
                self.db.execute("ROLLBACK")
            except sqlite3.Error:
                if self._on_disk() == self._files:
                    raise
            self._revive()
        raise StorageError(f"the files of {self.path} were replaced just now, so nothing is stored; ask again")

    def erase(self, *, patient: bool = True) -> bool:
        """Bring what was removed out of the log and out of every page; False while another process is in the way.

        A transaction that removes anything leaves a row in ``erasing``; whoever writes next, anywhere, tries again.
        SQLite overwrites what is deleted, but where it splits or joins pages it leaves copies in the room between
        their heads and their rows. So who removed something looks there for it, and the file is made anew (VACUUM)
        where it is found, or where somebody else removed it and was killed.
        """
        with self.lock:
            try:
                found = self.db.execute("SELECT id, vacuum FROM erasing ORDER BY id").fetchall()
                if not found:
                    return True
                self.db.execute(f"PRAGMA busy_timeout={int(_MOMENT * 1000) if patient else 0}")
                try:
                    if any(mark not in self._gone.marks for _, mark in found):
                        self.db.execute("VACUUM")
                    if self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                        return False
                    if self._gone.is_left(self._real, self.db):
                        self.db.execute("VACUUM")
                        if self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                            return False
                    self.db.execute("DELETE FROM erasing WHERE id <= ?", found[-1][:1])
                    self._gone.forget()
                finally:
                    self.db.execute(f"PRAGMA busy_timeout={int(self._wait * 1000)}")
            except sqlite3.Error:  # a full disk, say: what was asked for is done, and this is tried again
                return False
            return True

    def close(self) -> None:
        """Release the file."""
        with self.lock:
            if self._inherited:
                return
            found = self._on_disk()
            if self._files is not None and found == self._files:
                self.erase(patient=False)
            elif self._files is not None:
                with contextlib.suppress(StorageError, sqlite3.Error, OSError):
                    self._leave(found)
            self._let_go()

    def _on_disk(self) -> Files:
        return on_disk(self._real, stamped=self._without_locks)

    def _revive(self) -> None:
        """Where a file was removed or replaced, SQLite would go on in the old one: open it anew, or refuse."""
        if self._inherited:
            raise StorageError(f"{self.path} was amid a write when this process was forked off; open it anew")
        found = self._on_disk()
        if found == self._files:
            return
        if found.database is None:
            raise StorageError(f"{self.path} has vanished; bring it back, what was acknowledged is in it")
        if self._files is not None:
            if self.db.in_transaction:  # a step of a write, which looks again before it is acknowledged
                return
            self._leave(found)
        self._connect()
        self.erase()

    def _acknowledge(self) -> None:
        """After a commit: refuse to acknowledge what went into files that no longer have the names."""
        found, mine = self._on_disk(), self._files
        if found == mine:
            return
        if mine is None or found.database != mine.database:
            raise StorageError(f"{self.path} vanished while it was written, so this is not stored; bring it back")
        self._leave(found)  # of a log that was removed, all is in the file now
        if found.log == mine.log:
            raise StorageError(f"{self._real}-shm vanished while {self.path} was written, so this may be lost; look")

    def _leave(self, found: Files) -> None:
        with _OPENING:
            self._leave_once(found)

    def _leave_once(self, found: Files) -> None:
        """Close the connection to files that no longer have the names, without losing what is in their log.

        Connections of one process share the index of the log, so all of them have to close before one opens again.

        Raises:
            StorageError: others still read through them, or another log has been begun meanwhile.
        """
        if self._files is None or found.database != self._files.database:
            self._let_go()
            return
        copy = None
        if found.log != self._files.log and not self._read_only:
            if log_is_empty(self._real):
                self._bring_in()
            elif found.shared != self._files.shared:  # of one index: who began the other log has brought this one in
                copy = self._save()
        with closing_as_not_the_last(self._real):
            self._let_go()
            stuck = [other for other in _others(self) if not other.leave_soon()]
        if stuck:
            raise StorageError(f"{self.path} can't be opened anew while others are reading it; ask again")
        if copy is not None:
            raise StorageError(
                f"the log of {self.path} was removed and another one begun while it was in use; all that this process "
                f"had stored is in {copy}: compare the two, and enroll again what is missing"
            )

    def _bring_in(self) -> None:
        """Bring the log that was removed, and that this process still has open, into the file."""
        busy, size, done = self.db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if busy or done < size:
            raise StorageError(
                f"the log of {self.path} was removed while it was in use, and can't be brought into it while others "
                "read it; ask again"
            )

    def _save(self) -> Path:
        """A copy of all that this connection sees, beside the file."""
        copy = Path(f"{self._real}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.db")
        opening.make_file(copy)
        self.db.execute("VACUUM INTO ?", (str(copy),))
        sync_folder(copy.parent)
        return copy

    def _let_go(self) -> None:
        """Close the connection; the next use opens another one."""
        self._files = None
        self.db.close()

    def has_open(self, real: str) -> bool:
        """Whether this is a connection to the file at a path without links."""
        return self._files is not None and self._real == real

    def leave_soon(self) -> bool:
        """Close the connection of another thread, where it is idle within a moment."""
        if not self.lock.acquire(timeout=_MOMENT):
            return False
        try:
            self._let_go()
        finally:
            self.lock.release()
        return True

    def refresh(self) -> None:
        """Leave files that no longer have the names, before another connection of this process opens those that do.

        Raises:
            StorageError: it is in use, see also :meth:`_leave`.
        """
        if self._files in (None, self._on_disk()):
            return
        if not self.lock.acquire(timeout=_MOMENT):
            raise StorageError(f"{self.path} can't be opened anew while others are reading it; ask again")
        try:
            found = self._on_disk()
            if self._files not in (None, found):
                self._leave(found)
        finally:
            self.lock.release()

    def inherit(self, *, idle: bool) -> None:
        """In a process that was forked off, whose parent's locks are not its own, though SQLite would believe so.

        Where it was ``idle`` the connection is closed, and made at the next use. Amid a write of its parent not even
        that is safe: it is of no use then.
        """
        if idle and (self._files is None or not self.db.in_transaction):
            self._let_go()
        else:
            self._inherited, self.lock = True, threading.RLock()

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

_OPENING = threading.RLock()  # opening and leaving concern all connections of the process
_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()  # all of this process
_FORKING = threading.Lock()
_PAUSED: dict[Database, threading.RLock] = {}  # those that are idle while it forks


def _others(mine: Database) -> list[Database]:
    """The other connections of this process to the same file."""
    return [one for one in list(_OPEN) if one is not mine and one.has_open(mine._real)]


def _pause() -> None:
    """Before a fork: nobody is amid a statement, whose half the child would inherit."""
    _FORKING.acquire()
    _PAUSED.update((one, one.lock) for one in list(_OPEN) if one.lock.acquire(timeout=_MOMENT))


def _go_on() -> None:
    for lock in _PAUSED.values():
        lock.release()
    _PAUSED.clear()
    _FORKING.release()


def _begin_anew() -> None:
    """In the child."""
    for one in list(_OPEN):
        one.inherit(idle=one in _PAUSED)
    _go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause, after_in_parent=_go_on, after_in_child=_begin_anew)
