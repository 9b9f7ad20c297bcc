"""Rows of a gallery file as values, and the small statements that several of its writes share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from firstsight.errors import GalleryError
from firstsight.types import FloatArray, Portion, Reference

ALL = "reference r CROSS JOIN identity i"  # in their order, which spares sorting
ONE = "identity i CROSS JOIN reference r"
REFERENCE = """SELECT r.id, i.name, r.source, r.created, coalesce(r.key, ''),
    EXISTS (SELECT 1 FROM image WHERE reference = r.id), r.metadata{more}
    FROM {tables} ON i.id = r.identity WHERE i.gallery = ?{where} ORDER BY r.id"""
CHANGED = """SELECT i.id, i.name, r.vector FROM identity i LEFT JOIN reference r ON r.identity = i.id
    WHERE {where} ORDER BY i.id, r.id"""


def portion(address: str, dim: int, rows: Sequence[tuple[int, str | None, bytes | None]]) -> Portion:
    """From rows of ``CHANGED``, whole identities."""
    ids: list[int] = []
    names, owners, vectors = [], [], []
    for number, name, vector in rows:
        if not ids or ids[-1] != number:
            ids.append(number)
            names.append(name)
        if vector is not None:
            owners.append(len(ids) - 1)
            vectors.append((name, vector))
    return Portion(np.array(ids, np.int64), names, matrix(address, dim, vectors), np.array(owners, np.int64))


def matrix(address: str, dim: int, rows: Sequence[tuple[str | None, bytes]]) -> FloatArray:
    """``(n, dim)`` float32 of the vectors of names.

    Raises:
        GalleryError: one has another length or type.
    """
    for name, vector in rows:
        if not isinstance(vector, bytes) or len(vector) != 4 * dim:
            raise GalleryError(
                f"{address} holds a damaged vector of {name!r}, {dim} numbers were expected; restore it from a backup"
            )
    joined = np.frombuffer(b"".join(vector for _, vector in rows), "<f4")
    return joined.reshape(len(rows), dim).astype(np.float32, copy=False)


def following(db: sqlite3.Connection, table: str) -> int:
    """The number that the next row gets; none is given twice, whatever was deleted."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name=?", (table,)).fetchone()
    return int(row[0]) + 1 if row else 1


def count(db: sqlite3.Connection, owner: int) -> int:
    """How many references an identity has."""
    return int(db.execute("SELECT count(*) FROM reference WHERE identity=?", (owner,)).fetchone()[0])


def said(db: sqlite3.Connection, owner: int) -> dict[str, str]:
    """What is said of an identity."""
    return parsed(db.execute("SELECT metadata FROM identity WHERE id=?", (owner,)).fetchone()[0])


def erase_later(db: sqlite3.Connection) -> None:
    """The bytes that this transaction deletes are to be brought out of the log."""
    db.execute("INSERT INTO erasing (vacuum) VALUES (0)")


def reference(row: tuple[Any, ...]) -> Reference:
    """From the first columns of ``REFERENCE``."""
    return Reference(row[0], row[1], row[2], row[3], row[4], bool(row[5]), parsed(row[6]))


def dumped(metadata: Mapping[str, str]) -> str | None:
    """Metadata as it is stored."""
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True) if metadata else None


def parsed(metadata: str | None) -> dict[str, str]:
    """Metadata from how it is stored."""
    said: dict[str, str] = json.loads(metadata) if metadata else {}
    return said


def now() -> str:
    """The time, for people: nothing is ordered by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
