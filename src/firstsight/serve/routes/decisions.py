"""The two questions: verify and identify."""

from __future__ import annotations

from fastapi import APIRouter, Response

from firstsight.errors import UsageError
from firstsight.gallery import Gallery
from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Actor, Came, The, door, images_of
from firstsight.types import Decision, Match

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["decisions"])


@router.post("/verify", **door(Decision, "read", body=bodies.Verify, also=(404, 409)))
def verify(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Is this probe the identity? Several images of one thing are fused."""
    body = bodies.parse(bodies.Verify, came)
    record = bodies.record_of(body, actor)
    images = images_of(service, *body.images)
    service.kept.room(record, images)
    decision = service.galleries.reading(gallery, lambda g: g.verify(body.identity, images, record=record))
    service.metrics.decided("verify", decision.same)
    return reply(decision)


@router.post("/identify", **door(list[Match], "read", body=bodies.Identify, also=(404, 409)))
def identify(service: The, gallery: str, came: Came, actor: Actor) -> Response:
    """Which enrolled identity is each probe, or unknown? One match an image; with ``fused``, one for all of them."""
    body = bodies.parse(bodies.Identify, came)
    record = bodies.record_of(body, actor)
    images = images_of(service, *body.images)
    service.kept.room(record, images)
    if body.fused and body.one_to_one:
        raise UsageError("either fused (all images show one thing) or one_to_one (each shows another), not both")

    def ask(opened: Gallery) -> list[Match]:
        if body.fused:
            return [opened.identify(images, top=body.top, fused=True, record=record)]
        if body.one_to_one:
            return opened.assign(images, top=body.top, record=record)
        return opened.match_embeddings(opened.model.embed(images), top=body.top, record=record, images=images)

    matches = service.galleries.reading(gallery, ask)
    for match in matches:
        service.metrics.decided("identify", match.identity is not None)
    return reply(matches)
