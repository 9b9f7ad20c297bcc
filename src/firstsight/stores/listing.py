"""The galleries of one file: which there are, and dropping one with everything in it."""

from __future__ import annotations

from pathlib import Path

from firstsight.errors import MissingError
from firstsight.files import expanded
from firstsight.stores import rows
from firstsight.stores.database import Database
from firstsight.types import Dropped, GalleryInfo

_LIST = """SELECT g.name, g.model, g.fingerprint,
    (SELECT count(*) FROM identity i WHERE i.gallery = g.id),
    (SELECT count(*) FROM identity i JOIN reference r ON r.identity = i.id WHERE i.gallery = g.id), g.keep_sources
    FROM gallery g ORDER BY g.id"""
_TOUCH = """INSERT INTO change (gallery, identity, last_identity, last_reference)
    SELECT gallery, id, ?, ? FROM identity WHERE gallery = ? UNION ALL SELECT id, 0, ?, ? FROM gallery WHERE id = ?"""
"""Who has it open learns that all are gone; and the number of the gallery is never given again."""
_DROP = (
    """DELETE FROM image WHERE reference IN (
        SELECT r.id FROM identity i JOIN reference r ON r.identity = i.id WHERE i.gallery = ?)""",
    "DELETE FROM reference WHERE identity IN (SELECT id FROM identity WHERE gallery = ?)",
    "DELETE FROM identity WHERE gallery = ?",
    "DELETE FROM event WHERE gallery = ?",
    "DELETE FROM gallery WHERE id = ?",
)


def galleries_of(address: str | Path) -> list[GalleryInfo]:
    """All galleries of a file, first made first.

    Raises:
        GalleryError: there is no such file, or it is no store.
        StorageError: the system refuses.
    """
    file = _file(address)
    try:
        with file.reading() as db:
            return [GalleryInfo(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in db.execute(_LIST)]
    finally:
        file.close()


def damage_of(address: str | Path) -> list[str]:
    """What SQLite's own check finds wrong with a file, five findings at most; nothing where it is whole.

    Raises:
        GalleryError: there is no such file, or it is no store.
        StorageError: the system refuses.
    """
    file = _file(address)
    try:
        with file.reading() as db:
            return [row[0] for row in db.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
    finally:
        file.close()


def kept_in(address: str | Path) -> int:
    """Bytes of the probes that are kept with the events of all galleries of a file; none of them is read for it."""
    file = _file(address)
    try:
        with file.reading() as db:
            return int(db.execute("SELECT coalesce(sum(length(image)), 0) FROM event").fetchone()[0])
    finally:
        file.close()


def drop(address: str | Path) -> Dropped:
    """Delete a gallery with all that was enrolled, kept, said and recorded in it, out of every file of the store.

    Raises:
        GalleryError: there is no such file.
        MissingError: there is no such gallery in it.
        StorageError: the system refuses; nothing is dropped then.
    """
    name = str(address).partition("#")[2] or "main"
    file = _file(address)
    try:
        with file.writing() as db:
            there = {row[0]: row for row in db.execute(_LIST)}
            if name not in there:
                raise MissingError(f"{file.path} has no gallery {name!r}; it has {', '.join(there) or 'none'}")
            [number] = db.execute("SELECT id FROM gallery WHERE name = ?", (name,)).fetchone()
            highest = rows.last(db, number)[:2]
            db.execute(_TOUCH, (*highest, number, *highest, number))
            for statement in _DROP:
                db.execute(statement, (number,))
            rows.erase_later(db)
        erased = file.erase()
        return Dropped(name, there[name][3], there[name][4], erased, () if erased else (LATER,))
    finally:
        file.close()


LATER = "another process is reading the store; the bytes go with the next write, or when the last one closes it"
"""What a receipt says while bytes of what was removed may be in a file of the store still."""


def _file(address: str | Path) -> Database:
    file = str(address).partition("#")[0]
    return Database(expanded(file), f"make it with firstsight gallery create {file} --model NAME", new=False)
