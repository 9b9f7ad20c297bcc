"""Verbs on images alone: embed and compare."""

from __future__ import annotations

from fastapi import APIRouter, Response

from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Came, The, door, images_of
from firstsight.types import Decision, Embeddings

router = APIRouter(prefix="/v1", tags=["images"])


@router.post("/embed", **door(Embeddings, "read", body=bodies.Images))
def embed(service: The, came: Came) -> Response:
    """Embeddings of images."""
    body = bodies.parse(bodies.Images, came)
    model = service.galleries.model
    vectors = model.embed(images_of(service, *body.images))
    return reply({"model": model.fingerprint, "embeddings": vectors.tolist()})


@router.post("/compare", **door(Decision, "read", body=bodies.Pair))
def compare(service: The, came: Came) -> Response:
    """Are these two the same?"""
    body = bodies.parse(bodies.Pair, came)
    left, right = images_of(service, body.left, body.right)
    decision = service.galleries.model.compare(left, right)
    service.metrics.decided("compare", decision.same)
    return reply(decision)
