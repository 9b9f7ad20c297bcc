"""Events of a gallery in its file: written with what they tell of, read in the order of their numbers, forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from firstsight.stores import rows
from firstsight.types import Event

_INSERT = """INSERT INTO event
    (gallery, verb, at, identity, same, score, probability, threshold, model, place, direction, actor, image)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SELECT = """SELECT id, verb, at, identity, same, score, probability, threshold, model, coalesce(place, ''),
    direction, coalesce(actor, ''), image IS NOT NULL FROM event WHERE {where} ORDER BY id {order} LIMIT ?"""


def write(
    db: sqlite3.Connection, gallery: int, events: Sequence[Event], images: Sequence[bytes | None] = ()
) -> list[int]:
    """Within the caller's transaction; their ids."""
    if not events:
        return []
    at, ids = now(), []
    for event, image in zip(events, images or [None] * len(events), strict=True):
        row = (event.same, event.score, event.probability, event.threshold, event.model)
        told = (event.place or None, event.direction, event.actor or None)
        cursor = db.execute(_INSERT, (gallery, event.verb, at, event.identity, *row, *told, image))
        ids.append(int(cursor.lastrowid or 0))
    return ids


class Asked(TypedDict, total=False):
    """What :meth:`Store.events` takes."""

    identity: str | None
    verb: str | None
    since: str | None
    until: str | None
    after: int | None
    limit: int | None
    last: int | None


def read(db: sqlite3.Connection, gallery: int, **asked: Unpack[Asked]) -> list[Event]:
    """See :meth:`Store.events`."""
    # With + an index is not used: by name its rows are in the order of their ids, by time or gallery they are not.
    name, since, until = asked.get("identity"), asked.get("since"), asked.get("until")
    given = (
        ("gallery = ?" if name or since or until else "+gallery = ?", gallery),
        ("identity = ?", name),
        ("verb = ?", asked.get("verb")),
        ("+at >= ?" if name else "at >= ?", since),
        ("+at < ?" if name else "at < ?", until),
        ("id > ?", asked.get("after")),
    )
    there = [(condition, value) for condition, value in given if value is not None]
    limit, last = asked.get("limit"), asked.get("last")
    query = _SELECT.format(where=" AND ".join(c for c, _ in there), order="ASC" if last is None else "DESC")
    most = limit if last is None else last
    found = [_event(row) for row in db.execute(query, (*(v for _, v in there), -1 if most is None else most))]
    return found if last is None else found[::-1]


def image(db: sqlite3.Connection, gallery: int, event: int) -> bytes | None:
    """See :meth:`Store.event_image`."""
    row = db.execute("SELECT image FROM event WHERE id=? AND gallery=?", (event, gallery)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def follow(db: sqlite3.Connection, gallery: int, identity: str, to: str) -> None:
    """The events about somebody are now about the new name."""
    db.execute("UPDATE event SET identity=? WHERE gallery=? AND identity=?", (to, gallery, identity))


def clear(db: sqlite3.Connection, gallery: int, identity: str) -> None:
    """The events about somebody are gone."""
    db.execute("DELETE FROM event WHERE gallery=? AND identity=?", (gallery, identity))


def forget(db: sqlite3.Connection, gallery: int, before: str) -> int:
    """See :meth:`Store.forget`."""
    gone = db.execute("DELETE FROM event WHERE gallery=? AND at < ?", (gallery, before)).rowcount
    if gone:
        rows.erase_later(db)
    return gone


def now() -> str:
    """The time as an event tells it."""
    return stamp(datetime.now(UTC))


def stamp(when: datetime) -> str:
    """A moment as events tell it: UTC, milliseconds; two can be compared as text."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(row: tuple[Any, ...]) -> Event:
    number, verb, at, identity, same, score, probability, threshold, model, place, direction, actor, kept = row
    answer = None if same is None else bool(same)
    told = (place, direction, actor, bool(kept))
    return Event(number, verb, at, identity, answer, score, probability, threshold, model, *told)
