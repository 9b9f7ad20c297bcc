"""The default store: one SQLite file, many galleries, every acknowledged write synced to disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from firstsight.errors import GalleryError, StorageError
from firstsight.files import FILE, FOLDER, MISSING, expanded, state_of
from firstsight.types import Entry, FloatArray, Reference

_FORMAT = 1
_APPLICATION = 0x46537431  # "FSt1": tells a gallery file from any other SQLite file
_MAGIC = b"SQLite format 3\0"
_WAIT = 30.0  # seconds for another process to finish its write
_SCHEMA = """
CREATE TABLE gallery (
    name TEXT PRIMARY KEY, model TEXT NOT NULL, fingerprint TEXT NOT NULL, dim INTEGER NOT NULL, created TEXT NOT NULL
);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gallery TEXT NOT NULL REFERENCES gallery(name),
    identity TEXT NOT NULL,
    vector BLOB NOT NULL,
    source TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX reference_of ON reference (gallery, identity);
"""


@dataclass(frozen=True, slots=True)
class Contract:
    """What binds a gallery to its model.

    Attributes:
        model: shipped name or absolute path of the model.
        fingerprint: of that model; another one's vectors must not mix with these.
        dim: length of a vector.
    """

    model: str
    fingerprint: str
    dim: int


class SqliteStore:
    """One gallery in a SQLite file (``staff.db``, or ``staff.db#door`` for one of several).

    Write-ahead log with ``synchronous=FULL``: a commit returns after fsync, so an acknowledged enrolment survives
    kill -9 and power loss. Vectors are cached in memory and read again when another process commits.

    Args:
        address: file, with ``#name`` for one of several galleries (default ``main``).
    """

    def __init__(self, address: str, *, create: Contract | None = None) -> None:
        file, _, name = address.partition("#")
        self.address, self.name = address, name or "main"
        self._path = expanded(file)
        self._make = f"make it with firstsight gallery create {address} --model NAME"
        self._check_place(new=create is not None)
        self._cache: tuple[int, list[str], FloatArray] | None = None
        self._written = 0
        with self._guard():
            self._db = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            with self._guard():
                if create is not None:
                    self._create(create)
                elif not self._check_kind():
                    raise GalleryError(f"{self._path} is empty; {self._make}")
                self._write_ahead()
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.execute("PRAGMA foreign_keys=ON")
            self.contract = self._contract()
        except BaseException:
            self.close()
            raise

    def _check_place(self, *, new: bool) -> None:
        """Refuse what can't be a gallery before SQLite, which takes any short file for an empty database."""
        state, parent = state_of(self._path), state_of(self._path.parent)
        if new and state != FILE and (state, parent) != (MISSING, FOLDER):
            raise GalleryError(f"{self._path} can't be a gallery: a file in an existing folder was expected")
        if not new and state == MISSING:
            raise GalleryError(f"{self._path} does not exist; {self._make}")
        if not new and state != FILE:
            raise GalleryError(f"{self._path} {state}, the file of a gallery was expected")
        if state == FILE:
            try:
                with self._path.open("rb") as file:
                    head = file.read(len(_MAGIC))
            except OSError as error:
                raise GalleryError(f"{self._path} can't be read ({error.strerror}), a gallery was expected") from None
            if head not in (b"", _MAGIC):
                raise GalleryError(f"{self._path} is not a gallery or is damaged; give the gallery another file")

    def _write_ahead(self) -> None:
        """Turn the write-ahead log on; SQLite itself does not wait here while others do the same."""
        deadline = time.monotonic() + _WAIT
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _check_kind(self) -> bool:
        """Whether the file is a gallery's, and not a database without anything in it.

        Raises:
            GalleryError: it is a database of something else, or of another format.
        """
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application == _APPLICATION:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version != _FORMAT:
                raise GalleryError(f"{self._path} is a gallery of format {version}, this FirstSight reads {_FORMAT}")
        elif tables:
            raise GalleryError(f"{self._path} is a database but not a gallery; give the gallery another file")
        return bool(tables)

    def _create(self, contract: Contract) -> None:
        with self._transaction():
            if not self._check_kind():
                for statement in _SCHEMA.split(";"):
                    if statement.strip():
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id={_APPLICATION}")
                self._db.execute(f"PRAGMA user_version={_FORMAT}")
            if self._db.execute("SELECT 1 FROM gallery WHERE name=?", (self.name,)).fetchone():
                raise GalleryError(f"{self.address} exists already; enroll into it, or choose another name")
            self._db.execute(
                "INSERT INTO gallery VALUES (?, ?, ?, ?, ?)",
                (self.name, contract.model, contract.fingerprint, contract.dim, _now()),
            )

    def _contract(self) -> Contract:
        with self._guard():
            query = "SELECT model, fingerprint, dim FROM gallery WHERE name=?"
            row = self._db.execute(query, (self.name,)).fetchone()
            names = [r[0] for r in self._db.execute("SELECT name FROM gallery ORDER BY name")]
        if row is None:
            raise GalleryError(f"{self._path} has no gallery {self.name!r}; it has {', '.join(names) or 'none'}")
        return Contract(*row)

    def add(self, identity: str, vectors: FloatArray, sources: Sequence[str]) -> int:
        """Store ``(n, d)`` references of one identity; returns how many it now has, after they are on disk."""
        return self.add_all([(identity, vectors, sources)])[0]

    def add_all(self, entries: Sequence[Entry]) -> list[int]:
        """As :meth:`add` for each entry, in one transaction: all of them or none."""
        for _, vectors, sources in entries:
            if vectors.shape != (len(sources), self.contract.dim):
                raise GalleryError(
                    f"vectors of shape {vectors.shape} came, {(len(sources), self.contract.dim)} was expected"
                )
        with self._guard(), self._transaction():
            counts = [self._insert(*entry) for entry in entries]
        self._written += 1
        return counts

    def _insert(self, identity: str, vectors: FloatArray, sources: Sequence[str]) -> int:
        rows = [
            (self.name, identity, np.ascontiguousarray(v, "<f4").tobytes(), source, _now())
            for v, source in zip(vectors, sources, strict=True)
        ]
        self._db.executemany(
            "INSERT INTO reference (gallery, identity, vector, source, created) VALUES (?, ?, ?, ?, ?)", rows
        )
        query = "SELECT count(*) FROM reference WHERE gallery=? AND identity=?"
        return int(self._db.execute(query, (self.name, identity)).fetchone()[0])

    def remove(self, identity: str) -> int:
        """Delete all references of an identity; returns how many there were."""
        with self._guard(), self._transaction():
            cursor = self._db.execute("DELETE FROM reference WHERE gallery=? AND identity=?", (self.name, identity))
        self._written += 1
        return cursor.rowcount

    def references(self) -> list[Reference]:
        """Every stored reference, oldest first."""
        with self._guard():
            query = "SELECT id, identity, source, created FROM reference WHERE gallery=? ORDER BY id"
            return [Reference(*row) for row in self._db.execute(query, (self.name,))]

    def vectors(self) -> tuple[list[str], FloatArray]:
        """Identities (n) and their vectors ``(n, d)``, including what other processes committed."""
        with self._guard():
            version = int(self._db.execute("PRAGMA data_version").fetchone()[0]) + (self._written << 32)
            if self._cache is None or self._cache[0] != version:
                query = "SELECT identity, vector FROM reference WHERE gallery=? ORDER BY id"
                rows = self._db.execute(query, (self.name,)).fetchall()
                names, vectors = [row[0] for row in rows], [row[1] for row in rows]
                for name, vector in rows:
                    if not isinstance(vector, bytes) or len(vector) != 4 * self.contract.dim:
                        raise GalleryError(
                            f"{self.address} holds a damaged vector of {name!r}, {self.contract.dim} numbers were "
                            "expected; restore it from a backup"
                        )
                matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(rows), self.contract.dim)
                self._cache = (version, names, matrix.astype(np.float32))
        return self._cache[1], self._cache[2]

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
            raise StorageError(
                f"{self._path} can't be read or written ({error}); what was acknowledged before is intact"
            ) from None
        except sqlite3.DatabaseError as error:
            raise GalleryError(f"{self._path} is not a gallery or is damaged ({error}); restore it") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
