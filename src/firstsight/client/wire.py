"""Asking a service: again where that is right, its errors as they were there, its answers as results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from firstsight import errors
from firstsight.errors import FirstSightError, StorageError, UsageError
from firstsight.types import Finding

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
_LONGEST = 30.0  # seconds to wait at once, whatever Retry-After says


class Wire:
    """Connections to a service; the arguments are those of :class:`firstsight.Client`."""

    def __init__(
        self, url: str, *, key: str | None, timeout: float, retries: int, transport: httpx2.BaseTransport | None
    ) -> None:
        try:
            import httpx2
        except ImportError:
            raise UsageError("Client needs httpx2, which is not installed; pip install 'firstsight[serve]'") from None
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url!r} is not the URL of a service; one such as http://localhost:8000 was expected")
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.url, self.retries = url.rstrip("/"), retries
        self._lost, self._unreached = httpx2.TransportError, httpx2.ConnectError
        self._http = httpx2.Client(base_url=f"{self.url}/v1", headers=headers, timeout=timeout, transport=transport)

    def ask(self, method: str, place: str, *, again: bool = False, **content: Any) -> bytes:
        """Ask; what came back.

        Args:
            method, place: of HTTP, the place below ``/v1``.
            again: whether asking twice does no harm.
            content: what httpx2 sends.

        Raises:
            FirstSightError: of the kind that the service tells.
            StorageError: the service can't be reached, or its answer is none.
        """
        turn = 0
        while True:
            last = turn >= self.retries
            try:
                answer = self._http.request(method, place, **content)
            except self._lost as error:
                if last or not (again or isinstance(error, self._unreached)):
                    raise StorageError(
                        f"{self.url} can't be reached ({str(error) or type(error).__name__}); see whether it runs"
                    ) from None
                time.sleep(min(_LONGEST, 0.2 * 2**turn))
                turn += 1
                continue
            if answer.status_code < 400:
                return bytes(answer.content)
            failed = failure(answer)
            busy = answer.status_code in (429, 503) and (again or isinstance(failed, errors.BusyError))
            if last or not busy:
                raise failed
            said = answer.headers.get("retry-after", "")
            time.sleep(min(_LONGEST, float(said) if said.isdecimal() else 1.0))
            turn += 1

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def failure(answer: httpx2.Response) -> FirstSightError:
    """The error that a service tells of, of the same class as it was there."""
    try:
        told = answer.json()["error"]
        kind, message = str(told["kind"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return StorageError(f"{answer.url.host} answers {answer.status_code}, and not as a FirstSight service does")
    found = getattr(errors, kind, FirstSightError)
    known = isinstance(found, type) and issubclass(found, FirstSightError)
    if found is errors.QualityError:
        return errors.QualityError(message, parsed(list[Finding], json.dumps(told.get("findings") or []).encode()))
    made: FirstSightError = (found if known else FirstSightError)(message)
    return made


def parsed(kind: type[T], content: bytes) -> T:
    """A result from JSON.

    Raises:
        StorageError: it is another.
    """
    try:
        made: T = _ADAPTERS(kind).validate_json(content)
    except pydantic.ValidationError:
        raise StorageError("the answer is not what was expected; are client and service of one version?") from None
    return made


_ADAPTERS: Callable[[Any], Any] = cache(pydantic.TypeAdapter)
