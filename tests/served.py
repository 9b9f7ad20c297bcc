"""What the tests of the service share; the fixtures of ``tests/serve/conftest.py`` are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from firstsight.serve.routes import ROUTERS

Serve = Callable[..., TestClient]

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
"""Every route of the service but the page's."""


def from_here(app: FastAPI, url: str = "http://localhost", peer: str = "127.0.0.1") -> TestClient:
    """Ask a service within the process, which came to this address from that one."""
    return TestClient(app, base_url=url, client=(peer, 50_000), raise_server_exceptions=False)


def local(app: FastAPI) -> Callable[..., Awaitable[None]]:
    """The service as it is asked from this machine, for what makes its own client of an application."""

    async def asked(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "client": ("127.0.0.1", 50_000)} if scope["type"] == "http" else scope, receive, send)

    return asked
