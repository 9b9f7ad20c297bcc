"""The galleries of the file: listed, made, dropped."""

from __future__ import annotations

from fastapi import APIRouter, Response

from firstsight.gallery import Gallery
from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Came, The, door
from firstsight.stores.listing import drop as dropping
from firstsight.types import Dropped, GalleryInfo

router = APIRouter(prefix="/v1/galleries", tags=["galleries"])


@router.get("", **door(list[GalleryInfo], "read"))
def galleries(service: The) -> Response:
    """All galleries of the file."""
    return reply(service.galleries.listed())


@router.post("", **door(GalleryInfo, "admin", status=201, body=bodies.Created, also=(409,)))
def create(service: The, came: Came) -> Response:
    """Make an empty gallery of the service's model."""
    body = bodies.parse(bodies.Created, came)
    address = f"{service.galleries.file}#{body.gallery}"
    Gallery.create(address, service.galleries.model, keep_sources=body.keep_sources).close()
    return reply(next(g for g in service.galleries.listed() if g.gallery == body.gallery), 201)


@router.post("/{gallery}/drop", **door(Dropped, "admin", also=(404,)))
def drop(service: The, gallery: str) -> Response:
    """Delete a gallery with everything in it."""
    service.galleries.forget(gallery)
    return reply(dropping(f"{service.galleries.file}#{gallery}"))
