"""Work that may wait for the store, done aside from the event loop, which others are answered by meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from firstsight.errors import BusyError
from firstsight.serve.answers import Refusal

T = TypeVar("T")
PATIENCE = 5.0  # seconds in which a store answers that is not locked by another process
LASTS = 1.0  # seconds for which a store that was in reach is


class Aside:
    """A few threads of its own, so that neither the event loop nor whoever works on requests waits with it.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        self._limit = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[..., T], *given: object) -> T:
        """What the work gives.

        Raises:
            Refusal: it takes too long; 503. The thread goes on until the store gives it up.
        """
        try:
            with anyio.fail_after(PATIENCE):
                return await anyio.to_thread.run_sync(work, *given, limiter=self._limit, abandon_on_cancel=True)
        except TimeoutError:
            raise _locked() from None


class Readiness:
    """Whether the store is in reach: asked once a second at most, by one thread, however many want to know.

    Args:
        ask: how many galleries there are.
    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask, self._limit = ask, anyio.CapacityLimiter(1)
        self._known: tuple[float, int] | None = None
        self._asking: tuple[float, asyncio.Task[int]] | None = None

    async def galleries(self) -> int:
        """How many galleries there are, or were a second ago.

        Raises:
            StorageError: the store is out of reach.
            Refusal: it does not answer; 503.
        """
        now = time.monotonic()
        if self._known is not None and now < self._known[0] + LASTS:
            return self._known[1]
        if self._asking is None or self._asking[1].done():
            look = asyncio.ensure_future(self._look())
            look.add_done_callback(lambda done: done.cancelled() or done.exception())  # told to whoever still waits
            self._asking = now, look
        began, asking = self._asking
        done, _ = await asyncio.wait([asking], timeout=max(0.0, began + PATIENCE - now))
        if not done:
            raise _locked()
        return asking.result()

    async def _look(self) -> int:
        number = await anyio.to_thread.run_sync(self._ask, limiter=self._limit)
        self._known = time.monotonic(), number
        return number


def _locked() -> Refusal:
    return Refusal(503, BusyError("the store does not answer, another process may hold it; ask again in a moment"))
