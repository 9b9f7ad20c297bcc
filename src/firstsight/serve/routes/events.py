"""What happened: events, attendance, forgetting."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from firstsight import api
from firstsight.apps.attendance import LONGEST
from firstsight.apps.sheet import sheet
from firstsight.errors import MissingError
from firstsight.inputs.decode import thumbnail
from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Came, Number, Numbered, Size, Taking, The, door
from firstsight.types import Event, Forgotten, Presence

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["events"])

Moment = Annotated[str | None, Query(max_length=40, description="A day, such as 2026-11-23, or a moment.")]
About = Annotated[str | None, Query(max_length=1000, description="Only about this identity.")]
Most = Annotated[int | None, Query(ge=1, le=10_000)]


@router.get("/events", **door(list[Event], "read", also=(404,)))
def events(
    service: The,
    gallery: str,
    identity: About = None,
    verb: Annotated[str | None, Query(max_length=20)] = None,
    since: Moment = None,
    until: Moment = None,
    after: Annotated[int | None, Number] = None,
    limit: Most = None,
    last: Most = None,
) -> Response:
    """What was recorded, in its order: the first ``limit`` after an id, or the ``last`` so many; at most 1000."""
    most = 1000 if limit is None and last is None else limit
    asked = {"identity": identity, "verb": verb, "since": since, "until": until, "after": after}
    return reply(service.galleries.reading(gallery, lambda g: g.events(**asked, limit=most, last=last)))  # type: ignore[arg-type]


@router.get("/events/{event}/image", **door(None, "read", also=(404,), media="image/png"))
def event_image(service: The, gallery: str, event: Numbered, asked: Taking, size: Size = None) -> Response:
    """The probe kept of an event, as PNG."""
    kept = service.galleries.reading(gallery, lambda g: g.event_image(event))
    if kept is None:
        raise MissingError(f"no image is kept of event {event}; keep_image, beside record, keeps the probe")
    made = thumbnail(kept, size)
    service.queue.keep(asked, len(made))
    return Response(made, media_type="image/png")


@router.get("/attendance", **door(list[Presence], "read", also=(404,)))
def attendance(
    service: The,
    gallery: str,
    day: Moment = None,
    since: Moment = None,
    until: Moment = None,
    identity: About = None,
    zone: Annotated[str | None, Query(max_length=64, description="Such as Europe/Berlin.")] = None,
    longest: Annotated[float, Query(description="Hours; who would have been in for longer is left open.")] = LONGEST,
    format: Annotated[Literal["json", "csv"], Query()] = "json",  # noqa: A002  the word of the address
) -> Response:
    """Who was there, by day: first in, last out, how long."""
    address = f"{service.galleries.file}#{gallery}"
    asked = {"day": day, "since": since, "until": until}
    found = api.attendance(address, **asked, identity=identity, zone=zone, longest=longest)
    if format == "csv":
        return Response(sheet(found, Presence), media_type="text/csv")
    return reply(found)


@router.post("/forget", **door(Forgotten, "admin", body=bodies.Forget, also=(404,)))
def forget(service: The, gallery: str, came: Came) -> Response:
    """Delete the events before a day or a moment, out of every file of the store."""
    body = bodies.parse(bodies.Forget, came)
    return reply(service.galleries.writing(gallery, lambda g: g.forget(body.before)))
