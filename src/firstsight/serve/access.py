"""Who may ask: keys with roles where there are any, and nobody but this machine where there are none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request

from firstsight.errors import AccessError
from firstsight.serve.answers import Refusal
from firstsight.serve.settings import LOOPBACK
from firstsight.serve.state import Service
from firstsight.stores.access import ROLES, expired

OPEN = "open"
"""The role of a route that needs no key."""
_HOW = {"WWW-Authenticate": "Bearer"}


def needs(role: str) -> Callable[[Request], Awaitable[None]]:
    """What a route asks of whoever calls it: a key of this role or a higher one.

    The function it gives has the ``role`` as an attribute, by which tests know that no route was forgotten.
    """

    async def check(request: Request) -> None:
        service: Service = request.app.state.service
        if role != OPEN:
            request.state.asked.key = admitted(request, service, role)

    check.role = role  # type: ignore[attr-defined]
    return check


def admitted(request: Request, service: Service, role: str) -> str:
    """Name of the key that asks, "" where no key exists.

    Raises:
        Refusal: no key came, or nobody's, or one that is expired (401), or of too low a role (403), or it asks too
            often (429); or another site's page asks a service without keys (403).
    """
    address = request.client.host if request.client else "unknown"
    keys = service.access.keys()
    if not keys:
        service.rate.count(f"address {address}")
        _refuse_strangers(request)
        return ""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    key = service.access.known(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
    if key is None or expired(key):
        service.rate.count(f"address {address}")
        came = "no key came" if not secret else "the key is not known" if key is None else "the key has expired"
        message = f"{came}; send one as Authorization: Bearer SECRET (firstsight key add makes one)"
        raise Refusal(401, AccessError(message), _HOW)
    service.rate.count(f"key {key.name}")
    if ROLES.index(key.role) < ROLES.index(role):
        message = f"the key {key.name!r} has the role {key.role}, {role} is needed for this"
        raise Refusal(403, AccessError(message))
    return key.name


def _refuse_strangers(request: Request) -> None:
    """Without keys only this machine is heard; a page of another site, open in a browser here, is not it."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    if host not in LOOPBACK or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
        message = "without keys only this machine may ask, by localhost; add one with firstsight key add"
        raise Refusal(403, AccessError(message))
