"""Gallery files of older formats, made by the SQL of their time: brought to this one whole, or left as they were."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np
import pytest

from drawn import Refused
from firstsight.errors import StorageError
from firstsight.gallery import Gallery
from firstsight.model import Model
from firstsight.stores import schema
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry, FloatArray

Limit = Callable[[int], AbstractContextManager[None]]
CONTRACT = Contract("m", "f", 4)

FORMAT_1 = """
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
PRAGMA application_id=1179874353;
PRAGMA user_version=1;
"""
"""What the first FirstSight made."""

FORMAT_2 = """
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
PRAGMA application_id=1179874353;
PRAGMA user_version=2;
"""
"""What FirstSight made before it recorded events."""


WHO = [("main", "b"), ("door", "b"), ("main", "a"), ("main", "b"), ("main", "gone")]
"""Whose references there were, in their order; the last was removed."""


def unit(dim: int, number: int) -> FloatArray:
    """A vector of length 1 whose first number tells which."""
    made = np.zeros(dim, "<f4")
    made[0] = (number + 1) / 10
    made[1] = np.sqrt(1 - made[0] ** 2)
    return made


def old(place: Path, version: int, model: Model | None = None) -> None:
    """A file as FirstSight left it in the time of a format, with two galleries; somebody was removed from it."""
    dim, fingerprint, name = (4, "f", "m") if model is None else (model.dim, model.fingerprint, str(model.path))
    with closing(sqlite3.connect(place, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA secure_delete={'OFF' if version == 1 else 'ON'}")  # off, as most builds of SQLite have it
        db.executescript({1: FORMAT_1, 2: FORMAT_2}[version])
        {1: fill_1, 2: fill_2}[version](db, (name, fingerprint, dim))


def fill_1(db: sqlite3.Connection, contract: tuple[str, str, int]) -> None:
    """Everybody, in the tables of format 1."""
    for gallery in ("main", "door"):
        db.execute("INSERT INTO gallery VALUES (?, ?, ?, ?, 'then')", (gallery, *contract))
    insert = "INSERT INTO reference (gallery, identity, vector, source, created) VALUES (?, ?, ?, ?, ?)"
    for n, (gallery, who) in enumerate(WHO):
        vector = unit(contract[2], n).tobytes()
        db.execute(insert, (gallery, who, vector, f"/photos/{who}-{n}", f"time {n}"))
    for n in range(300):  # enough to leave whole pages behind
        db.execute(insert, ("main", "gone", bytes(400), f"/photos/gone-{n}", "then"))
    db.execute("DELETE FROM reference WHERE identity='gone'")


def fill_2(db: sqlite3.Connection, contract: tuple[str, str, int]) -> None:
    """Everybody, in the tables of format 2; one reference has an image and a hash, one identity metadata."""
    galleries, identities = {"main": 1, "door": 2}, {("main", "b"): 1, ("door", "b"): 2, ("main", "a"): 3}
    for gallery, number in galleries.items():
        db.execute("INSERT INTO gallery VALUES (?, ?, ?, ?, ?, 1, 'then')", (number, gallery, *contract))
    for (gallery, who), number in identities.items():
        db.execute("INSERT INTO identity VALUES (?, ?, ?, ?)", (number, galleries[gallery], who, '{"team": "red"}'))
    for n, (gallery, who) in enumerate(WHO[:-1]):
        vector = unit(contract[2], n).tobytes()
        row = (n + 1, identities[gallery, who], vector, f"/photos/{who}-{n}", f"key {n}", f"time {n}")
        db.execute("INSERT INTO reference VALUES (?, ?, ?, ?, ?, NULL, ?)", row)
    db.execute("INSERT INTO image VALUES (3, ?)", (b"image of a",))
    db.execute("INSERT INTO change VALUES (1, 1, 4, 4, 5)")  # of the one who is gone


BOTH = pytest.mark.parametrize("version", [1, 2])


@BOTH
def test_an_old_format_becomes_this_one(version: int, tmp_path: Path) -> None:
    """Old galleries open with all references, in their order, with their dates, can be written, and record events."""
    old(tmp_path / "g.db", version)
    with closing(SqliteStore(str(tmp_path / "g.db"))) as store:
        [(references, vectors)] = store.rows()
        assert [(r.id, r.identity, r.source, r.created) for r in references] == [
            (1, "b", "/photos/b-0", "time 0"),
            (3, "a", "/photos/a-2", "time 2"),
            (4, "b", "/photos/b-3", "time 3"),
        ]
        assert np.allclose(vectors[:, 0], [0.1, 0.3, 0.4])
        assert (store.contract.model, store.contract.fingerprint, store.contract.dim) == ("m", "f", 4)
        assert [i.identity for i in store.identities()] == ["b", "a"]
        assert [name for p in store.changes(None) for name in p.names] == ["b", "a"]
        if version == 2:
            assert (store.image(3), references[1].key) == (b"image of a", "key 2")
            assert [dict(i.metadata) for i in store.identities()] == [{"team": "red"}] * 2
        assert store.add([entry("c", keys=["k"])]) == [(1, 1)]
        assert store.references("c")[0].id > 4
        assert store.remove("b") == 2
        assert store._file.db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store._file.db.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(SqliteStore(f"{tmp_path / 'g.db'}#door")) as door:
        assert [r.identity for r in door.references()] == ["b"]
    assert b"/photos/gone" not in (tmp_path / "g.db").read_bytes()


@BOTH
def test_a_migrated_file_has_the_tables_of_a_new_one(version: int, tmp_path: Path) -> None:
    """Whatever format a file began with, its tables and indexes are the same, to the word."""
    old(tmp_path / "g.db", version)
    SqliteStore(str(tmp_path / "g.db")).close()
    SqliteStore(str(tmp_path / "new.db"), create=CONTRACT).close()
    made = []
    for name in ("g.db", "new.db"):
        with closing(sqlite3.connect(tmp_path / name)) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (schema.FORMAT,)
            made.append(set(db.execute("SELECT type, name, sql FROM sqlite_master")))
    assert made[0] == made[1]


@BOTH
def test_an_old_gallery_answers_as_before(version: int, tiny_model: Path, picture: Path, tmp_path: Path) -> None:
    """A gallery of an old format verifies and identifies, through the whole of FirstSight."""
    model = Model.load(tiny_model)
    old(tmp_path / "g.db", version, model)
    with Gallery.open(tmp_path / "g.db") as gallery:
        assert {c.identity for c in gallery.identify(picture).candidates} == {"a", "b"}
        assert gallery.enroll("a", picture).references == 2


@pytest.mark.parametrize(("version", "moment"), [*((1, m) for m in range(1, 20, 3)), *((2, m) for m in range(5))])
def test_a_migration_that_fails_leaves_the_old_file(
    version: int, moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever statement of the migration fails, the file is as it was, and opens once nothing fails."""
    old(tmp_path / "g.db", version)
    name = {1: "_FROM_1", 2: "_FROM_2"}[version]
    statements = getattr(schema, name).format(schema=schema.SCHEMA.strip().rstrip(";")).split(";")
    assert moment < len(statements)
    broken = [*statements[:moment], "SELECT nothing FROM nowhere", *statements[moment:]]
    with monkeypatch.context() as patched:
        patched.setattr(schema, name, ";".join(broken))
        with pytest.raises(StorageError):
            SqliteStore(str(tmp_path / "g.db"))
    with closing(sqlite3.connect(tmp_path / "g.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        assert db.execute("SELECT count(*) FROM reference").fetchone() == (4,)
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name='event'").fetchall()
    with closing(SqliteStore(str(tmp_path / "g.db"))) as store:
        assert [r.identity for r in store.references()] == ["b", "a", "b"]


@BOTH
def test_a_full_disk_amid_the_migration_leaves_the_old_file(version: int, tmp_path: Path, full_disk: Limit) -> None:
    """Where the new tables do not fit, the old gallery is left as it was."""
    old(tmp_path / "g.db", version)
    with full_disk(9000), pytest.raises(StorageError):
        SqliteStore(str(tmp_path / "g.db"))
    with closing(SqliteStore(str(tmp_path / "g.db"))) as store:
        assert [r.identity for r in store.references()] == ["b", "a", "b"]


@BOTH
def test_some_that_migrate_at_once_migrate_once(version: int, tmp_path: Path) -> None:
    """Of processes that open an old file together, one brings it to this format and all go on."""
    old(tmp_path / "g.db", version)
    code = "import sys; from firstsight.stores.sqlite import SqliteStore as S; print(len(S(sys.argv[1]).references()))"
    command = [sys.executable, "-c", code, str(tmp_path / "g.db")]
    all_ = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate()[0] for p in all_] == ["3\n"] * 3


def test_a_later_format_is_refused_and_kept(tmp_path: Path, refused: Refused) -> None:
    """A gallery of a later FirstSight is refused in a sentence by every verb, and not a byte of it changes."""
    place = tmp_path / "g.db"
    SqliteStore(str(place), create=CONTRACT).close()
    with closing(sqlite3.connect(place)) as db:
        db.execute(f"PRAGMA user_version={schema.FORMAT + 1}")
        db.commit()
    shutil.copy(place, place.with_name("before"))
    for command in (
        ("list", place),
        ("remove", place, "alice"),
        ("gallery", "create", f"{place}#x", "--model", "glyphs"),
    ):
        refused(2, command, f"format {schema.FORMAT + 1}", "update FirstSight")
    assert place.read_bytes() == place.with_name("before").read_bytes()


def entry(identity: str, number: float = 1, **more: object) -> Entry:
    """A reference."""
    return Entry(identity, np.full((1, 4), number, np.float32), [f"/photos/{identity}"], **more)  # type: ignore[arg-type]
