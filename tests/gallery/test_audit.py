"""What happened is recorded when it is asked for, whole, with nothing more than was asked for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from drawn import SHAPES, draw
from firstsight import api
from firstsight.errors import GalleryError, InputError, StorageError, UsageError
from firstsight.gallery import Gallery
from firstsight.gallery.audit import ago, moment
from firstsight.types import Event, Record


@pytest.fixture
def gallery(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A gallery with one reference of each of the six shapes."""
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    api.enroll(tmp_path / "g.db", data=str(shapes))
    return tmp_path / "g.db"


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """A picture that is enrolled nowhere."""
    draw("ring", 77).save(tmp_path / "probe.png")
    return tmp_path / "probe.png"


def everything(gallery: Path) -> bytes:
    """The bytes of all files of a store."""
    return b"".join(f.read_bytes() for f in gallery.parent.iterdir() if f.name.startswith(gallery.name))


def test_nothing_is_recorded_unless_it_is_asked_for(gallery: Path, probe: Path) -> None:
    """All verbs without ``record`` leave no event, and a recorded one keeps no image without ``keep_image``."""
    with Gallery.open(gallery) as opened:
        opened.verify("ring", probe)
        opened.identify(probe)
        opened.enroll("new", probe)
        opened.annotate("new", {"a": "b"})
        opened.replace("new", probe)
        opened.rename("new", "newer")
        opened.merge("newer", "ring")
        opened.remove("ring")
        assert opened.events() == []
        opened.identify(probe, record=Record())
        (event,) = opened.events()
        assert (event.kept, opened.event_image(event.id)) == (False, None)
    assert probe.read_bytes()[-60:] not in everything(gallery)


def test_an_answer_and_its_event_say_the_same(gallery: Path, probe: Path) -> None:
    """The event of verify and identify has the name, answer, score, probability, threshold and model of the answer."""
    record = Record("door-1", "in", "reader", keep_image=True)
    with Gallery.open(gallery) as opened:
        decision = opened.verify("ring", probe, record=record)
        match = opened.identify(probe, record=Record("counter", "out"))
        mine, theirs = opened.events()
        told = (decision.same, decision.score, decision.probability, decision.threshold, opened.model.fingerprint)
        assert ("verify", "ring", *told) == (mine.verb, mine.identity, *_figures(mine))
        assert (mine.place, mine.direction, mine.actor, mine.kept) == ("door-1", "in", "reader", True)
        assert opened.event_image(mine.id) == probe.read_bytes()
        told = (match.identity is not None, match.score, match.probability, match.threshold, opened.model.fingerprint)
        assert ("identify", match.identity, *told) == (theirs.verb, theirs.identity, *_figures(theirs))
        assert (theirs.place, theirs.direction, theirs.actor, theirs.kept) == ("counter", "out", "", False)
        assert opened.verify("ring", probe) == decision
        assert opened.identify(probe) == match


def _figures(event: Event) -> tuple[object, ...]:
    return event.same, event.score, event.probability, event.threshold, event.model


def test_an_unknown_is_recorded_as_nobody(gallery: Path, tmp_path: Path) -> None:
    """A stranger's event has the best score and no name, not even that of the best candidate."""
    with Gallery.open(gallery) as opened:
        strangers = [draw(kind, n) for kind in ("dots", "wedge", "arrow") for n in range(6)]
        for n, image in enumerate(strangers):
            image.save(tmp_path / f"{n}.png")
        matches = [opened.identify(tmp_path / f"{n}.png", record=Record()) for n in range(len(strangers))]
        events = opened.events()
        assert None in {m.identity for m in matches}
        assert [(e.identity, e.same, e.score) for e in events] == [
            (m.identity, m.identity is not None, m.score) for m in matches
        ]


def test_every_write_can_be_recorded(gallery: Path, probe: Path) -> None:
    """Each verb that changes the gallery leaves one event about whom it is then; a removal's is about nobody."""
    record = Record(actor="clerk")
    with Gallery.open(gallery) as opened:
        opened.enroll("new", probe, record=record)
        opened.annotate("new ", {"a": "b"}, record=record)
        opened.replace("new", probe, record=record)
        opened.rename("new", "newer", record=record)
        opened.merge("newer", "ring", record=record)
        verbs = ["enroll", "annotate", "replace", "rename", "merge"]
        assert [(e.verb, e.identity, e.actor) for e in opened.events()] == [(v, "ring", "clerk") for v in verbs]
        opened.remove("ring", record=record)
        (event,) = opened.events()
        assert (event.verb, event.identity, event.same, event.score) == ("remove", None, None, None)
        with pytest.raises(GalleryError):
            opened.remove("ring", record=record)
        assert opened.events() == [event]


def test_several_probes_are_one_commit(gallery: Path, probe: Path) -> None:
    """The matches of a batch are recorded together, each with its image; one that can't be, leaves none."""
    with Gallery.open(gallery) as opened:
        vectors = opened.model.embed([probe, probe])
        images = [b"one", b"two"]
        opened.match_embeddings(vectors, record=Record(keep_image=True), images=images)
        assert [opened.event_image(e.id) for e in opened.events()] == images
        opened.match_embeddings(vectors, record=Record(), images=images)
        assert [e.kept for e in opened.events(last=2)] == [False, False]
        with pytest.raises(UsageError, match="without the images"):
            opened.match_embeddings(vectors, record=Record(keep_image=True))
        with pytest.raises(UsageError, match="without the images"):
            opened.match_embeddings(vectors, record=Record(keep_image=True), images=[b"one", None])
        assert len(opened.events()) == 4


def test_fused_and_assigned_probes_are_recorded(gallery: Path, probe: Path, shapes: Path) -> None:
    """Probes that are fused leave one event with the first of them; things that are assigned one each, with its own."""
    both, record = [probe, shapes / "ring" / "3.png"], Record(keep_image=True)
    with Gallery.open(gallery) as opened:
        opened.verify("ring", both, record=record)
        opened.identify(both, fused=True, record=record)
        assert [opened.event_image(e.id) for e in opened.events()] == [probe.read_bytes()] * 2
        made = opened.assign(both, record=record)
        third, fourth = opened.events(after=2)
        assert [third.identity, fourth.identity] == [m.identity for m in made]
        assert [opened.event_image(e.id) for e in (third, fourth)] == [p.read_bytes() for p in both]
        with pytest.raises(InputError, match="nothing.png"):
            opened.identify(gallery.parent / "nothing.png", record=record)
        (gallery.parent / "bad.png").write_bytes(b"no picture")
        with pytest.raises(InputError, match="bad.png"):
            opened.identify(gallery.parent / "bad.png", record=record)
        assert len(opened.events()) == 4


def test_whoever_cannot_be_recorded_is_not_let_in(gallery: Path, probe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes longer than the wait, a recorded answer is a StorageError; a plain one is not."""
    monkeypatch.setattr("firstsight.stores.database._WAIT", 0.05)
    with Gallery.open(gallery) as opened, closing(sqlite3.connect(gallery, isolation_level=None)) as other:
        opened.identify(probe)
        other.execute("BEGIN IMMEDIATE")
        for act in (
            lambda: opened.verify("ring", probe, record=Record()),
            lambda: opened.identify(probe, record=Record()),
        ):
            with pytest.raises(StorageError, match="another process has been writing"):
                act()
        assert opened.identify(probe).candidates
        other.execute("ROLLBACK")
        assert opened.events() == []


def test_who_is_removed_while_they_are_asked_about_is_refused(
    gallery: Path, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody is removed between the answer and its event, the verb fails and their name is in no file."""
    with Gallery.open(gallery) as opened, Gallery.open(gallery) as other:
        opened.rename("ring", "wilhelmina")
        record = opened.store.record

        def late(*given: object) -> list[int]:
            other.remove("wilhelmina")
            return record(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(opened.store, "record", late)
        with pytest.raises(GalleryError, match="'wilhelmina' is not enrolled"):
            opened.verify("wilhelmina", probe, record=Record())
    assert b"wilhelmina" not in everything(gallery)


def test_what_is_forgotten_is_in_no_file(gallery: Path, probe: Path) -> None:
    """After forgetting neither place, actor nor image of the events is in any file; what was enrolled stays."""
    with Gallery.open(gallery) as opened, Gallery.open(gallery) as other:
        for n in range(30):
            opened.identify(probe, record=Record(f"the-far-door-{n}", actor="the-reader", keep_image=True))
            other.verify("ring", probe, record=Record("the-near-door"))
        parts = [b"the-far-door", b"the-near-door", b"the-reader", probe.read_bytes()[-60:]]
        assert all(part in everything(gallery) for part in parts)
        receipt = opened.forget(datetime.now(UTC) + timedelta(minutes=1))
        assert (receipt.forgotten, receipt.erased, receipt.notes) == (60, True, ())
        assert [part for part in parts if part in everything(gallery)] == []
        assert other.events() == []
        assert [i.identity for i in other.identities()] == list(SHAPES)


def test_retention_keeps_what_is_younger(gallery: Path, probe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events go by age or day, exactly; the receipt says how many and before when."""
    with Gallery.open(gallery) as opened:
        for day in (1, 2, 3, 4):
            monkeypatch.setattr("firstsight.stores.events.now", lambda day=day: f"2026-11-0{day}T00:00:00.000Z")
            opened.identify(probe, record=Record())
        receipt = opened.forget("2026-11-03")
        assert (receipt.forgotten, receipt.before) == (2, "2026-11-03T00:00:00.000Z")
        assert [e.at[:10] for e in opened.events()] == ["2026-11-03", "2026-11-04"]
        assert [e.at[:10] for e in opened.events(since="2026-11-04", until="2026-11-04")] == ["2026-11-04"]
        assert opened.events(until="2026-11-03T00:00Z") == []
        assert len(opened.events(until=date(2026, 11, 3))) == 1


def test_a_clock_that_goes_backwards_changes_no_order_of_events(
    gallery: Path, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are in the order in which they happened, whatever the clock said, and pages follow that order."""
    with Gallery.open(gallery) as opened:
        for year in (2031, 1999, 2020):
            monkeypatch.setattr("firstsight.stores.events.now", lambda year=year: f"{year}-01-01T00:00:00.000Z")
            opened.identify(probe, record=Record())
        assert [e.at[:4] for e in opened.events()] == ["2031", "1999", "2020"]
        first = opened.events(limit=1)
        assert [e.at[:4] for e in opened.events(after=first[0].id)] == ["1999", "2020"]


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (Record(direction="up"), "direction is 'up'"),
        (Record(place="a\nb"), "place"),
        (Record(actor="x" * 201), "actor"),
    ],
)
def test_records_that_are_none_are_refused(record: Record, word: str, gallery: Path, probe: Path) -> None:
    """An unknown direction, a place with a line break and an endless actor are refused, and nothing is stored."""
    with Gallery.open(gallery) as opened:
        for act in (
            lambda: opened.identify(probe, record=record),
            lambda: opened.remove("ring", record=record),
        ):
            with pytest.raises(UsageError, match=word):
                act()
        assert opened.events() == []
        assert "ring" in {i.identity for i in opened.identities()}


def test_an_image_is_kept_of_probes_only(gallery: Path, probe: Path) -> None:
    """``keep_image`` for a verb without a probe is refused and not passed over."""
    with Gallery.open(gallery) as opened, pytest.raises(UsageError, match="keep_sources"):
        opened.enroll("new", probe, record=Record(keep_image=True))


def test_questions_that_are_none_are_refused(gallery: Path) -> None:
    """Unknown verbs and identities, impossible numbers and times are sentences."""
    with Gallery.open(gallery) as opened:
        for asked, word in (
            ({"verb": "verified"}, "did you mean 'verify'"),
            ({"identity": "nobody"}, "not enrolled"),
            ({"limit": 0}, "at least 1"),
            ({"last": -1}, "at least 1"),
            ({"limit": 1, "last": 1}, "not both"),
            ({"since": "yesterday"}, "is no time"),
            ({"until": "2026-13-01"}, "is no time"),
        ):
            with pytest.raises((UsageError, GalleryError), match=word):
                opened.events(**asked)  # type: ignore[arg-type]
        assert opened.events(identity="ring") == []


@pytest.mark.parametrize(
    ("given", "end", "expected"),
    [
        ("2026-11-23", False, "2026-11-23T00:00:00.000Z"),
        ("2026-11-23", True, "2026-11-24T00:00:00.000Z"),
        ("2026-12-31", True, "2027-01-01T00:00:00.000Z"),
        ("2026-11-23T08:30", True, "2026-11-23T08:30:00.000Z"),
        ("2026-11-23T08:30:00.1239Z", False, "2026-11-23T08:30:00.123Z"),
        ("2026-11-23T00:30:00+01:00", False, "2026-11-22T23:30:00.000Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=-5))), True, "2026-01-01T05:30:00.000Z"),
        (date(2026, 1, 1), False, "2026-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_read(given: str | date, end: bool, expected: str) -> None:
    """Days and moments, with an offset or without (UTC), become what events are compared by."""
    assert moment(given, end=end) == expected


@pytest.mark.parametrize("given", ["", "now", "2026", "2026-02-30", "9999-12-31", "0001-01-01T00:00+23:00", "a" * 5000])
def test_times_that_are_none_are_refused(given: str) -> None:
    """No such day, a day without a next one, a word: a sentence with at most a hundred characters of it."""
    with pytest.raises(UsageError, match="is no time") as caught:
        moment(given, end=True)
    assert len(str(caught.value)) < 300


def test_ages_are_read() -> None:
    """Hours, days and weeks ago; anything else is a sentence."""
    for age, span in (("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("4w", timedelta(weeks=4))):
        then = datetime.fromisoformat(ago(age))
        assert abs(datetime.now(UTC) - span - then) < timedelta(seconds=5)
    for age in ("", "90", "d", "-1d", "1.5d", "90 days", "9999999d", "999999w"):
        with pytest.raises(UsageError):
            ago(age)
