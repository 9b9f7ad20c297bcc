"""The default store: one SQLite file, many galleries, every acknowledged write synced to disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from firstsight.errors import GalleryError, StorageError
from firstsight.types import FloatArray, Reference

_FORMAT = 1
_APPLICATION = 0x46537431  # "FSt1": tells a gallery file from any other SQLite file
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
        self._path = Path(file).expanduser()
        if create is None and not self._path.is_file():
            raise GalleryError(f"{file} does not exist; make it with firstsight gallery create {address} --model NAME")
        if self._path.is_dir() or not self._path.parent.is_dir():
            raise GalleryError(f"{file} can't be a gallery: a file in an existing folder was expected")
        self._cache: tuple[int, list[str], FloatArray] | None = None
        self._written = 0
        with self._guard():
            self._db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            self._check_kind(new=create is not None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
        if create is not None:
            self._create(create)
        self.contract = self._contract()

    def _check_kind(self, *, new: bool) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application == _APPLICATION:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version != _FORMAT:
                raise GalleryError(f"{self._path} is a gallery of format {version}, this FirstSight reads {_FORMAT}")
        elif tables or not new:
            raise GalleryError(f"{self._path} is a database but not a gallery; give the gallery another file")

    def _create(self, contract: Contract) -> None:
        with self._guard(), self._transaction():
            if self._db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
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
        if vectors.shape != (len(sources), self.contract.dim):
            raise GalleryError(
                f"vectors of shape {vectors.shape} came, {(len(sources), self.contract.dim)} was expected"
            )
        rows = [
            (self.name, identity, np.ascontiguousarray(v, "<f4").tobytes(), source, _now())
            for v, source in zip(vectors, sources, strict=True)
        ]
        with self._guard():
            with self._transaction():
                self._db.executemany(
                    "INSERT INTO reference (gallery, identity, vector, source, created) VALUES (?, ?, ?, ?, ?)",
                    rows,
                )
            query = "SELECT count(*) FROM reference WHERE gallery=? AND identity=?"
            count = int(self._db.execute(query, (self.name, identity)).fetchone()[0])
        self._written += 1
        return count

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
                flat = np.frombuffer(b"".join(row[1] for row in rows), "<f4")
                if flat.size != len(rows) * self.contract.dim:
                    raise GalleryError(f"{self.address} holds vectors of another length; restore it from a backup")
                matrix = flat.reshape(len(rows), self.contract.dim).astype(np.float32)
                self._cache = (version, [row[0] for row in rows], matrix)
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
