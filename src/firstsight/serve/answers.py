"""What goes back: results as JSON, the same as ``--json`` prints, and errors with the status each kind has."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from firstsight.errors import (
    AccessError,
    BusyError,
    CalibrationError,
    DataError,
    FirstSightError,
    GalleryError,
    InputError,
    MissingError,
    ModelError,
    QualityError,
    SpellingError,
    StaleError,
    StorageError,
    TakenError,
    UnreadableError,
    UsageError,
)
from firstsight.serve.places import outside, told_elsewhere

STATUS: dict[type[FirstSightError], int] = {
    AccessError: 403,
    UsageError: 422,
    InputError: 422,
    QualityError: 422,
    DataError: 422,
    SpellingError: 422,
    MissingError: 404,
    TakenError: 409,
    StaleError: 503,
    UnreadableError: 503,
    GalleryError: 409,
    CalibrationError: 409,
    ModelError: 503,
    StorageError: 503,
    BusyError: 503,
    FirstSightError: 500,
}
"""The status of each kind of error, unless a :class:`Refusal` says another; that of the nearest kind above holds."""

AGAIN = 1  # seconds after which to ask again, in Retry-After


class Refusal(Exception):  # noqa: N818  it carries an error
    """An error with a status of its own.

    Args:
        status: of HTTP.
        error: its kind and sentence.
        headers: that go with it.
    """

    def __init__(self, status: int, error: FirstSightError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(error))
        self.status, self.error, self.headers = status, error, dict(headers or {})


def reply(result: Any, status: int = 200) -> Response:
    """A result: a dataclass, a list of them, or plain values."""
    text = json.dumps(outside(result), default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status, media_type="application/json")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def refused(request: Request, error: Exception) -> Response:
    """The answer to an error raised on purpose."""
    refusal = error if isinstance(error, Refusal) else Refusal(status_of(error), _kind(error))
    headers = refusal.headers
    if refusal.status in (429, 503):
        headers = {"Retry-After": str(AGAIN), **headers}
    message = str(refusal.error)
    for place, word in request.app.state.service.places():
        message = message.replace(place, word)
    message = told_elsewhere(message)
    return told(request, refusal.status, type(refusal.error).__name__, message, headers, refusal.error)


def told(
    request: Request, status: int, kind: str, message: str, headers: Mapping[str, str], error: object = None
) -> Response:
    """An error in the one shape that errors have."""
    content: dict[str, Any] = {"kind": kind, "message": message, "request": request.scope["state"]["asked"].id}
    findings = getattr(error, "findings", None)
    if findings is not None:
        content["findings"] = outside(list(findings))
    made = reply({"error": content}, status)
    made.headers.update(headers)
    return made


def status_of(error: Exception) -> int:
    """By the table above."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _kind(error: Exception) -> FirstSightError:
    return error if isinstance(error, FirstSightError) else FirstSightError(str(error))
