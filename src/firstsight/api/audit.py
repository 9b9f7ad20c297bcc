"""The verbs on what happened: events, attendance, forgetting, and the copy of all that is known of somebody."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from firstsight.apps import attendance as presence
from firstsight.apps.sheet import sheet
from firstsight.errors import UsageError
from firstsight.files import expanded, write_atomically
from firstsight.gallery import Gallery, subject
from firstsight.gallery.audit import ago
from firstsight.types import Copy, Event, Forgotten, Presence


def events(
    gallery: str | Path,
    *,
    identity: str | None = None,
    verb: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    after: int | None = None,
    limit: int | None = None,
    last: int | None = None,
    csv: str | Path | None = None,
    model: str | Path | None = None,
) -> list[Event]:
    """What was recorded, in the order in which it happened.

    Args:
        gallery: its address.
        identity: only about this one.
        verb: only of this verb.
        since, until: a day, which is in it with its beginning and its end, or a moment; UTC where nothing is said.
        after, limit: the first so many with a number above this one: the next page.
        last: the newest so many.
        csv: a file that gets them too.
        model: where the gallery's model lies now, if it moved.
    """
    with Gallery.open(gallery, model) as opened:
        found = opened.events(
            identity=identity, verb=verb, since=since, until=until, after=after, limit=limit, last=last
        )
    _write(csv, found, Event)
    return found


def forget(
    gallery: str | Path,
    before: str | date | None = None,
    *,
    older_than: str | None = None,
    model: str | Path | None = None,
) -> Forgotten:
    """Delete the events before a day or a moment, or older than ``90d`` (hours h, days d, weeks w)."""
    if (before is None) == (older_than is None):
        raise UsageError("either before, a day or a moment, or older_than, such as 90d, was expected")
    with Gallery.open(gallery, model) as opened:
        return opened.forget(ago(older_than) if older_than is not None else before or "")


def attendance(
    gallery: str | Path,
    *,
    day: str | date | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    identity: str | None = None,
    zone: str | None = None,
    longest: float = presence.LONGEST,
    csv: str | Path | None = None,
    model: str | Path | None = None,
) -> list[Presence]:
    """Who was there, by day: first in, last out, how long; see :mod:`firstsight.apps.attendance`.

    Args:
        gallery: its address.
        day: one day; today where no day is given.
        since, until: or the days from the one to the other, both included; ``until`` is today where it is left out.
        identity: only this one.
        zone: time zone of the days, such as ``Europe/Berlin``; the machine's where none is given.
        longest: hours; who would have been in for longer is left open, since a going out was missed.
        csv: a file that gets the rows too.
        model: where the gallery's model lies now, if it moved.
    """
    if day is not None and (since is not None or until is not None):
        raise UsageError("either a day, or since and until; not both")
    if until is not None and since is None:
        raise UsageError("until came without since; give the first day too")
    first = presence.today(zone) if day is since is None else _day(day if day is not None else since)
    final = first if since is None else presence.today(zone) if until is None else _day(until)
    begin, end = presence.span(first, final, zone, longest)
    with Gallery.open(gallery, model) as opened:
        seen = opened.events(identity=identity, since=begin, until=end)
    found = presence.attendance(seen, since=first, until=final, zone=zone, longest=longest)
    _write(csv, found, Presence)
    return found


def export_subject(gallery: str | Path, identity: str, *, out: str | Path, model: str | Path | None = None) -> Copy:
    """Write all that is known of one identity into a new folder: for that person, in plain files."""
    with Gallery.open(gallery, model) as opened:
        return subject.export_subject(opened, identity, Path(out))


def _day(given: str | date | None) -> date:
    try:
        return given if isinstance(given, date) else date.fromisoformat(str(given).strip())
    except ValueError:
        raise UsageError(f"{given!r:.100} is no day; one such as 2026-11-23 was expected") from None


def _write(place: str | Path | None, rows: list[Any], kind: type) -> None:
    if place is not None:
        write_atomically(expanded(place), sheet(rows, kind).encode(), private=True)
