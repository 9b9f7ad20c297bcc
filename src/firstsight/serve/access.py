"""Who may ask: keys with roles where there are any, and nobody but this machine where there are none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from firstsight.errors import AccessError
from firstsight.serve.answers import Refusal
from firstsight.serve.machine import address, stranger
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
    keys = service.access.keys()
    if not keys:
        service.rate.count_address(address(request))
        _refuse_strangers(request, service)
        return ""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    key = service.access.known(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None
    if key is None or expired(key):
        service.rate.count_address(address(request))
        came = "no key came" if not secret else "the key is not known" if key is None else "the key has expired"
        message = f"{came}; send one as Authorization: Bearer SECRET (firstsight key add makes one)"
        raise Refusal(401, AccessError(message), _HOW)
    service.rate.count(f"key {key.name}")
    if ROLES.index(key.role) < ROLES.index(role):
        message = f"the key {key.name!r} has the role {key.role}, {role} is needed for this"
        raise Refusal(403, AccessError(message))
    return key.name


def _refuse_strangers(request: Request, service: Service) -> None:
    """Without keys only this machine is heard, and only by a service that never had any and listens to it alone."""
    if service.access.had() or not service.settings.loopback:
        message = "no key exists here any more, and without one nobody may ask; make one with firstsight key add"
        raise Refusal(401, AccessError(message), _HOW)
    why = stranger(request)
    if why is not None:
        message = f"{why}: without keys only this machine may ask, by localhost; add one with firstsight key add"
        raise Refusal(403, AccessError(message))
