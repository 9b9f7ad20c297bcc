"""Attendance: from recorded events to who was there on which day, from when to when, and for how long.

What counts is a verify or identify that knew the person. Where doors tell a direction, an ``in`` opens an interval and
the next ``out`` closes it; an interval across midnight is split there. Where no direction is told, a day is from its
first sighting to its last. What is left open, or has no beginning, is said and never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from firstsight.errors import UsageError
from firstsight.types import Event, Presence

LONGEST = 16.0
"""Hours: an interval that would be longer is one whose end was missed."""

_SEEN = ("verify", "identify")
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Day:
    """What is gathered of one identity on one day."""

    ins: list[datetime] = field(default_factory=list)
    outs: list[datetime] = field(default_factory=list)
    sightings: list[datetime] = field(default_factory=list)
    present: timedelta = timedelta()
    open: bool = False
    notes: dict[str, None] = field(default_factory=dict)


def attendance(
    events: Iterable[Event], *, since: date, until: date, zone: str | None = None, longest: float = LONGEST
) -> list[Presence]:
    """Who was there on the days from ``since`` to ``until``, both included; by day, then by name.

    Args:
        events: in the order of their numbers, from :func:`span` where intervals across midnight are to be whole.
        since, until: days.
        zone: time zone of the days, such as ``Europe/Berlin``; None is the machine's.
        longest: hours; an interval that would be longer is left open.

    Raises:
        UsageError: there is no such time zone, or the length of time is none.
    """
    place, most = _zone(zone), _hours(longest)
    people: dict[str, list[Event]] = {}
    for event in events:
        if event.verb in _SEEN and event.same and event.identity is not None:
            people.setdefault(event.identity, []).append(event)
    found = []
    for identity, seen in people.items():
        for day, gathered in _days(seen, place, most).items():
            if since <= day <= until:
                found.append(_presence(identity, day, gathered, place))
    return sorted(found, key=lambda p: (p.day, p.identity.casefold(), p.identity))


def span(since: date, until: date, zone: str | None = None, longest: float = LONGEST) -> tuple[datetime, datetime]:
    """The moments between which the events lie that matter to these days.

    Raises:
        UsageError: the days are none, or are in the wrong order; or as :func:`attendance`.
    """
    if until < since:
        raise UsageError(f"the days from {since} to {until} came, the earlier one was expected first")
    place, most = _zone(zone), _hours(longest)
    try:
        return _midnight(since, place) - most, _midnight(until + _DAY, place) + most
    except (OverflowError, ValueError):
        raise UsageError(f"the days from {since} to {until} came, days that have a neighbour were expected") from None


def today(zone: str | None = None) -> date:
    """The day it is there."""
    return datetime.now(UTC).astimezone(_zone(zone)).date()


def _zone(name: str | None) -> tzinfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"{name!r:.100} is no time zone known here; one such as Europe/Berlin was expected") from None


def _hours(longest: float) -> timedelta:
    if not (math.isfinite(longest) and 0 < longest <= 24 * 31):
        raise UsageError(f"longest is {longest} hours, more than 0 and at most {24 * 31} was expected")
    return timedelta(hours=longest)


def _midnight(day: date, place: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), place).astimezone(UTC)  # without a zone Python takes the machine's


def _days(seen: list[Event], place: tzinfo | None, most: timedelta) -> dict[date, _Day]:
    """What is known of one identity, by day."""
    days: dict[date, _Day] = {}
    began: datetime | None = None

    def on(when: datetime) -> _Day:
        return days.setdefault(when.astimezone(place).date(), _Day())

    def leave_open(when: datetime) -> None:
        on(when).open = True
        on(when).notes["came in, and no going out is recorded"] = None

    for event in seen:
        when = datetime.fromisoformat(event.at)
        day = on(when)
        day.sightings.append(when)
        if event.direction == "in":
            day.ins.append(when)
            if began is not None and began.astimezone(place).date() == when.astimezone(place).date():
                day.notes["came in again without going out; the first time counts"] = None
                continue
            if began is not None:
                leave_open(began)
            began = when
        elif event.direction == "out":
            day.outs.append(when)
            if began is not None and when - began > most:
                leave_open(began)
                began = None
            if began is None:
                day.notes["went out, and no coming in is recorded"] = None
                continue
            _spend(days, began, when, place)
            began = None
    if began is not None:
        leave_open(began)
    return days


def _spend(days: dict[date, _Day], began: datetime, ended: datetime, place: tzinfo | None) -> None:
    """Add an interval to the days that it touches."""
    if ended < began:
        days[ended.astimezone(place).date()].notes["the clock went back; this interval counts as nothing"] = None
    while began < ended:
        day = began.astimezone(place).date()
        midnight = _midnight(day + _DAY, place)
        here = days.setdefault(day, _Day())
        here.present += min(ended, midnight) - began
        if midnight < ended:
            here.notes["stayed past midnight"] = None
            days.setdefault(day + _DAY, _Day()).notes["there from the day before"] = None
        began = midnight


def _presence(identity: str, day: date, gathered: _Day, place: tzinfo | None) -> Presence:
    first, last, present = gathered.ins[:1], gathered.outs[-1:], gathered.present
    notes = tuple(gathered.notes)
    if gathered.sightings and not (gathered.ins or gathered.outs or present):
        first, last = [min(gathered.sightings)], [max(gathered.sightings)]
        present = last[0] - first[0]
        notes = ("no direction is recorded: from the first sighting to the last", *notes)
    came, went = (m[0].astimezone(place).isoformat(timespec="seconds") if m else None for m in (first, last))
    seconds = round(present.total_seconds())
    return Presence(identity, day.isoformat(), came, went, len(gathered.sightings), seconds, gathered.open, notes)
