"""Around every request: its id, its clock, its line in the log, its count; and what a fault looks like from outside."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from fastapi import Request

from firstsight.serve.answers import told
from firstsight.serve.limits import Asked
from firstsight.serve.logs import logger
from firstsight.serve.state import Service

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Rim:
    """The outermost layer, an ASGI application around another.

    Args:
        app: what it is around.
        service: whose log, counts and places these are.
    """

    def __init__(self, app: Any, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        came = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"x-request-id"), "")
        asked = Asked(came if ID.fullmatch(came) else uuid.uuid4().hex)
        scope.setdefault("state", {})["asked"] = asked
        status = 0

        async def sent(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name for name, _ in message["headers"]}
                message["headers"].append((b"x-request-id", asked.id.encode()))
                message["headers"].extend(pair for pair in _ALWAYS if pair[0] not in names)
            await send(message)

        self.service.open += 1
        try:
            await self.app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001  nothing that goes wrong may end a worker, or show what it held
            logger.error("fault", extra={"fields": fault(asked.id, error)})
            if not status:
                message = "this is a fault of FirstSight's; the log has it under this request's id"
                await told(Request(scope), 500, "FirstSightError", message, {})(scope, receive, sent)
        finally:
            self.service.open -= 1
            self.service.queue.leave(asked)
            spent = time.perf_counter() - asked.began
            route = getattr(scope.get("route"), "path", "none")
            self.service.metrics.answered(scope["method"], route, status, spent)
            logger.info(
                "request",
                extra={
                    "fields": {
                        "request": asked.id,
                        "method": scope["method"] if scope["method"] in _METHODS else "other",
                        "route": route,
                        "status": status,
                        "ms": round(1000 * spent, 1),
                        "key": asked.key,
                    }
                },
            )


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def fault(request: str, error: BaseException) -> dict[str, object]:
    """What is logged of an error nobody meant: its kind and the places it passed, never its message or any value."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return {"request": request, "error": type(error).__name__, "places": places[-12:]}
