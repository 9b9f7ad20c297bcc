"""What the tests of the service share; the fixtures of ``tests/serve/conftest.py`` are made of it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from firstsight.serve.routes import ROUTERS

Serve = Callable[..., TestClient]

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
"""Every route of the service but the page's."""
