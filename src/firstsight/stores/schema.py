"""The tables of a gallery file, and how files of an older format become files of this one."""

from __future__ import annotations

import sqlite3

FORMAT = 3
APPLICATION = 0x46537431  # "FSt1": tells a gallery file from any other SQLite file

_TABLES = """
CREATE TABLE gallery (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    dim INTEGER NOT NULL,
    keep_sources INTEGER NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE identity (
    id INTEGER PRIMARY KEY,
    gallery INTEGER NOT NULL REFERENCES gallery(id),
    name TEXT NOT NULL,
    metadata TEXT,
    UNIQUE (gallery, name)
);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY,
    identity INTEGER NOT NULL REFERENCES identity(id),
    vector BLOB NOT NULL,
    source TEXT NOT NULL,
    key TEXT,
    metadata TEXT,
    created TEXT NOT NULL
);
CREATE INDEX reference_of ON reference (identity);
CREATE UNIQUE INDEX reference_once ON reference (identity, key) WHERE key IS NOT NULL;
CREATE TABLE image (reference INTEGER PRIMARY KEY REFERENCES reference(id), data BLOB NOT NULL);
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    gallery INTEGER NOT NULL,
    identity INTEGER NOT NULL,
    last_identity INTEGER NOT NULL,
    last_reference INTEGER NOT NULL
);
CREATE TABLE erasing (id INTEGER PRIMARY KEY, vacuum INTEGER NOT NULL);
"""
"""How other processes learn what happened: a new reference has a higher number than any before; whatever else is done
to an identity leaves a row in ``change``, with the highest numbers given until then, so that none is given twice. An
enrolment therefore writes four pages (two, of an identity that is known) and no counter. ``erasing`` holds a row for
each removal whose bytes may still be in the write-ahead log or between the rows of a page: ``vacuum`` tells whose it
is, to everybody else (and to 0.1.0) that the file is to be made anew."""

_FROM_2 = """
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    gallery INTEGER NOT NULL REFERENCES gallery(id),
    verb TEXT NOT NULL,
    at TEXT NOT NULL,
    identity TEXT,
    same INTEGER,
    score REAL,
    probability REAL,
    threshold REAL,
    model TEXT NOT NULL,
    place TEXT,
    direction TEXT,
    actor TEXT,
    image BLOB
);
CREATE INDEX event_at ON event (gallery, at);
CREATE INDEX event_of ON event (gallery, identity);
CREATE TABLE access (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    hash BLOB NOT NULL,
    created TEXT NOT NULL,
    expires TEXT
);
"""
"""What format 3 has more than format 2: events, whose numbers are not given again after they are forgotten, and keys.
An event carries the name it is about, and follows it; it is not tied to an identity, since who is unknown has none."""

SCHEMA = _TABLES + _FROM_2

_FROM_1 = """
ALTER TABLE gallery RENAME TO gallery_1;
ALTER TABLE reference RENAME TO reference_1;
DROP INDEX reference_of;
{schema};
INSERT INTO gallery (name, model, fingerprint, dim, keep_sources, created)
    SELECT name, model, fingerprint, dim, 0, created FROM gallery_1 ORDER BY rowid;
INSERT INTO identity (gallery, name)
    SELECT g.id, r.identity FROM reference_1 r JOIN gallery g ON g.name = r.gallery
    GROUP BY g.id, r.identity ORDER BY min(r.id);
INSERT INTO reference (id, identity, vector, source, created)
    SELECT r.id, i.id, r.vector, r.source, r.created
    FROM reference_1 r JOIN gallery g ON g.name = r.gallery JOIN identity i ON i.gallery = g.id AND i.name = r.identity
    ORDER BY r.id;
DROP TABLE reference_1;
DROP TABLE gallery_1;
INSERT INTO erasing (vacuum) VALUES (1)
"""


def make(db: sqlite3.Connection) -> None:
    """The tables in an empty file; within the caller's transaction."""
    _run(db, SCHEMA)
    db.execute(f"PRAGMA application_id={APPLICATION}")
    db.execute(f"PRAGMA user_version={FORMAT}")


def migrate(db: sqlite3.Connection, version: int) -> None:
    """From an older format to this one, within the caller's transaction: all of it or nothing."""
    _run(db, _FROM_1.format(schema=SCHEMA.strip().rstrip(";")) if version == 1 else _FROM_2)
    db.execute(f"PRAGMA user_version={FORMAT}")


def _run(db: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):  # executescript would commit first
        if statement.strip():
            db.execute(statement)
