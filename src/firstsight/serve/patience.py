"""How long a service waits for whoever is connected: the server below times neither heads nor answers, and bounds no
head; so a connection of uvicorn's is wrapped in one that does (docs/decisions/0027-patience-with-connections.md)."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD = 64 << 10
"""Bytes of a request before its body."""
TRAILERS = 100
"""Lines of a head that follow a body."""
CONNECTIONS = 512
"""Connections of one process; a system usually lets it have 1024 files."""


class Patience:
    """Makes the connections of one process, and knows those that are open.

    Args:
        seconds: until the head of a request must have come, and in which some of an answer must be read.
        most: connections; with one more, that which its client has left waiting for longest is dropped.
    """

    def __init__(self, seconds: float, most: int = CONNECTIONS) -> None:
        self.seconds, self.most = seconds, most
        self.open: set[Connection] = set()

    def __call__(self, **given: Any) -> Connection:
        """A connection, made as the server makes them."""
        return Connection(self, AutoHTTPProtocol(**given))

    def came(self, new: Connection) -> None:
        """Count a connection, and make room for it: who is attended to keeps its place."""
        waiting = [one for one in self.open if one.waits] if len(self.open) >= self.most else []
        self.open.add(new)
        if waiting:
            min(waiting, key=lambda one: one.since).drop()


class Connection(asyncio.Protocol):
    """A connection around one of uvicorn's.

    Args:
        patience: what it may take.
        http: the protocol that reads requests and writes answers.
    """

    def __init__(self, patience: Patience, http: Any) -> None:
        self._patience, self._http = patience, http
        self._head = 0  # bytes of a request of which the head is not whole
        self._lines = 0  # of the head of the last one
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self.since = 0.0

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn: to ask, to send the rest, or to read."""
        asked = self._http.cycle
        return asked is None or asked.response_complete or asked.more_body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It begins."""
        self._transport: Any = transport
        self.since = time.monotonic()
        self._patience.came(self)
        self._http.connection_made(transport)
        self._late = self._in_time(self._too_late)

    def data_received(self, data: bytes) -> None:
        """Something came: of a head, for which there is a time and a size, or of a body, which others count."""
        asked = self._http.cycle
        if asked is None or asked.response_complete:  # what it begins, or the rest of what was refused, has its time
            self._late = self._late or self._in_time(self._too_late)
            self._head += 0 if asked is not None and asked.more_body else len(data)
        self._http.data_received(data)
        if self._http.cycle is not asked:
            self._head, self._lines, self.since = 0, len(self._http.headers), time.monotonic()
            self._late = self._ended(self._late)
        elif self._head > HEAD and not self._transport.is_closing():
            self._refuse(431, f"the head of the request is larger than {HEAD >> 10} KiB; send a smaller one")
        elif asked is not None and not self._head and len(self._http.headers) > self._lines + TRAILERS:
            self.drop()

    def eof_received(self) -> bool | None:
        """No more comes."""
        ended: bool | None = self._http.eof_received()
        return ended

    def pause_writing(self) -> None:
        """More of an answer waits to be read than is read at once."""
        self._http.pause_writing()
        self._stuck = self._in_time(self._unread, self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It was read."""
        self._stuck = self._ended(self._stuck)
        self._http.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._patience.open.discard(self)
        self._late, self._stuck = self._ended(self._late), self._ended(self._stuck)
        self._http.connection_lost(error)

    def drop(self) -> None:
        """End it at once, whatever was to be sent."""
        self._transport.abort()

    def _too_late(self) -> None:
        """The head did not come; who sent nothing at all is told nothing, since it may never have meant to ask."""
        if self._head and not self._transport.is_closing():
            seconds = self._patience.seconds
            self._refuse(408, f"the head of the request did not come within {seconds:g} s; send it faster")
            self._late = self._in_time(self.drop)
        else:
            self.drop()

    def _unread(self, before: int) -> None:
        """Go on waiting only for a client that reads."""
        left = self._transport.get_write_buffer_size()
        if left >= before:
            self.drop()
        else:
            self._stuck = self._in_time(self._unread, left)

    def _refuse(self, status: int, message: str) -> None:
        name = uuid.uuid4().hex
        body = json.dumps({"error": {"kind": "InputError", "message": message, "request": name}}).encode()
        words = {408: "Request Timeout", 431: "Request Header Fields Too Large"}
        head = (
            f"HTTP/1.1 {status} {words[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-Id: {name}\r\nCross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()

    def _in_time(self, what: Callable[..., None], *given: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._patience.seconds, what, *given)

    @staticmethod
    def _ended(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
        if timer is not None:
            timer.cancel()
        return None
