"""How much is taken on: requests at once and a minute, and bytes of bodies, which wait for room; refusals say when to
ask again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import ClientDisconnect

from firstsight.errors import BusyError, InputError
from firstsight.serve.answers import Refusal

MEMORY = 8  # bodies of the largest size that are held at the same time, and one more
PATIENCE = 180.0  # seconds that a request waits for room, for its body or to unpack an image


@dataclass(slots=True)
class Asked:
    """One request on its way.

    Attributes:
        id: of the request, from outside or drawn.
        key: name of the key that asks, "" where none does.
        held: bytes of its body that count towards the memory of all.
        works: whether it has a place among those that are worked on.
        began: on the clock of ``time.perf_counter``, in seconds.
    """

    id: str
    key: str = ""
    held: int = 0
    works: bool = False
    began: float = field(default_factory=time.perf_counter)


class Queue:
    """Places for the requests that are worked on or wait for it, and memory for their bodies.

    Args:
        places: how many there are.
        memory: bytes of bodies held at the same time.
        reserve: bytes beyond these for one request, when all wait for each other: those of the largest body.
        seen: told how many are worked on, when that changes.
    """

    def __init__(
        self, places: int, memory: int, seen: Callable[[int], object] = lambda _: None, *, reserve: int = 0
    ) -> None:
        self.places, self.memory, self.reserve, self._seen = places, memory, reserve, seen
        self.working = self.held = 0
        self._lock = threading.Lock()
        self._line: dict[int, asyncio.Event] = {}  # of bodies that wait for room, in their order
        self._first: Asked | None = None  # whose body may have the reserve

    def enter(self, asked: Asked) -> None:
        """Take a place.

        Raises:
            Refusal: there is none; 503.
        """
        with self._lock:
            if self.working >= self.places:
                message = f"{self.places} requests are being worked on already; ask again in a moment"
                raise Refusal(503, BusyError(message))
            self.working += 1
            asked.works = True
            self._seen(self.working)

    def hold(self, asked: Asked, size: int) -> bool:
        """Count bytes of a body; whether there was room for them."""
        with self._lock:
            if self.held + size > self.memory:
                # Many bodies of which each is here in part would wait for each other: one of them goes on.
                self._first = self._first or asked
                if self._first is not asked or self.held + size > self.memory + self.reserve:
                    return False
            self.held += size
            asked.held += size
            return True

    async def wait(self, asked: Asked, size: int) -> None:
        """Count bytes of a body as soon as there is room for them; meanwhile its client is not read from.

        Raises:
            Refusal: there was none for too long; 503.
        """
        self._line[id(asked)] = left = asyncio.Event()
        try:
            async with asyncio.timeout(PATIENCE - (time.perf_counter() - asked.began)):
                while not self.hold(asked, size):
                    await left.wait()
                    left.clear()
        except TimeoutError:
            message = "more is being uploaded than there is room for; ask again in a moment"
            raise Refusal(503, BusyError(message)) from None
        finally:
            del self._line[id(asked)]

    def keep(self, asked: Asked, size: int) -> None:
        """Count bytes of an answer.

        Raises:
            Refusal: others hold so much that there is no room for it; 503.
        """
        with self._lock:
            if self.held and self.held + size > self.memory:
                raise Refusal(503, BusyError("more is being sent than there is room for; ask again in a moment"))
            self.held += size
            asked.held += size

    def leave(self, asked: Asked) -> None:
        """Give back what a request has taken; by the thread that reads bodies."""
        with self._lock:
            if asked.works:
                self.working -= 1
                self._seen(self.working)
            self.held -= asked.held
            asked.works, asked.held = False, 0
            self._first = None if self._first is asked else self._first
        for left in self._line.values():
            left.set()


class Rate:
    """So many requests a minute of one asker, counted in a sliding window.

    Args:
        most: how many; 0 is any number.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._item = RateLimitItemPerMinute(max(1, most))
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, asker: str) -> None:
        """Count a request.

        Raises:
            Refusal: there were too many; 429.
        """
        if self.most and not self._limiter.hit(self._item, asker):
            window = self._limiter.get_window_stats(self._item, asker)
            wait = max(1, round(window.reset_time - time.time()))
            message = f"more than {self.most:,} requests came in a minute; ask again in {wait} s"
            raise Refusal(429, BusyError(message), {"Retry-After": str(wait)})


async def body_of(request: Request, queue: Queue, *, most: int, seconds: float) -> bytes:
    """The body of a request, counted while it comes.

    Args:
        request: the request.
        queue: whose memory it takes.
        most: bytes.
        seconds: until it must have come whole; while there is no room for it, its clock stands.

    Raises:
        Refusal: it is too large (413), too slow (408), or was cut off (400); or there is no room for it (503).
    """
    asked: Asked = request.state.asked
    too_large = Refusal(
        413, InputError(f"a body of more than {most / 2**20:g} MiB came; send less, or fewer images at once")
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    body = bytearray()  # of which each part is copied at once: as a list, they would leave holes in memory as they go
    try:
        async with asyncio.timeout(seconds) as clock:
            async for part in request.stream():
                if len(body) + len(part) > most:
                    raise too_large
                if not queue.hold(asked, len(part)):
                    before, until = asyncio.get_running_loop().time(), clock.when() or 0.0
                    clock.reschedule(None)
                    await queue.wait(asked, len(part))
                    clock.reschedule(until + asyncio.get_running_loop().time() - before)
                body += part
    except TimeoutError:
        raise Refusal(408, InputError(f"the body did not come within {seconds:g} s; send it faster"), _CLOSE) from None
    except ClientDisconnect:
        raise Refusal(
            400, InputError(f"the upload was cut off after {len(body)} bytes; send it again"), _CLOSE
        ) from None
    return bytes(body)


_CLOSE = {"Connection": "close"}
