"""Events of a gallery: made of what was decided or done, read by time, forgotten in time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from firstsight.errors import InputError, UsageError
from firstsight.gallery.names import printable, spelled
from firstsight.inputs.decode import bytes_of, describe
from firstsight.stores.events import stamp
from firstsight.types import Decision, Event, Match, Reading, Record, Source, Store

VERBS = ("verify", "identify", "enroll", "replace", "rename", "merge", "remove", "annotate")
DIRECTIONS = ("in", "out")
_LONGEST = 200  # characters of a place or an actor
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def probed(
    read: Callable[[Source], Reading], sources: Sequence[Source], record: Record | None
) -> tuple[list[Reading], list[bytes | None]]:
    """Readings of probes, and for each thing that they show the bytes it came from, where they are to be kept.

    Args:
        read: a source to its reading.
        sources: the probes; a file is read once.
        record: whether images are to be kept.

    Raises:
        InputError: a probe can't be read.
    """
    readings: list[Reading] = []
    images: list[bytes | None] = []
    for source in sources:
        image = bytes_of(source) if record is not None and record.keep_image else None
        try:
            readings.append(read(source if image is None or isinstance(source, np.ndarray) else image))
        except InputError as error:
            raise InputError(str(error).replace(describe(image or b""), describe(source), 1)) from None
        images += [image] * len(readings[-1].arrays)
    return readings, images


def answered(
    store: Store,
    verb: str,
    answers: Sequence[tuple[str | None, Decision | Match]],
    record: Record,
    images: Sequence[bytes | None],
) -> None:
    """Record answers, each about somebody or nobody, in one transaction; only then may they be acted upon.

    Raises:
        UsageError: images are to be kept, and none came.
        GalleryError: one is about somebody who was removed meanwhile; nothing is recorded then.
        StorageError: the disk refused.
    """
    place, direction, actor = _told(record)
    model, events = store.contract.fingerprint, []
    if record.keep_image and any(image is None for image in images or [None]):
        raise UsageError("keep_image came without the images that are to be kept; hand them in too")
    for identity, answer in answers:
        same = answer.same if isinstance(answer, Decision) else answer.identity is not None
        figures = (answer.score, answer.probability, answer.threshold)
        events.append(Event(0, verb, "", identity, same, *figures, model, place, direction, actor))
    store.record(events, images if record.keep_image else ())


def done(store: Store, verb: str, identity: str | None, record: Record | None) -> tuple[Event, ...]:
    """The event of a write, where it is to be recorded; of nobody's, where they are gone by then.

    Raises:
        UsageError: an image is to be kept, and there is no probe.
    """
    if record is None:
        return ()
    if record.keep_image:
        raise UsageError(
            f"keep_image came for {verb}, but it keeps the probes of verify and identify; the images of references "
            "are kept by a gallery made with keep_sources"
        )
    place, direction, actor = _told(record)
    model = store.contract.fingerprint
    return (Event(0, verb, "", identity, None, None, None, None, model, place, direction, actor),)


def _told(record: Record) -> tuple[str, str | None, str]:
    place, actor = spelled(record.place), spelled(record.actor)
    for what, text in (("place", place), ("actor", actor)):
        if len(text) > _LONGEST or not printable(text):
            raise UsageError(f"{what} is {text[:100]!r}, at most {_LONGEST} printable characters were expected")
    if record.direction not in (None, *DIRECTIONS):
        raise UsageError(f"direction is {record.direction!r}, {' or '.join(DIRECTIONS)} was expected")
    return place, record.direction, actor


def moment(given: str | date, *, end: bool = False) -> str:
    """A time as events are compared by it; without an offset it is UTC, as they tell it.

    Args:
        given: ``2026-11-23``, ``2026-11-23T08:00``, ``2026-11-23T08:00:00+01:00``, or a datetime or date.
        end: a day means its end, else its beginning.

    Raises:
        UsageError: it is none of these.
    """
    try:
        made = given if isinstance(given, date) else _parsed(given.strip())
        if not isinstance(made, datetime):
            made = datetime.combine(made + timedelta(days=int(end)), time())
        made = made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{str(given)[:100]!r} is no time; a day such as 2026-11-23, or a moment such as 2026-11-23T08:00Z, was "
            "expected"
        ) from None
    return stamp(made)


def _parsed(text: str) -> date:
    return date.fromisoformat(text) if len(text) == len("2026-11-23") else datetime.fromisoformat(text)


def ago(age: str) -> str:
    """The moment that is so long ago: ``90d``, ``12h``, ``4w``.

    Raises:
        UsageError: it is no such length of time.
    """
    found = re.fullmatch(r"(\d{1,6})([hdw])", age.strip(), re.ASCII)
    if not found:
        raise UsageError(
            f"{age[:100]!r} is no length of time; hours, days or weeks such as 12h, 90d or 4w were expected"
        )
    try:
        return stamp(datetime.now(UTC) - int(found[1]) * _UNITS[found[2]])
    except OverflowError:
        raise UsageError(f"{age} ago is before the year 1; a shorter time was expected") from None
