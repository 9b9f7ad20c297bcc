"""The application: made by a factory from settings, so that a process can have several and a test its own."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

import firstsight
from firstsight.errors import FirstSightError, UsageError
from firstsight.serve import bodies, limits
from firstsight.serve.answers import Refusal, refused, told
from firstsight.serve.galleries import Galleries
from firstsight.serve.kept_probes import KeptProbes
from firstsight.serve.logs import logger
from firstsight.serve.metrics import Metrics
from firstsight.serve.page import Page
from firstsight.serve.rim import Rim
from firstsight.serve.routes import ROUTERS
from firstsight.serve.settings import Settings
from firstsight.serve.start import lanes, model_of
from firstsight.serve.state import Service
from firstsight.stores.access import LAST, Access

PREFIX = "/v1"


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: what it serves, and how much it takes on.

    Raises:
        GalleryError, ModelError, StorageError: the gallery or its model can't be opened.
    """
    service = begin(settings)
    app = FastAPI(
        title="FirstSight",
        version=firstsight.__version__,
        description="One-shot recognition: enroll one example, verify and identify.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(FirstSightError, _answer(refused))
    app.add_exception_handler(Refusal, _answer(refused))
    app.add_exception_handler(RequestValidationError, _answer(_invalid))
    app.add_exception_handler(HTTPException, _answer(_elsewhere))
    app.add_api_route("/", _front, include_in_schema=False)
    app.mount("/page", Page(), name="page")
    app.add_middleware(Rim, service=service)
    _document(app)
    return app


def begin(settings: Settings) -> Service:
    """The parts of a service, its store opened and its model loaded."""
    metrics = Metrics()
    access = Access(settings.file)
    if access.had() and not access.keys():
        logger.warning("no key is left", extra={"fields": {"advice": LAST}})
    side_by_side = lanes(settings.workers)
    galleries = Galleries(settings.file, model_of(settings), lanes=side_by_side, seen=metrics.batch)
    body = settings.body_limit << 20
    queue = limits.Queue(settings.waiting, limits.MEMORY * body, metrics.working, reserve=body)
    kept = KeptProbes(settings.file, settings.kept << 20)
    return Service(settings, galleries, access, queue, limits.Rate(settings.rate), kept, metrics)


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    anyio.to_thread.current_default_thread_limiter().total_tokens = service.settings.waiting + 4
    _drain(service, asyncio.get_running_loop())
    yield
    service.ending = True
    service.galleries.close()
    service.access.close()


def _drain(service: Service, loop: asyncio.AbstractEventLoop) -> None:
    """Told to end, say so at ``ready`` for a while, and only then stop listening."""
    if threading.current_thread() is not threading.main_thread():
        return
    then = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: Any) -> None:
        service.ending = True
        if callable(then):
            loop.call_soon_threadsafe(loop.call_later, service.settings.drain, then, number, frame)

    signal.signal(signal.SIGTERM, end)


def _answer(make: Any) -> Any:
    """An exception handler, which is to be asynchronous or runs in a thread."""

    async def handle(request: Request, error: Exception) -> Response:
        made: Response = make(request, error)
        return made

    return handle


def _invalid(request: Request, error: RequestValidationError) -> Response:
    return refused(request, UsageError(bodies.sentence(error.errors())))


def _elsewhere(request: Request, error: HTTPException) -> Response:
    sentences = {
        404: "there is nothing at this address; see /v1/openapi.json for what there is",
        405: f"{request.method} is not what this address takes; see /v1/openapi.json",
    }
    message = sentences.get(error.status_code, str(error.detail))
    return told(request, error.status_code, "UsageError", message, error.headers or {})


async def _front() -> Response:
    return RedirectResponse("/page/")


def _document(app: FastAPI) -> None:
    """The OpenAPI, with how a key is sent; made once, when it is first asked for."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = plain()
            schemes = {"key": {"type": "http", "scheme": "bearer", "description": "A secret of firstsight key add."}}
            made.setdefault("components", {})["securitySchemes"] = schemes
            for name in ("HTTPValidationError", "ValidationError"):
                made["components"].get("schemas", {}).pop(name, None)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
