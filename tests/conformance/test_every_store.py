"""Every store of galleries: what is acknowledged is there, whole, for everybody; what is removed is not."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstsight.errors import GalleryError, StorageError
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry, Event, State, Store

DIM = 4
CONTRACT = Contract("m", "f", DIM, keep_sources=True)
OTHER = Contract("n", "g", 3, keep_sources=True)
Open = Callable[..., Store]


def sqlite(folder: Path) -> Open:
    """``open("name", create=contract)``: a gallery of one file."""
    return lambda name="main", create=None: SqliteStore(f"{folder / 'g.db'}#{name}", create=create)


STORES = {"sqlite": sqlite}
"""A store is put through everything here by an entry in this table."""


@pytest.fixture(params=STORES)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same place again and again."""
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(opening: Open) -> Iterator[Store]:
    """A new, empty gallery."""
    made = opening(create=CONTRACT)
    yield made
    made.close()


def entry(identity: str, *numbers: float, keys: tuple[str, ...] | None = None, **more: object) -> Entry:
    """References whose vectors hold these numbers."""
    vectors = np.array([[n] * DIM for n in numbers], np.float32)
    images = tuple(f"image {n}".encode() for n in numbers)
    return Entry(identity, vectors, [f"{identity} {n}" for n in numbers], keys, images, **more)  # type: ignore[arg-type]


def held(store: Store) -> list[tuple[str, float]]:
    """Who has which vector, oldest first."""
    return [(r.identity, float(v[0])) for some, vectors in store.rows() for r, v in zip(some, vectors, strict=True)]


def seen(store: Store, since: State | None = None) -> dict[str | None, list[float]]:
    """What a reader learns of what changed."""
    found: dict[str | None, list[float]] = {}
    for portion in store.changes(since):
        assert (np.diff(portion.ids) > 0).all()
        for place, name in enumerate(portion.names):
            found[name] = [float(v[0]) for v in portion.vectors[portion.owners == place]]
    return found


def test_what_is_added_is_there_in_its_order(store: Store, opening: Open) -> None:
    """Vectors, sources, hashes, images and metadata come back as they were given, also when it is opened again."""
    assert store.add([entry("b", 1, 2, keys=("x", "y"), metadata={"site": "north"}), entry("a", 3)]) == [(2, 2), (1, 1)]
    for one in (store, opening()):
        assert held(one) == [("b", 1), ("b", 2), ("a", 3)]
        assert [i.identity for i in one.identities()] == ["b", "a"]
        first, second, third = one.references()
        assert first.id < second.id < third.id
        assert (first.source, first.key, first.kept, dict(first.metadata)) == ("b 1", "x", True, {"site": "north"})
        assert (third.key, dict(third.metadata)) == ("", {})
        assert one.image(second.id) == b"image 2"
        assert one.image(10**6) is None
        assert one.references("a") == [third]
        assert one.contract == CONTRACT
        assert one.vectors("b").tolist() == [[1] * DIM, [2] * DIM]
        assert one.vectors("nobody").shape == (0, DIM)
        one.close()


def test_vectors_come_back_to_the_bit(store: Store) -> None:
    """Tiny, huge, negative and random numbers are stored as they are."""
    vectors = np.random.default_rng(0).normal(size=(50, DIM)).astype(np.float32)
    vectors[0] = [0.0, -0.0, 1e-45, 3.4e38]
    store.add([Entry("a", vectors, [str(n) for n in range(50)])])
    [(_, found)] = store.rows()
    assert found.tobytes() == vectors.tobytes()
    assert store.vectors("a").tobytes() == vectors.tobytes()


def test_an_image_is_enrolled_once_an_identity(store: Store) -> None:
    """The same hash again adds nothing, in the same call or later; another identity may have it too."""
    assert store.add([entry("a", 1, 2, 1, keys=("x", "y", "x"))]) == [(2, 2)]
    assert store.add([entry("a", 1, 3, keys=("x", "z")), entry("b", 1, keys=("x",))]) == [(1, 3), (1, 1)]
    assert store.known(["x", "z", "nothing"]) == {("a", "x"), ("a", "z"), ("b", "x")}
    assert store.add([entry("a", 9), entry("a", 9, keys=("",))]) == [(1, 4), (1, 5)]


def test_all_or_nothing(store: Store) -> None:
    """When one entry can't be stored, none is, and nothing has changed for readers."""
    before = store.state()
    for bad in (Entry("b", np.ones((1, DIM + 1), np.float32), ["x"]), Entry("b", np.ones((0, DIM), np.float32), [])):
        with pytest.raises(GalleryError):
            store.add([entry("a", 1), bad])
    with pytest.raises(GalleryError, match="is not enrolled"):
        store.add([entry("a", 1), entry("b", 2)], replace=True)
    assert held(store) == []
    assert store.state() == before


def test_replacing(store: Store) -> None:
    """New references stand in the place of all old ones; the identity keeps its place and what is said of it."""
    store.add([entry("a", 1, 2, keys=("x", "y")), entry("b", 3)])
    store.annotate("a", {"team": "red"})
    assert store.add([entry("a", 2, keys=("y",)), entry("a", 4)], replace=True) == [(1, 1), (1, 2)]
    assert sorted(held(store)) == [("a", 2), ("a", 4), ("b", 3)]
    assert [(i.identity, dict(i.metadata)) for i in store.identities()] == [("a", {"team": "red"}), ("b", {})]


def test_removing(store: Store) -> None:
    """All of an identity goes; numbers are not given again; the name may come back as somebody new."""
    store.add([entry("a", 1, 2), entry("b", 3)])
    last = store.references()[-1].id
    assert store.remove("b") == 1
    assert store.remove("a") == 2
    assert store.erase()
    assert held(store) == []
    assert store.identities() == []
    assert store.image(1) is None
    assert store.add([entry("a", 5)]) == [(1, 1)]
    assert store.references()[0].id > last
    assert dict(store.identities()[0].metadata) == {}


def test_renaming(store: Store) -> None:
    """References and metadata follow the name, which must be free."""
    store.add([entry("a", 1, 2), entry("b", 3)])
    store.annotate("a", {"team": "red"})
    with pytest.raises(GalleryError, match="merge"):
        store.rename("a", "b")
    assert store.rename("a", "c") == 2
    assert held(store) == [("c", 1), ("c", 2), ("b", 3)]
    assert dict(store.identities()[0].metadata) == {"team": "red"}
    assert store.add([entry("a", 7)]) == [(1, 1)]


def test_merging(store: Store) -> None:
    """References go over, but not what the other has already; what is said of the other has the last word."""
    store.add([entry("a", 1, 2, 3, keys=("x", "y", "")), entry("b", 1, 5, keys=("x", "q"))])
    store.annotate("a", {"team": "red", "floor": "2"})
    store.annotate("b", {"team": "blue"})
    assert store.merge("a", "b") == 3
    assert sorted(held(store)) == [("b", 1), ("b", 2), ("b", 3), ("b", 5)]
    assert [(i.identity, dict(i.metadata)) for i in store.identities()] == [("b", {"team": "blue", "floor": "2"})]
    with pytest.raises(GalleryError, match="itself"):
        store.merge("b", "b")


def test_annotating(store: Store) -> None:
    """What is said is added to what was; an empty value takes a key away."""
    store.add([entry("a", 1)])
    store.annotate("a", {"team": "red", "floor": "2"})
    assert dict(store.annotate("a", {"team": "blue", "floor": ""}).metadata) == {"team": "blue"}
    assert dict(store.identities()[0].metadata) == {"team": "blue"}


def test_the_unknown_are_refused(store: Store) -> None:
    """No verb takes a name that is not enrolled, and none leaves a trace of it."""
    store.add([entry("a", 1)])
    before = store.state()
    for act in (
        lambda: store.remove("z"),
        lambda: store.rename("z", "y"),
        lambda: store.merge("z", "a"),
        lambda: store.merge("a", "z"),
        lambda: store.annotate("z", {"k": "v"}),
        lambda: store.add([entry("z", 1)], replace=True),
    ):
        with pytest.raises(GalleryError, match="'z' is not enrolled"):
            act()
    assert store.references("z") == []
    assert store.state() == before
    assert held(store) == [("a", 1)]


def test_galleries_of_one_place_are_apart(store: Store, opening: Open) -> None:
    """Names, hashes and changes of one gallery are not another's."""
    other = opening("door", create=OTHER)
    store.add([entry("a", 1, keys=("x",))])
    before = other.state()
    store.add([entry("a", 2)])
    store.rename("a", "b")
    store.rename("b", "a")
    assert seen(other, before) == {}
    assert other.contract == OTHER
    assert other.known(["x"]) == set()
    assert other.identities() == []
    with pytest.raises(GalleryError):
        other.remove("a")
    assert other.image(store.references()[0].id) is None
    other.close()
    for name, create in (("main", CONTRACT), ("window", None)):
        with pytest.raises(GalleryError):
            opening(name, create=create)


def test_readers_learn_what_changed_and_nothing_else(store: Store, opening: Open) -> None:
    """After any write, by whomever, a reader is told of the identities that it touched, as they are now."""
    reader = opening()
    store.add([entry(name, n) for n, name in enumerate("abcdef")])
    assert seen(reader) == {name: [n] for n, name in enumerate("abcdef")}
    steps: list[tuple[Callable[[], object], dict[str | None, list[float]]]] = [
        (lambda: store.add([entry("b", 9), entry("g", 7)]), {"b": [1, 9], "g": [7]}),
        (lambda: store.rename("c", "h"), {"h": [2]}),
        (lambda: store.add([entry("d", 8)], replace=True), {"d": [8]}),
        (lambda: store.remove("a"), {None: []}),
        (lambda: store.merge("e", "f"), {None: [], "f": [4, 5]}),
        (lambda: store.annotate("f", {"k": "v"}), {"f": [4, 5]}),
    ]
    for act, expected in steps:
        before = reader.state()
        act()
        assert reader.state() != before
        assert seen(reader, before) == expected
        assert seen(reader, reader.state()) == {}
    assert seen(reader) == seen(store) == {"b": [1, 9], "g": [7], "h": [2], "d": [8], "f": [4, 5]}
    reader.close()


def test_many_identities_come_in_portions(store: Store) -> None:
    """An identity is in one portion whole, however many there are and however many references one has."""
    many = [entry(f"n{i}", *range(1 + 40 * (i % 50 == 7))) for i in range(9000)]
    store.add(many)
    portions = list(store.changes(None))
    assert len(portions) > 1
    names = [name for portion in portions for name in portion.names]
    assert names == [e.identity for e in many]
    ids = np.concatenate([portion.ids for portion in portions])
    assert (np.diff(ids) > 0).all()
    for portion in portions:
        sizes = np.bincount(portion.owners, minlength=len(portion.names))
        assert sizes.tolist() == [1 + 40 * (int(str(n)[1:]) % 50 == 7) for n in portion.names]


def test_switching_to_another_model(store: Store, opening: Open) -> None:
    """All vectors and the contract change at once; a store opened before refuses to go on with the old model."""
    reader = opening()
    store.add([entry("a", 1, 2), entry("b", 3)])
    ids = np.array([r.id for r in store.references()])
    vectors = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert not store.switch(OTHER, ids[:2], vectors[:2])
    assert held(reader) == [("a", 1), ("a", 2), ("b", 3)]
    assert store.switch(OTHER, ids, vectors)
    assert held(store) == [("a", 0), ("a", 3), ("b", 6)]
    assert store.contract == OTHER
    for act in (reader.state, lambda: reader.add([entry("c", 1)]), lambda: reader.remove("a")):
        with pytest.raises(GalleryError, match="rebuilt"):
            act()
    reader.close()
    again = opening()
    assert again.contract == OTHER
    assert held(again) == held(store)
    again.close()


def test_threads_share_a_store(store: Store) -> None:
    """Eight threads that enroll, rename and read at once lose nothing and see nothing half done."""
    faults: list[BaseException] = []

    def work(me: int) -> None:
        try:
            for n in range(12):
                store.add([entry(f"{me} {n}", n, keys=(f"{me} {n}",)), entry("shared", 100 * me + n)])
                store.rename(f"{me} {n}", f"{me} done {n}")
                assert all(len(v) == 1 for name, v in seen(store).items() if name != "shared")
        except BaseException as error:  # noqa: BLE001  told by the test
            faults.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(store.references("shared")) == 96
    assert {i.identity for i in store.identities()} == {
        "shared",
        *(f"{a} done {b}" for a in range(8) for b in range(12)),
    }


# --- events


def event(identity: str | None, verb: str = "identify", **more: object) -> Event:
    """What is to be recorded."""
    return Event(0, verb, "", identity, identity is not None, 0.5, 0.75, 0.25, "f", **more)  # type: ignore[arg-type]


def told(store: Store, **asked: object) -> list[tuple[str, str | None]]:
    """Verb and name of each event."""
    return [(e.verb, e.identity) for e in store.events(**asked)]  # type: ignore[arg-type]


def test_events_come_back_as_they_were_given(store: Store, opening: Open) -> None:
    """All that is told of an event is there, also when the store is opened again, with its number, time and image."""
    store.add([entry("a", 1)])
    given = [
        event("a", "verify", place="door-1", direction="in", actor="reader"),
        Event(0, "identify", "", None, False, -1.5, 0.01, 0.25, "f"),
    ]
    ids = store.record(given, [b"probe", None])
    for one in (store, opening()):
        found = one.events()
        assert [e.id for e in found] == ids == sorted(set(ids))
        assert all(len(e.at) == len("2026-11-23T08:00:00.000Z") and e.at.endswith("Z") for e in found)
        assert [(e.identity, e.same, e.score, e.probability, e.threshold) for e in found] == [
            ("a", True, 0.5, 0.75, 0.25),
            (None, False, -1.5, 0.01, 0.25),
        ]
        assert [(e.verb, e.model, e.place, e.direction, e.actor, e.kept) for e in found] == [
            ("verify", "f", "door-1", "in", "reader", True),
            ("identify", "f", "", None, "", False),
        ]
        assert [one.event_image(i) for i in (*ids, 10**6)] == [b"probe", None, None]
        one.close()


def test_a_write_and_its_event_are_one(store: Store) -> None:
    """The event of a write is there with the write; where either can't be stored, neither is."""
    store.add([entry("a", 1), entry("b", 2)], events=[event("a", "enroll"), event("b", "enroll")])
    store.add([entry("a", 3)], replace=True, events=[event("a", "replace")])
    store.annotate("a", {"k": "v"}, events=[event("a", "annotate")])
    store.rename("a", "c", events=[event("c", "rename")])
    store.merge("b", "c", events=[event("c", "merge")])
    everything = [(verb, "c") for verb in ("enroll", "enroll", "replace", "annotate", "rename", "merge")]
    assert told(store) == everything
    before, people, said = store.state(), held(store), store.identities()
    broken = Event(0, None, "", "c", None, None, None, None, "f")  # type: ignore[arg-type]
    for act in (
        lambda events: store.add([entry("c", 9), entry("d", 9)], events=events),
        lambda events: store.add([entry("c", 9)], replace=True, events=events),
        lambda events: store.annotate("c", {"k": "w"}, events=events),
        lambda events: store.rename("c", "x", events=events),
        lambda events: store.merge("c", "c", events=events),
        lambda events: store.remove("c", events=events),
        lambda events: store.record([event("c"), *events]),
    ):
        with pytest.raises((StorageError, GalleryError)):
            act([broken])
        assert (store.state(), held(store), store.identities(), told(store)) == (before, people, said, everything)
    with pytest.raises(GalleryError):
        store.rename("nobody", "x", events=[event("x", "rename")])
    assert told(store) == everything


def test_events_follow_whom_they_are_about(store: Store) -> None:
    """A renamed or merged identity keeps its events, a removed one takes them along; of nobody's nothing is touched."""
    store.add([entry("a", 1), entry("b", 2), entry("c", 3)])
    store.record([event("a"), event(None), event("b"), event("c"), event("a")], [None, b"stranger", b"b's", None, None])
    store.rename("a", "z")
    assert [e.identity for e in store.events()] == ["z", None, "b", "c", "z"]
    store.merge("b", "z")
    assert [e.identity for e in store.events()] == ["z", None, "z", "c", "z"]
    assert [e.id for e in store.events(identity="z")] == [1, 3, 5]
    store.remove("z", events=[event(None, "remove")])
    assert told(store) == [("identify", None), ("identify", "c"), ("remove", None)]
    assert (store.event_image(2), store.event_image(3)) == (b"stranger", None)
    assert store.erase()


def test_events_of_those_who_are_gone_are_refused(store: Store) -> None:
    """Who was removed between the question and its event does not come back through the event."""
    store.add([entry("a", 1), entry("b", 2)])
    store.remove("a")
    with pytest.raises(GalleryError, match="'a' is not enrolled"):
        store.record([event("b"), event("a")])
    assert store.events() == []


def test_numbers_of_events_are_given_once(store: Store, opening: Open) -> None:
    """After the newest events are forgotten or removed, later ones have higher numbers, also in a store opened anew."""
    store.add([entry("a", 1)])
    (first,) = store.record([event("a")])
    store.remove("a")
    again = opening()
    (second,) = again.record([event(None)])
    assert again.forget("9999") == 1
    again.close()
    (third,) = store.record([event(None)])
    assert first < second < third


def test_recording_is_no_change_of_who_is_enrolled(store: Store) -> None:
    """Readers that follow need not look after an event."""
    store.add([entry("a", 1)])
    before = store.state()
    store.record([event("a")] * 3)
    store.forget("9999")
    assert store.state() == before


def test_events_of_galleries_are_apart(store: Store, opening: Open) -> None:
    """Reading, renaming, removing and forgetting in one gallery touches no event of another."""
    other = opening("door", create=OTHER)
    other.add([Entry("a", np.ones((1, 3), np.float32), ["x"])])
    store.add([entry("a", 1)])
    (theirs,) = other.record([event("a")], [b"theirs"])
    store.record([event("a")])
    assert store.event_image(theirs) is None
    store.rename("a", "b")
    store.remove("b")
    store.record([event(None)])
    assert store.forget("9999") == 1
    assert [(e.id, e.identity) for e in other.events()] == [(theirs, "a")]
    assert other.event_image(theirs) == b"theirs"
    other.close()


def test_forgetting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly what is older than the moment goes, by what the clock said; and order is that of the numbers."""
    times = iter(f"20{year}-01-01T00:00:00.000Z" for year in (20, 24, 22, 26))
    monkeypatch.setattr("firstsight.stores.events.now", lambda: next(times))
    for _ in range(4):
        store.record([event(None)])
    assert [e.at[:4] for e in store.events()] == ["2020", "2024", "2022", "2026"]
    assert [e.id for e in store.events(since="2022-01-01T00:00:00.000Z")] == [2, 3, 4]
    assert [e.id for e in store.events(until="2024-01-01T00:00:00.000Z")] == [1, 3]
    assert store.forget("2024-01-01T00:00:00.000Z") == 2
    assert [e.id for e in store.events()] == [2, 4]
    assert store.forget("2024-01-01T00:00:00.000Z") == 0
    assert store.erase()


PLACES = itertools.count()
EVENTS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["verify", "identify"])), max_size=30)


@settings(derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given=EVENTS,
    limit=st.integers(1, 7),
    identity=st.sampled_from(["a", "b", None]),
    verb=st.sampled_from(["verify", None]),
)
@pytest.mark.parametrize("kind", STORES)
def test_pages_hold_every_event_once_in_order(
    kind: str,
    tmp_path: Path,
    given: list[tuple[str | None, str]],
    limit: int,
    identity: str | None,
    verb: str | None,
) -> None:
    """Whatever is asked for, the pages after one another are all that fits, once, in the order of the numbers."""
    folder = tmp_path / str(next(PLACES))
    folder.mkdir()
    store = STORES[kind](folder)(create=CONTRACT)
    store.add([entry("a", 1), entry("b", 2)])
    store.record([event(name, what) for name, what in given])
    asked = {"identity": identity, "verb": verb}
    whole = store.events(**asked)  # type: ignore[arg-type]
    expected = [n for n, (name, what) in enumerate(given, 1) if identity in (None, name) and verb in (None, what)]
    assert [e.id for e in whole] == expected
    pages, after = [], None
    while page := store.events(**asked, after=after, limit=limit):  # type: ignore[arg-type]
        assert len(page) <= limit
        pages += page
        after = page[-1].id
    assert pages == whole
    assert store.events(**asked, last=limit) == whole[-limit:]  # type: ignore[arg-type]
    store.close()


NAMES = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("add"), NAMES, st.sampled_from(["", "x", "y"])),
    st.tuples(st.just("replace"), NAMES, st.sampled_from(["", "x", "y"])),
    st.tuples(st.just("remove"), NAMES, st.none()),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("merge"), NAMES, NAMES),
    st.tuples(st.just("record"), NAMES, st.none()),
)


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
@pytest.mark.parametrize("kind", STORES)
def test_any_history_gives_what_a_dictionary_gives(
    kind: str, tmp_path: Path, steps: list[tuple[str, str, str]]
) -> None:
    """After any steps a store holds what a dictionary of lists would, and a reader that follows holds the same."""
    folder = tmp_path / str(next(PLACES))
    folder.mkdir()
    opening = STORES[kind](folder)
    store, reader = opening(create=CONTRACT), opening()
    truth: dict[str, list[tuple[str, float]]] = {}
    happened: list[str] = []
    known: dict[int, tuple[str, list[float]]] = {}
    state: State | None = None
    for number, (verb, name, other) in enumerate(steps):
        try:
            if verb in ("add", "replace"):
                store.add([entry(name, number, keys=(other,))], replace=verb == "replace")
            elif verb == "record":
                store.record([event(name)])
            else:
                getattr(store, verb)(*((name,) if verb == "remove" else (name, other)))
        except GalleryError:
            continue  # the dictionary is asked below whether that was right
        finally:
            happened = follow_events(happened, truth, verb, name, other)
            follow(truth, verb, name, other, number)
        for portion in reader.changes(state):
            for place, (i, who) in enumerate(zip(portion.ids.tolist(), portion.names, strict=True)):
                known.pop(i, None)
                if who is not None:
                    known[i] = who, sorted(float(v[0]) for v in portion.vectors[portion.owners == place])
        state = reader.state()
        assert sorted(held(store)) == sorted((n, v) for n, refs in truth.items() for _, v in refs)
        assert dict(known.values()) == {n: sorted(v for _, v in refs) for n, refs in truth.items()}
        assert [e.identity for e in store.events()] == happened
    store.close()
    reader.close()


def follow(truth: dict[str, list[tuple[str, float]]], verb: str, name: str, other: str, number: float) -> None:
    """The same step on a dictionary; nothing where the store must refuse."""
    if verb == "add" or (verb == "replace" and name in truth):
        refs = [] if verb == "replace" else truth.get(name, [])
        twice = other and any(key == other for key, _ in refs)
        truth[name] = refs if twice else [*refs, (other, number)]
    elif verb == "remove":
        truth.pop(name, None)
    elif verb == "rename" and name in truth and other not in truth:
        truth[other] = truth.pop(name)
    elif verb == "merge" and name in truth and other in truth and name != other:
        there = {key for key, _ in truth[other] if key}
        truth[other] = truth[other] + [ref for ref in truth.pop(name) if ref[0] not in there]


def follow_events(
    happened: list[str], truth: dict[str, list[tuple[str, float]]], verb: str, name: str, other: str
) -> list[str]:
    """The same step on a list of whom the events are about."""
    if name not in truth:
        return happened
    if verb == "record":
        return [*happened, name]
    if verb == "remove":
        return [who for who in happened if who != name]
    moves = (verb == "rename" and other not in truth) or (verb == "merge" and other in truth)
    return [other if moves and who == name else who for who in happened]
