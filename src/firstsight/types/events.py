"""What is known of what happened in a gallery: events, who was present; receipts of forgetting and of copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Record:
    """Asks that what a verb does be recorded, and says of it what the gallery can't know.

    Attributes:
        place: which door or counter; "" says nothing.
        direction: ``"in"`` or ``"out"``, for attendance; None says nothing.
        actor: who asked, such as the name of a key; "" says nothing.
        keep_image: keep the probe too; of several that are fused into one answer, the first. No image is kept
            otherwise.
    """

    place: str = ""
    direction: str | None = None
    actor: str = ""
    keep_image: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """What happened once: who, what, when, by which model and how surely.

    Attributes:
        id: rises with every event, whatever the clock says, and is never given twice; 0 before it is stored.
        verb: verify, identify, enroll, replace, rename, merge, remove or annotate.
        at: what the clock said, UTC, ``2026-11-23T08:00:00.000Z``; "" before it is stored.
        identity: who was claimed (verify), who it was taken for (identify), whose references they are now (others);
            None is unknown, or somebody who was removed.
        same: verify: the answer; identify: whether it was somebody known; None for others.
        score, probability, threshold: of the decision or match, None for others.
        model: fingerprint of the gallery's model.
        place, direction, actor: as in Record.
        kept: whether the probe is kept.
    """

    id: int
    verb: str
    at: str
    identity: str | None
    same: bool | None
    score: float | None
    probability: float | None
    threshold: float | None
    model: str
    place: str = ""
    direction: str | None = None
    actor: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The receipt of ``forget``.

    Attributes:
        forgotten: how many events are deleted.
        before: the moment (UTC) before which there is none now.
        erased: whether they are out of every file of the store already.
        notes: where they are not, when they will be.
    """

    forgotten: int
    before: str
    erased: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presence:
    """One identity on one day.

    Attributes:
        identity: who.
        day: ``2026-11-23``, in the time zone that was asked for.
        first_in: when it was first seen coming (or first seen at all, where no direction is told), local time with its
            offset from UTC; None where it was there from the day before, or was only seen going.
        last_out: when it was last seen going (or last seen at all); None where it was not.
        events: how often it was seen.
        seconds: how long it was present, over all intervals that have both ends; split at midnight.
        open: whether an interval that began on this day has no end.
        notes: what is to be known of these figures, in words.
    """

    identity: str
    day: str
    first_in: str | None
    last_out: str | None
    events: int
    seconds: int
    open: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """The receipt of ``export_subject``: all that is known of one identity is in a folder.

    Attributes:
        identity: whose copy it is.
        out: the folder.
        references, events, images: how many of each are in it.
    """

    identity: str
    out: str
    references: int
    events: int
    images: int
