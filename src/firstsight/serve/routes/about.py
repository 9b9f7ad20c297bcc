"""Health, readiness, metrics, and what the model is."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from firstsight.errors import BusyError
from firstsight.serve.access import OPEN
from firstsight.serve.answers import Refusal, reply
from firstsight.serve.doors import The, door
from firstsight.serve.model import described
from firstsight.types import ModelInfo

router = APIRouter(prefix="/v1", tags=["about"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """The store is in reach and the service is not ending."""

    status: Literal["ready"]
    galleries: int
    model: str


@router.get("/health", **door(Health, OPEN))
async def health() -> Response:
    """Whether the process lives."""
    return reply({"status": "ok"})


@router.get("/ready", **door(Ready, OPEN, also=(503,)))
async def ready(service: The) -> Response:
    """Whether questions should be sent here: 503 when the store is out of reach, or the service is about to end. Told
    of a second ago at most."""
    if service.ending:
        raise Refusal(503, BusyError("the service is about to end; ask another one"))
    galleries = await service.readiness.galleries()
    return reply({"status": "ready", "galleries": galleries, "model": service.galleries.model.fingerprint})


@router.get("/metrics", **door(None, "read", media="text/plain"))
def metrics(service: The) -> Response:
    """Counts and times, for Prometheus."""
    return Response(service.metrics.text(service.galleries.listed()), media_type="text/plain; version=0.0.4")


@router.get("/model", **door(ModelInfo, "read"))
def model(service: The) -> Response:
    """The model that embeds and compares: its card, its threshold, and what another threshold would do."""
    return reply(described(service.galleries.model))
