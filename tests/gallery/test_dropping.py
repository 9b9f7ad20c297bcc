"""Listing and dropping galleries: all of it goes, out of the bytes too, and nobody takes the next one for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drawn import Cli, Refused
from firstsight.errors import MissingError, StaleError
from firstsight.stores.listing import drop, galleries_of
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry, Event

CONTRACT = Contract("m", "f", 4, keep_sources=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file with the galleries main and door; each has one identity of the same name."""
    file = tmp_path / "g.db"
    for n, name in enumerate(("main", "door")):
        store = SqliteStore(f"{file}#{name}", create=CONTRACT)
        vectors = np.full((2, 4), n + 1.5, np.float32)
        images = [f"image {i} of {name}!".encode() * 500 for i in range(2)]
        store.add([Entry("alice", vectors, [f"from {name} {i}" for i in range(2)], ["a", "b"], images, {"in": name})])
        store.record([Event(0, "verify", "", "alice", True, 0.5, 0.5, 0.5, "f", place=f"seen at {name}")], [None])
        store.close()
    return file


def content(place: Path) -> bytes:
    """All bytes of the store's files."""
    return b"".join(file.read_bytes() for file in sorted(place.parent.iterdir()))


def test_galleries_are_listed(place: Path) -> None:
    """In the order in which they were made, with how many are enrolled."""
    assert [(g.gallery, g.model, g.identities, g.references, g.keep_sources) for g in galleries_of(place)] == [
        ("main", "m", 1, 2, True),
        ("door", "m", 1, 2, True),
    ]


def test_nothing_is_left_of_it(place: Path) -> None:
    """Vectors, images, sources, metadata and events are in no file of the store; the other gallery is as it was."""
    gone = [b"of door!", b"from door", b'"door"', b"seen at door", np.full(4, 2.5, "<f4").tobytes()]
    assert all(part in content(place) for part in gone)
    receipt = drop(f"{place}#door")
    assert (receipt.gallery, receipt.identities, receipt.references, receipt.erased) == ("door", 1, 2, True)
    left = content(place)
    assert not [part for part in gone if part in left]
    assert [g.gallery for g in galleries_of(place)] == ["main"]
    with_all = SqliteStore(str(place))
    assert len(with_all.references()) == 2
    assert with_all.image(1) == b"image 0 of main!" * 500
    assert len(with_all.events()) == 1
    with_all.close()


@pytest.fixture
def opened(place: Path) -> Iterator[SqliteStore]:
    """Another process that has the gallery open."""
    store = SqliteStore(f"{place}#door")
    yield store
    store.close()


def test_who_has_it_open_is_told(place: Path, opened: SqliteStore) -> None:
    """Reading and writing are refused, also after another gallery was made under its name."""
    state = opened.state()
    drop(f"{place}#door")
    for name in ("door", "next"):
        for verb in (opened.state, lambda: opened.remove("alice"), lambda: opened.add([entry()])):
            with pytest.raises(StaleError, match="dropped"):
                verb()
        SqliteStore(f"{place}#{name}", create=CONTRACT).close()
    assert [p for p in opened.changes(state) if any(name is not None for name in p.names)] == []
    fresh = SqliteStore(f"{place}#door")
    assert fresh.references() == []
    fresh.add([entry()])
    assert [r.identity for r in fresh.references()] == ["bob"]
    fresh.close()


def entry() -> Entry:
    """Somebody new."""
    return Entry("bob", np.ones((1, 4), np.float32), ["x"])


def test_numbers_are_not_given_again(place: Path) -> None:
    """References of a gallery made after a drop have higher numbers than any before."""
    drop(f"{place}#door")
    fresh = SqliteStore(f"{place}#door", create=CONTRACT)
    fresh.add([entry()])
    assert fresh.references()[0].id > 4
    fresh.close()


def test_dropping_what_is_not_there(place: Path, refused: Refused, cli: Cli) -> None:
    """A sentence names what there is; on the command line too."""
    with pytest.raises(MissingError, match="it has main, door"):
        drop(f"{place}#none")
    refused(2, ("gallery", "drop", f"{place}#none"), "no gallery 'none'")
    assert "2 references" in cli("gallery", "drop", f"{place}#door").out
    assert [row["gallery"] for row in cli("gallery", "list", place, "--json").json] == ["main"]
    refused(2, ("gallery", "list", place.parent / "none.db"), "does not exist")
