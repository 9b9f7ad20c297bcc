"""How references come into a gallery file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from firstsight.errors import GalleryError
from firstsight.stores import rows
from firstsight.types import Entry, FloatArray, Lengths
from firstsight.vectors import floats, odd, told

_USUAL = np.dtype(np.float32)


def fitting(entries: Sequence[Entry], dim: int, lengths: Lengths) -> FloatArray:
    """The vectors ``(n, dim)`` of all entries, one after another.

    Raises:
        GalleryError: some are of another shape or type, not finite, or of no length that vectors here have.
    """
    several = []
    for identity, vectors, sources, *_ in entries:
        shape = (len(sources), dim)
        usual = isinstance(vectors, np.ndarray) and vectors.dtype == _USUAL and vectors.shape == shape and sources
        several.append(vectors if usual else floats(vectors, (max(1, shape[0]), dim), repr(identity), GalleryError))
    if not several:
        return np.empty((0, dim), np.float32)
    joined: FloatArray = several[0] if len(several) == 1 else np.concatenate(several)
    wrong = odd(joined, lengths)
    if len(wrong):
        whose = np.repeat(np.arange(len(several)), [len(vectors) for vectors in several])[wrong[0]]
        raise GalleryError(
            f"a vector of {entries[whose].identity!r} {told(joined[wrong[0]], lengths)}; embed its image by the "
            "gallery's model"
        )
    return joined


def identities(db: sqlite3.Connection, gallery: int, names: list[str], top: int) -> dict[str, int]:
    """Number of each name, made above ``top`` where it has none."""
    ids = dict(zip(names, range(top + 1, top + 1 + len(names)), strict=True))
    new = db.executemany(
        "INSERT INTO identity (id, gallery, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        ((number, gallery, name) for name, number in ids.items()),
    ).rowcount
    if new < len(names):
        query = "SELECT name, id FROM identity WHERE gallery=? AND name IN (SELECT value FROM json_each(?))"
        ids |= dict(db.execute(query, (gallery, json.dumps(names))))
    return ids


def references(
    db: sqlite3.Connection,
    entries: Sequence[Entry],
    vectors: FloatArray,
    ids: dict[str, int],
    top: int,
    number: int,
) -> list[tuple[int, int]]:
    """Those that their identity does not have yet; for each entry how many are added, and how many there then are.

    Args:
        db: within a transaction.
        entries: whose vectors these are.
        vectors: ``(n, d)`` of all entries, one after another, as :func:`fitting` gives them.
        ids: number of each name.
        top: identities above it are new.
        number: of the first new reference.
    """
    total = {owner: rows.count(db, owner) for owner in ids.values() if owner <= top}
    size = 4 * vectors.shape[1]
    blob = memoryview(vectors.astype("<f4", copy=False).tobytes())
    images: list[tuple[int, bytes]] = []
    result: list[tuple[int, int]] = []

    def fresh() -> Iterator[tuple[Any, ...]]:
        nonlocal number
        at, now, seen = 0, rows.now(), set()
        for identity, _, sources, keys, kept, metadata, created in entries:
            owner, before, said = ids[identity], number, rows.dumped(metadata) if metadata else None
            for n, source in enumerate(sources):
                vector, at = blob[at : at + size], at + size
                key = (keys[n] or None) if keys else None
                if key is not None:
                    if (owner, key) in seen or (owner <= top and _has(db, owner, key)):
                        continue
                    seen.add((owner, key))
                if kept:
                    images.append((number, kept[n]))
                yield number, owner, vector, source, key, said, created or now
                number += 1
            total[owner] = count = total.get(owner, 0) + number - before
            result.append((number - before, count))

    db.executemany(
        "INSERT INTO reference (id, identity, vector, source, key, metadata, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        fresh(),
    )
    if images:
        db.executemany("INSERT INTO image (reference, data) VALUES (?, ?)", images)
    return result


def _has(db: sqlite3.Connection, owner: int, key: str) -> bool:
    return db.execute("SELECT 1 FROM reference WHERE identity=? AND key=?", (owner, key)).fetchone() is not None
