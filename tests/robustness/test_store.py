"""A store under adversity: killed, locked, read-only, damaged, gone, of another format, written by two at once."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from firstsight import api
from firstsight.errors import GalleryError, StorageError
from firstsight.stores import database, rows
from firstsight.stores.files_on_disk import Files
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry, Event
from scripts import script

Limit = Callable[[int], AbstractContextManager[None]]
CONTRACT = Contract("m", "f", 4)
EVENT = Event(0, "verify", "", "bob", True, 1.0, 1.0, 0.5, "f")


def entry(identity: str, number: float = 1, **more: object) -> Entry:
    """A reference."""
    return Entry(identity, np.full((1, 4), number, np.float32), [f"/photos/{identity}"], **more)  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A gallery file with somebody in it."""
    store = SqliteStore(str(tmp_path / "g.db"), create=CONTRACT)
    store.add([entry("alice", 1), entry("bob", 2)])
    store.close()
    return tmp_path / "g.db"


@pytest.fixture
def store(place: Path) -> Iterator[SqliteStore]:
    """The same, opened."""
    opened = SqliteStore(str(place))
    yield opened
    opened.close()


def people(store: SqliteStore) -> list[str]:
    """Who is enrolled, a name a reference."""
    return [r.identity for r in store.references()]


# --- killed


@pytest.fixture
def killing() -> ModuleType:
    """The script behind ``results/store-kills.json``."""
    return script("kill_store")


@pytest.mark.parametrize("kind", ["single", "bulk", "remove", "record"])
def test_kills_lose_nothing(kind: str, killing: ModuleType, tmp_path: Path) -> None:
    """Twelve kills at drawn moments: what was acknowledged is there, no write is there by half, no file is damaged."""
    found = killing.rounds(kind, 12, random.Random(7), tmp_path)
    assert found.pop("rounds") == 12
    assert found.pop("acknowledged") > 10
    assert set(found.values()) == {0}, found


def test_a_loss_would_be_seen(killing: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same count on a store that acknowledges before it writes, or commits by halves, is not zero."""

    def early(place: Path, kind: str, first: int, there: dict[str, int], pipe: int, often: bool) -> None:
        store = SqliteStore(str(place))
        for number, (_, act) in enumerate(killing.steps(kind, first, there)):
            os.write(pipe, f"{number}\n".encode())
            act(store)

    def halves(place: Path, kind: str, first: int, there: dict[str, int], pipe: int, often: bool) -> None:
        store = SqliteStore(str(place))
        for number, (names, _) in enumerate(killing.steps(kind, first, there)):
            for name in names:
                store.add([killing.entry(name, first + number, killing.expected(name))])
            os.write(pipe, f"{number}\n".encode())

    monkeypatch.setattr(killing, "write", early)
    assert killing.rounds("single", 8, random.Random(1), tmp_path)["lost"] > 0
    assert killing.rounds("record", 8, random.Random(1), tmp_path)["lost"] > 0
    monkeypatch.setattr(killing, "write", halves)
    assert killing.rounds("bulk", 8, random.Random(1), tmp_path)["half"] > 0


def test_every_acknowledged_write_is_synced(store: SqliteStore) -> None:
    """SQLite is told to sync every commit (2 is FULL), overwrite what is deleted, and keep no temporary files."""
    settings = {name: store._file.db.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    assert settings == SETTINGS


SETTINGS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "temp_store": 2}


# --- in the way


def test_a_locked_store_is_told_of_and_then_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes for longer than the wait, writes are StorageErrors and reads go on."""
    monkeypatch.setattr(database, "_WAIT", 0.05)
    with closing(SqliteStore(str(place))) as store, closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for act in (
            lambda: store.add([entry("carol")]),
            lambda: store.remove("bob"),
            lambda: store.record([EVENT]),
            lambda: store.forget("9999"),
        ):
            with pytest.raises(StorageError, match="another process has been writing it for over 0.05 s"):
                act()
        assert people(store) == ["alice", "bob"]
        other.execute("ROLLBACK")
        store.add([entry("carol")])
        assert people(store) == ["alice", "bob", "carol"]


def test_a_read_only_store_can_be_read(store: SqliteStore) -> None:
    """Where writing is not allowed, it is a StorageError that says so, and reading goes on."""
    store._file.db.execute("PRAGMA query_only=ON")
    for act in (lambda: store.add([entry("carol")]), lambda: store.record([EVENT])):
        with pytest.raises(StorageError, match="read-only"):
            act()
    assert people(store) == ["alice", "bob"]
    assert store.events() == []
    store._file.db.execute("PRAGMA query_only=OFF")
    store.add([entry("carol")])


AS_NOBODY = """
import os
from firstsight.errors import FirstSightError
from firstsight.stores.sqlite import SqliteStore
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    store = SqliteStore("g.db")
    store.remove("alice")
except FirstSightError as error:
    print(type(error).__name__, error)
"""


def test_a_store_of_another_user_is_a_sentence(place: Path) -> None:
    """A user who may not read the file, or may read and not write it, is told so, and nothing changes."""
    before = place.read_bytes()
    place.parent.chmod(0o555)
    for mode in (0o000, 0o444):
        place.chmod(mode)
        command = [sys.executable, "-c", AS_NOBODY]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=place.parent)
        assert ran.stdout.split()[0] in ("StorageError", "UnreadableError"), ran.stdout
        assert "can't be read" in ran.stdout
    place.parent.chmod(0o755)
    place.chmod(0o600)
    assert place.read_bytes() == before


def test_a_full_disk_keeps_every_verb_whole(store: SqliteStore, full_disk: Limit) -> None:
    """When nothing more fits, each verb is a StorageError that changes nothing, and all of them work again later."""
    store.record([EVENT])
    acts = (
        lambda: store.record([EVENT], [bytes(5000)]),
        lambda: store.forget("9999"),
        lambda: store.remove("alice", events=[EVENT]),
        lambda: store.add([entry(f"p{n}") for n in range(500)]),
        lambda: store.add([entry("alice", 9)], replace=True),
        lambda: store.remove("alice"),
        lambda: store.rename("alice", "x"),
        lambda: store.merge("alice", "bob"),
        lambda: store.annotate("alice", {"a": "b"}),
    )
    for act in acts:
        with full_disk(1000), pytest.raises(StorageError, match="what was acknowledged before is intact"):
            act()
        assert people(store) == ["alice", "bob"]
        assert [e.id for e in store.events()] == [1]
    store.remove("alice")
    assert store.erase()


# --- gone, replaced, damaged


def test_a_store_that_vanishes_is_told_of_and_recovers(place: Path, store: SqliteStore) -> None:
    """While the file is away every verb is a StorageError and no enrolment goes into the void; then all works again."""
    away = place.rename(place.parent / "away.db")
    for act in (lambda: store.add([entry("carol")]), store.state, store.events, lambda: store.record([EVENT])):
        with pytest.raises(StorageError, match="has vanished; bring it back"):
            act()
    away.rename(place)
    store.add([entry("carol")])
    assert people(store) == ["alice", "bob", "carol"]


def test_a_store_restored_from_a_backup_is_read_anew(place: Path, store: SqliteStore, tmp_path: Path) -> None:
    """Where another file has taken the place, it is opened, and readers are told that all they knew is void."""
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    store.remove("bob")
    before = store.state()
    backup.replace(place)
    for name in ("g.db-wal", "g.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    assert people(store) == ["alice", "bob"]
    assert store.state()[0] != before[0]
    assert sum(len(p.names) for p in store.changes(before)) == 2


def test_a_write_into_a_file_that_vanishes_is_not_acknowledged(place: Path, store: SqliteStore) -> None:
    """A file that is deleted between the beginning of a write and its commit: the write is refused, not confirmed."""
    there, calls = store._file._on_disk, []

    def vanishing() -> Files:
        calls.append(1)
        return there() if len(calls) <= 1 else Files(None, None, None)

    store._file._on_disk = vanishing  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="vanished while it was written"):
        store.add([entry("carol")])


def test_another_models_file_in_its_place_is_refused(place: Path, store: SqliteStore, tmp_path: Path) -> None:
    """A gallery of another model put in the place of an open one is not taken for it."""
    other = tmp_path / "other.db"
    SqliteStore(str(other), create=Contract("n", "g", 4)).close()
    other.replace(place)
    for name in ("g.db-wal", "g.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    for act in (store.state, lambda: store.add([entry("carol")]), store.references):
        with pytest.raises(GalleryError, match="rebuilt for model g"):
            act()


@pytest.mark.parametrize("how", ["cut", "overwritten", "text", "empty"])
def test_a_damaged_store_is_refused(how: str, place: Path) -> None:
    """A file that was cut, overwritten in the middle or replaced by a text is refused in a sentence."""
    data = bytearray(place.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "overwritten":
        data[4096 : 3 * 4096] = bytes(range(256)) * 32
    else:
        data = bytearray(b"not a gallery" if how == "text" else b"")
    place.write_bytes(data)
    with pytest.raises(GalleryError, match="damaged|is empty|not a gallery"), closing(SqliteStore(str(place))) as store:
        people(store)


# --- time and order


def test_a_clock_that_goes_backwards_changes_no_order(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """References are in the order of enrolment, and readers follow, whatever the clock says."""
    before = store.state()
    for year, name in ((2031, "x"), (1970, "y"), (2001, "z")):
        monkeypatch.setattr(rows, "now", lambda year=year: f"{year}-01-01T00:00:00.000+00:00")
        store.add([entry(name)])
    assert people(store) == ["alice", "bob", "x", "y", "z"]
    assert [name for p in store.changes(before) for name in p.names] == ["x", "y", "z"]


# --- two at once


ENROLLER = """
import sys
from firstsight.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    gallery.model.embed(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    receipt = gallery.enroll("alice", sys.argv[2])
    print(receipt.added, receipt.references)
"""


def test_two_enrolments_of_one_image_at_once_are_one(tiny_model: Path, picture: Path, tmp_path: Path) -> None:
    """Two processes that enroll the same image of a person at once store it once, and both are told the truth."""
    api.create(tmp_path / "g.db", model=tiny_model).close()
    command = [sys.executable, "-c", ENROLLER, str(tmp_path / "g.db"), str(picture)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    assert [p.stdout.readline() for p in both] == ["ready\n", "ready\n"]
    told = sorted(p.communicate("\n")[0].strip() for p in both)
    assert told == ["0 1", "1 1"]
    assert len(api.references(tmp_path / "g.db")) == 1
