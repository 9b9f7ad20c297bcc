"""Verbs on images alone: embed and compare."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Response
from pydantic import BaseModel

from firstsight.errors import BatchError
from firstsight.gallery.several import Probes
from firstsight.occlusion import why
from firstsight.serve import bodies
from firstsight.serve.answers import reply
from firstsight.serve.doors import Came, The, door, images_of
from firstsight.types import Decision, Embeddings, Why

router = APIRouter(prefix="/v1", tags=["images"])


class Explained(BaseModel):
    """A decision with the places that matched."""

    same: bool | None
    score: float
    probability: float | None
    threshold: float | None
    reason: str
    probability_low: float | None
    probability_high: float | None
    needed: float | None
    answer: str
    why: Why


@router.post("/embed", **door(Embeddings, "read", body=bodies.Images))
def embed(service: The, came: Came) -> Response:
    """Embeddings of images; of several, one that can't be read has an ``error`` in the place of its vector."""
    body = bodies.parse(bodies.Images, came)
    model = service.galleries.model
    probes = Probes.of(model, model.reading, images_of(service, *body.images, each=True), None)
    try:
        vectors = probes.answered(probes.vectors.tolist())
    except BatchError as error:
        vectors = list(error.answers)
    return reply({"model": model.fingerprint, "embeddings": vectors})


@router.post("/compare", **door(Decision | Explained, "read", body=bodies.Pair))
def compare(service: The, came: Came) -> Response:
    """Are these two the same? With ``why``, also which places of each matched."""
    body = bodies.parse(bodies.Pair, came)
    left, right = images_of(service, body.left, body.right)
    model = service.galleries.model
    decision = model.compare(left, right)
    service.metrics.decided("compare", decision.same)
    if not body.why:
        return reply(decision)
    return reply(dataclasses.asdict(decision) | {"why": why(model, left, right)})
