"""Attendance: what doors saw becomes who was there, from when to when, in the days of a time zone."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from firstsight.apps.attendance import attendance, span, today
from firstsight.apps.sheet import sheet
from firstsight.errors import UsageError
from firstsight.types import Event, Presence

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
NO_OUT = "came in, and no going out is recorded"
NO_IN = "went out, and no coming in is recorded"


def seen(*moments: str, identity: str | None = "a", verb: str = "identify", same: bool | None = True) -> list[Event]:
    """Events from ``"23 08:00 in"``: day of November 2026, UTC, direction or nothing."""
    made = []
    for number, told in enumerate(moments, 1):
        day, clock, *direction = told.split()
        at = f"2026-11-{day}T{clock}:00.000Z"
        figures = (0.9, 0.9, 0.5)
        made.append(Event(number, verb, at, identity, same, *figures, "f", "door", direction[0] if direction else None))
    return made


def told(events: list[Event], since: date = MONDAY, until: date = WEDNESDAY, zone: str = "UTC") -> list[Presence]:
    """The days of Monday to Wednesday."""
    return attendance(events, since=since, until=until, zone=zone)


def short(rows: list[Presence]) -> list[tuple[str, str | None, str | None, float, bool]]:
    """Day, first in and last out as clock times, hours, open."""
    return [
        (p.day[8:], p.first_in and p.first_in[11:16], p.last_out and p.last_out[11:16], p.seconds / 3600, p.open)
        for p in rows
    ]


def test_a_day_with_a_break() -> None:
    """Two intervals of a day add up; first in and last out are those of the day."""
    rows = told(seen("23 08:00 in", "23 12:00 out", "23 12:30 in", "23 17:00 out"))
    assert rows == [
        Presence("a", "2026-11-23", "2026-11-23T08:00:00+00:00", "2026-11-23T17:00:00+00:00", 4, 8 * 3600 + 1800)
    ]


def test_an_interval_without_an_end_is_said_and_counts_as_nothing() -> None:
    """Who came in and was not seen going out is open, with the time of the closed intervals only."""
    (row,) = told(seen("23 08:00 in", "23 12:00 out", "23 13:00 in"))
    assert (row.seconds, row.open, row.notes) == (4 * 3600, True, (NO_OUT,))


def test_going_out_without_coming_in_is_said() -> None:
    """The time of a going out stands, without any time present."""
    (row,) = told(seen("23 17:00 out"))
    assert (row.first_in, row.last_out, row.seconds, row.open) == (None, "2026-11-23T17:00:00+00:00", 0, False)
    assert row.notes == (NO_IN,)


def test_without_directions_a_day_is_from_the_first_sighting_to_the_last() -> None:
    """A door that tells no direction gives the span of the day, and says so; one sighting is no time."""
    rows = told(seen("23 08:00", "23 12:00", "23 17:30", "24 09:00"))
    assert short(rows) == [("23", "08:00", "17:30", 9.5, False), ("24", "09:00", "09:00", 0, False)]
    assert all("no direction is recorded" in p.notes[0] for p in rows)


def test_sightings_without_direction_count_but_time_nothing_where_others_have_one() -> None:
    """A counter amid the doors adds to how often somebody was seen, and to nothing else."""
    (row,) = told(seen("23 07:00", "23 08:00 in", "23 10:00", "23 12:00 out", "23 20:00"))
    assert short([row]) == [("23", "08:00", "12:00", 4, False)]
    assert row.events == 5


def test_a_night_is_split_at_midnight() -> None:
    """A shift across midnight is part of both days, and neither is open."""
    rows = told(seen("23 22:00 in", "24 06:00 out"))
    assert short(rows) == [("23", "22:00", None, 2, False), ("24", None, "06:00", 6, False)]
    assert [p.notes for p in rows] == [("stayed past midnight",), ("there from the day before",)]


def test_midnight_is_that_of_the_time_zone() -> None:
    """The same events belong to other days elsewhere, and times are told with the offset of the place."""
    events = seen("23 22:00 in", "24 06:00 out")
    assert short(told(events, zone="Asia/Tokyo")) == [("24", "07:00", "15:00", 8, False)]
    (row,) = told(events, zone="America/New_York", until=TUESDAY)[:1]
    assert row.first_in == "2026-11-23T17:00:00-05:00"


def test_days_of_23_and_25_hours() -> None:
    """Where the clock is changed, a night has the hours that passed, and not those on the clock."""
    for day, hours in ((date(2026, 3, 28), 7), (date(2026, 10, 24), 9)):
        zone = ZoneInfo("Europe/Berlin")
        ends = [datetime(day.year, day.month, day.day, 22, tzinfo=zone)]
        ends.append(datetime(day.year, day.month, day.day, 6, tzinfo=zone) + timedelta(days=1))
        events = [
            Event(n, "verify", when.astimezone(UTC).isoformat(), "a", True, 1, 1, 0, "f", "", way)
            for n, (when, way) in enumerate(zip(ends, ("in", "out"), strict=True), 1)
        ]
        rows = attendance(events, since=day, until=day + timedelta(days=1), zone="Europe/Berlin")
        assert sum(p.seconds for p in rows) == hours * 3600
        assert rows[0].seconds == 2 * 3600


def test_a_missed_going_out_does_not_make_a_day_of_33_hours() -> None:
    """An interval longer than the longest is open where it began, and its end has no beginning."""
    rows = told(seen("23 08:00 in", "24 17:00 out"))
    assert short(rows) == [("23", "08:00", None, 0, True), ("24", None, "17:00", 0, False)]
    assert [p.notes for p in rows] == [(NO_OUT,), (NO_IN,)]
    (row,) = attendance(seen("23 08:00 in", "24 17:00 out"), since=MONDAY, until=MONDAY, zone="UTC", longest=40)
    assert (row.seconds, row.open) == (16 * 3600, False)


def test_coming_in_on_the_next_day_leaves_the_day_before_open() -> None:
    """A missed going out costs the day on which it was missed, and not the next."""
    rows = told(seen("23 18:00 in", "24 08:00 in", "24 17:00 out"))
    assert short(rows) == [("23", "18:00", None, 0, True), ("24", "08:00", "17:00", 9, False)]


def test_coming_in_twice_counts_from_the_first() -> None:
    """Two comings in of a day without a going out between them are one interval, and that is said."""
    (row,) = told(seen("23 08:00 in", "23 08:01 in", "23 12:00 out"))
    assert short([row]) == [("23", "08:00", "12:00", 4, False)]
    assert "again" in row.notes[0]


def test_a_clock_that_goes_back_gives_no_time_and_no_error() -> None:
    """Order is that of the numbers; an interval that ends before it begins is nothing, and that is said."""
    (row,) = told(seen("23 08:00 in", "23 07:00 out", "23 09:00 in", "23 10:00 out"))
    assert row.seconds == 3600
    assert any("clock went back" in note for note in row.notes)


def test_only_those_who_were_known_were_there() -> None:
    """Neither a refused claim nor a stranger nor an enrolment is a presence."""
    assert told(seen("23 08:00 in", verb="verify", same=False)) == []
    assert told(seen("23 08:00 in", identity=None, same=False)) == []
    assert told(seen("23 08:00 in", verb="enroll", same=None)) == []
    assert len(told(seen("23 08:00 in", verb="verify"))) == 1


def test_people_are_apart_and_in_order() -> None:
    """Each has a row of their own for each day, by day and then by name."""
    events = sorted(
        seen("23 08:00 in", "23 09:00 out", identity="Zoe")
        + seen("23 08:30 in", "24 08:00 in", "24 09:30 out", identity="anna"),
        key=lambda e: e.at,
    )
    assert [(p.day[8:], p.identity, p.seconds) for p in told(events)] == [
        ("23", "anna", 0),
        ("23", "Zoe", 3600),
        ("24", "anna", 5400),
    ]


def test_what_begins_before_the_first_day_counts_from_its_midnight() -> None:
    """A day asked for alone has the same row as among its neighbours, with the events that ``span`` asks for."""
    events = seen("22 22:00 in", "23 06:00 out", "23 20:00 in", "24 04:00 out", "25 20:00 in", "26 05:00 out")
    whole = told(events, since=date(2026, 11, 20), until=date(2026, 11, 28))
    for row in whole:
        day = date.fromisoformat(row.day)
        begin, end = span(day, day, "UTC")
        some = [e for e in events if begin <= datetime.fromisoformat(e.at) < end]
        assert told(some, day, day) == [row]


def test_seconds_are_those_of_a_count_by_the_minute() -> None:
    """For drawn, well formed comings and goings, the seconds of each day are those of a loop over the minutes."""
    draw = random.Random(5)
    for zone in ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"):
        when, events, inside = datetime(2026, 3, 20, tzinfo=UTC), [], set()
        for number in range(40):
            came = when + timedelta(minutes=draw.randint(1, 900))
            went = came + timedelta(minutes=draw.randint(1, 16 * 60))
            for at, way in ((came, "in"), (went, "out")):
                events.append(Event(number, "verify", at.isoformat(), "a", True, 1, 1, 0, "f", "", way))
            inside |= {came + timedelta(minutes=m) for m in range((went - came) // timedelta(minutes=1))}
            when = went
        minutes: dict[str, int] = {}
        for minute in inside:
            day = minute.astimezone(ZoneInfo(zone)).date().isoformat()
            minutes[day] = minutes.get(day, 0) + 1
        rows = attendance(events, since=date(2026, 3, 1), until=date(2026, 12, 1), zone=zone)
        assert {p.day: p.seconds for p in rows if p.seconds} == {d: 60 * n for d, n in minutes.items()}


def test_the_machines_time_zone_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a zone the days are those of the machine, with its summer time."""
    import time

    try:
        with monkeypatch.context() as patched:
            patched.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            events = seen("23 22:00 in", "24 06:00 out")
            assert attendance(events, since=MONDAY, until=WEDNESDAY) == told(events, zone="Asia/Tokyo")
            assert span(MONDAY, MONDAY) == span(MONDAY, MONDAY, "Asia/Tokyo")
            assert today() == today("Asia/Tokyo")
    finally:
        time.tzset()


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "../etc", "Europe", "a\0b", "x" * 10_000])
def test_unknown_time_zones_are_refused(zone: str) -> None:
    """A zone that is none is a sentence, with what would be one."""
    for act in (lambda: told([], zone=zone), lambda: span(MONDAY, MONDAY, zone), lambda: today(zone)):
        with pytest.raises(UsageError, match="Europe/Berlin"):
            act()


def test_impossible_spans_are_refused() -> None:
    """Days in the wrong order, the last day there is, and lengths that are none are sentences."""
    for act in (
        lambda: span(TUESDAY, MONDAY),
        lambda: span(MONDAY, date.max),
        lambda: span(date.min, MONDAY),
        lambda: attendance([], since=MONDAY, until=MONDAY, longest=0),
        lambda: attendance([], since=MONDAY, until=MONDAY, longest=float("nan")),
        lambda: attendance([], since=MONDAY, until=MONDAY, longest=1e9),
    ):
        with pytest.raises(UsageError):
            act()


def test_a_sheet_is_read_back_and_executes_nothing() -> None:
    """Every field is there for a reader of CSV; a name that a spreadsheet would execute is a text."""
    names = ['=HYPERLINK("http://x")', "+1", "@a", "-b", "＝1", 'comma, "quote"', "Zoë", "plain"]
    rows = [Presence(name, "2026-11-23", None, "x", 2, 60, True, ("one", "two")) for name in names]
    read = list(csv.DictReader(io.StringIO(sheet(rows, Presence))))
    assert [row["identity"].removeprefix("'") for row in read] == names
    assert not any(row["identity"].startswith(("=", "+", "-", "@", "＝")) for row in read)
    assert (read[0]["first_in"], read[0]["open"], read[0]["notes"], read[0]["seconds"]) == ("", "1", "one; two", "60")
    assert sheet([], Presence).splitlines() == ["identity,day,first_in,last_out,events,seconds,open,notes"]
    numbers = [Event(1, "verify", "", "a", False, -0.5, 0.1, 0.2, "f")]
    assert next(csv.DictReader(io.StringIO(sheet(numbers, Event))))["score"] == "-0.5"
