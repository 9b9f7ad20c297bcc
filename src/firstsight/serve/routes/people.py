"""Who is enrolled: listed, enrolled, replaced, described, renamed, merged, removed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from firstsight.errors import MissingError
from firstsight.inputs.decode import thumbnail
from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Actor, Came, Number, Numbered, Size, Taking, The, door, images_of
from firstsight.types import Enrolment, Finding, Identity, Reference, Removal

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["identities"])

Search = Annotated[str | None, Query(max_length=1000, description="Only names that hold this.")]
Where = Annotated[list[str], Query(max_length=50, description="`key=value`: only where this is said; repeatable.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="At most so many.")]


@router.get("/identities", **door(list[Identity], "read", also=(404,)))
def identities(
    service: The,
    gallery: str,
    search: Search = None,
    where: Where = [],  # noqa: B006  FastAPI copies it
    limit: Limit = 1000,
    after: Annotated[str | None, Query(max_length=1000, description="Only those after this identity.")] = None,
) -> Response:
    """Who is enrolled, first enrolled first."""
    asked: dict[str, Any] = {"search": search, "where": where, "limit": limit, "after": after}
    return reply(service.galleries.reading(gallery, lambda g: g.identities_page(**asked)))


@router.get("/references", **door(list[Reference], "read", also=(404,)))
def references(
    service: The,
    gallery: str,
    identity: Annotated[str | None, Query(max_length=1000, description="Only of this one.")] = None,
    search: Search = None,
    where: Where = [],  # noqa: B006
    limit: Limit = 1000,
    after: Annotated[int, Number] = 0,
) -> Response:
    """References, oldest first."""
    asked: dict[str, Any] = {"identity": identity, "search": search, "where": where, "limit": limit, "after": after}
    return reply(service.galleries.reading(gallery, lambda g: g.references_page(**asked)))


@router.get("/references/{reference}/image", **door(None, "read", also=(404,), media="image/png"))
def image(
    service: The,
    gallery: str,
    reference: Numbered,
    asked: Taking,
    size: Size = None,
) -> Response:
    """The image kept of a reference, as PNG."""
    kept = service.galleries.reading(gallery, lambda g: g.store.image(reference))
    if kept is None:
        raise MissingError(f"no image is kept of reference {reference}; --keep-sources keeps those that come")
    made = thumbnail(kept, size)
    service.queue.keep(asked, len(made))
    return Response(made, media_type="image/png")


@router.post("/check", **door(list[Finding], "read", body=bodies.Check, also=(404,)))
def check(service: The, gallery: str, came: Came) -> Response:
    """What the quality gate has against enrolling these images; nothing is stored."""
    body = bodies.parse(bodies.Check, came)
    images = images_of(service, *body.images)
    return reply(service.galleries.reading(gallery, lambda g: g.check(images, body.identity)))


@router.post("/enroll", **door(Enrolment, "enroll", status=201, body=bodies.Enroll, also=(404,), gate=True))
def enroll(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Add references of an identity; answered when they are on disk."""
    body = bodies.parse(bodies.Enroll, came)
    record = bodies.record_of(body, actor)
    images = images_of(service, *body.images)
    given: dict[str, Any] = {"metadata": body.metadata, "override": body.override, "record": record}
    return reply(service.galleries.writing(gallery, lambda g: g.enroll(body.identity, images, **given)), 201)


@router.post("/replace", **door(Enrolment, "enroll", body=bodies.Enroll, also=(404,), gate=True))
def replace(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Put new references in the place of all that an identity has, in one moment."""
    body = bodies.parse(bodies.Enroll, came)
    record = bodies.record_of(body, actor)
    images = images_of(service, *body.images)
    given: dict[str, Any] = {"metadata": body.metadata, "override": body.override, "record": record}
    return reply(service.galleries.writing(gallery, lambda g: g.replace(body.identity, images, **given)))


@router.post("/annotate", **door(Identity, "enroll", body=bodies.Annotate, also=(404,)))
def annotate(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Say more of an identity."""
    body = bodies.parse(bodies.Annotate, came)
    record = bodies.record_of(body, actor)
    return reply(service.galleries.writing(gallery, lambda g: g.annotate(body.identity, body.metadata, record=record)))


@router.post("/rename", **door(Removal, "enroll", body=bodies.Renamed, also=(404, 409)))
def rename(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Give an identity another name."""
    body = bodies.parse(bodies.Renamed, came)
    record = bodies.record_of(body, actor)
    return reply(service.galleries.writing(gallery, lambda g: g.rename(body.identity, body.to, record=record)))


@router.post("/merge", **door(Removal, "enroll", body=bodies.Merged, also=(404, 409)))
def merge(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Give all references of an identity to another one."""
    body = bodies.parse(bodies.Merged, came)
    record = bodies.record_of(body, actor)
    return reply(service.galleries.writing(gallery, lambda g: g.merge(body.identity, body.into, record=record)))


@router.post("/remove", **door(Removal, "enroll", body=bodies.Removed, also=(404,)))
def remove(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Delete an identity and its references, out of every file of the store."""
    body = bodies.parse(bodies.Removed, came)
    record = bodies.record_of(body, actor)
    return reply(service.galleries.writing(gallery, lambda g: g.remove(body.identity, record=record)))
