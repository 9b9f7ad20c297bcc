"""Rows of a gallery file as values, and the small statements that several of its writes share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from firstsight.errors import GalleryError, likeliest
from firstsight.types import FloatArray, Lengths, Portion, Reference
from firstsight.vectors import odd, told

_COMPARED, _BEGINNING = 1000, 20  # names: of a whole gallery, and of those with one beginning
_LAST = "\U0010ffff"
_LIKELY = 60  # characters of a name that is compared
ALL = "reference r CROSS JOIN identity i"  # in their order, which spares sorting
ONE = "identity i CROSS JOIN reference r"
REFERENCE = """SELECT r.id, i.name, r.source, r.created, coalesce(r.key, ''),
    EXISTS (SELECT 1 FROM image WHERE reference = r.id), r.metadata{more}
    FROM {tables} ON i.id = r.identity WHERE i.gallery = ?{where} ORDER BY r.id"""
IDENTITY = """SELECT i.name, (SELECT count(*) FROM reference r WHERE r.identity = i.id), i.metadata FROM identity i
    WHERE +i.gallery = ? AND i.id > ? ORDER BY i.id LIMIT ?"""
"""Identities in the order of the table, so that a limit ends the reading."""
EVERYBODY = """SELECT i.id, i.name, r.vector FROM identity i JOIN reference r ON r.identity = i.id
    WHERE +i.gallery = ? ORDER BY i.id, r.id"""
"""The whole table of identities in its order: no index, no sorting."""
CHANGED = """WITH touched (id) AS (
        SELECT identity FROM reference WHERE id > ? UNION SELECT identity FROM change WHERE id > ? AND gallery = ?
    )
    SELECT t.id, i.name, r.vector FROM touched t LEFT JOIN identity i ON i.id = t.id
    LEFT JOIN reference r ON r.identity = t.id WHERE i.gallery = ? OR i.id IS NULL ORDER BY t.id, r.id"""
CREATE = """INSERT INTO gallery (id, name, model, fingerprint, dim, keep_sources, created) VALUES (1 + max(
    (SELECT coalesce(max(id), 0) FROM gallery), (SELECT coalesce(max(gallery), 0) FROM change)), ?, ?, ?, ?, ?, ?)"""
"""A gallery; its number is higher than that of any before, dropped ones too."""
IMAGE = """SELECT m.data FROM image m JOIN reference r ON r.id = m.reference
    JOIN identity i ON i.id = r.identity WHERE m.reference=? AND i.gallery=?"""
KNOWN = """SELECT i.name, r.key FROM identity i JOIN reference r ON r.identity = i.id
    WHERE i.gallery=? AND r.key IN (SELECT value FROM json_each(?))"""
SAID = "SELECT name, metadata FROM identity WHERE gallery=? AND name IN (SELECT value FROM json_each(?))"
LAST = """SELECT max(coalesce((SELECT max(id) FROM identity), 0), coalesce(c.last_identity, 0)),
    max(coalesce((SELECT max(id) FROM reference), 0), coalesce(c.last_reference, 0)), coalesce(c.id, 0),
    (SELECT fingerprint FROM gallery WHERE id = ?)
    FROM (SELECT 1) LEFT JOIN change c ON c.id = (SELECT max(id) FROM change)"""
"""The highest numbers ever given, of an identity, a reference, a change; and the fingerprint of a gallery."""


def portion(address: str, dim: int, lengths: Lengths, rows: Sequence[tuple[int, str | None, bytes | None]]) -> Portion:
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
    made = matrix(address, dim, lengths, vectors)
    return Portion(np.array(ids, np.int64), names, made, np.array(owners, np.int64))


def matrix(address: str, dim: int, lengths: Lengths, rows: Sequence[tuple[str | None, bytes]]) -> FloatArray:
    """``(n, dim)`` float32 of the vectors of names; of a name those that it has, first enrolled first.

    Raises:
        GalleryError: one is no vector of so many numbers, or not finite, or of no length that vectors here have.
    """
    for name, vector in rows:
        if not isinstance(vector, bytes) or len(vector) != 4 * dim:
            raise GalleryError(
                f"{address} holds a damaged vector of {name!r}, {dim} numbers were expected; restore it from a backup"
            )
    joined = np.frombuffer(b"".join(vector for _, vector in rows), "<f4")
    made: FloatArray = joined.reshape(len(rows), dim).astype(np.float32, copy=False)
    wrong = odd(made, lengths)
    if len(wrong):
        name = rows[wrong[0]][0]
        place = 1 + sum(other == name for other, _ in rows[: wrong[0]])
        raise GalleryError(
            f"{address} holds a vector of {name!r}, its reference {place}, that {told(made[wrong[0]], lengths)}; it "
            f"did not come from the model: firstsight remove {address} NAME, or restore the file from a backup"
        )
    return made


def last(db: sqlite3.Connection, gallery: int) -> tuple[int, int, int, str | None]:
    """See ``LAST``; no fingerprint is one of a gallery that was dropped."""
    identity, reference, change, fingerprint = db.execute(LAST, (gallery,)).fetchone()
    return identity, reference, change, fingerprint


def touch(db: sqlite3.Connection, gallery: int, identity: int) -> None:
    """Tell the others that more happened to an identity than a new reference; before anything is deleted."""
    db.execute(
        "INSERT INTO change (gallery, identity, last_identity, last_reference) VALUES (?, ?, ?, ?)",
        (gallery, identity, *last(db, gallery)[:2]),
    )


def count(db: sqlite3.Connection, owner: int) -> int:
    """How many references an identity has."""
    return int(db.execute("SELECT count(*) FROM reference WHERE identity=?", (owner,)).fetchone()[0])


def said(db: sqlite3.Connection, owner: int) -> dict[str, str]:
    """What is said of an identity."""
    return parsed(db.execute("SELECT metadata FROM identity WHERE id=?", (owner,)).fetchone()[0])


def nearest(db: sqlite3.Connection, gallery: int, name: str) -> str | None:
    """Which identity was probably meant by a name that nobody has: of all, or of many those that begin alike."""
    if len(name) > _LIKELY:
        return None
    query = "SELECT name FROM identity WHERE gallery=? AND name>=? AND name<? ORDER BY name LIMIT ?"
    found = {row[0] for row in db.execute(query, (gallery, "", _LAST, _COMPARED))}
    if len(found) == _COMPARED:
        spellings = {name, name.lower(), name.upper(), name.title(), name[:1].swapcase() + name[1:]}
        begins = {one[:n] for one in spellings for n in (len(one), len(one) - 1, len(one) * 2 // 3, 3, 2, 1) if n > 0}
        ranges = ((gallery, begin, begin + _LAST, _BEGINNING) for begin in begins)
        found = {row[0] for given in ranges for row in db.execute(query, given)}
    return likeliest(name, sorted(one for one in found if len(one) <= _LIKELY))


def erase_later(db: sqlite3.Connection) -> None:
    """The bytes that this transaction deletes are to be brought out of the log, and out of every page.

    What is drawn tells whose they are: to everybody else it says that the file is to be made anew.
    """
    db.execute("INSERT INTO erasing (vacuum) VALUES ((random() & 4611686018427387903) | 2)")


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
