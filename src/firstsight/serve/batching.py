"""Readings of requests that wait at the same moment go through the encoder together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from firstsight.model import Encode
from firstsight.types import FloatArray, PixelArray

MOST = 16  # readings in one run: more are no faster


class _Waiting:
    """One request's readings, and later what became of them, or the batch that it is to run."""

    def __init__(self, arrays: PixelArray) -> None:
        self.arrays = arrays
        self.turn = threading.Event()
        self.batch: list[_Waiting] = []
        self.made: FloatArray | None = None
        self.error: BaseException | None = None


class Batcher:
    """Runs an encoder for many threads. Nobody waits for company: who comes while the encoder is idle runs it at once,
    who comes meanwhile waits for it, and then all that wait go together, run by the one who waited longest.

    Args:
        run: readings ``(n, c, h, w)`` uint8 to embeddings ``(n, d)`` float32.
        lanes: how many runs at the same time.
        seen: told how many readings went together.
    """

    def __init__(self, run: Encode, *, lanes: int = 1, seen: Callable[[int], object] = lambda _: None) -> None:
        self._run, self._free, self._seen = run, lanes, seen
        self._lock = threading.Lock()
        self._line: deque[_Waiting] = deque()

    def __call__(self, arrays: PixelArray) -> FloatArray:
        """Embeddings ``(n, d)`` of readings ``(n, c, h, w)``, perhaps together with those of others.

        Raises:
            ModelError: see :meth:`firstsight.model.Model.run`.
        """
        mine = _Waiting(arrays)
        with self._lock:
            if self._free:
                self._free -= 1
                mine.batch = [mine]
            else:
                self._line.append(mine)
        if not mine.batch:
            mine.turn.wait()
        if mine.batch:
            self._lead(mine.batch)
        if mine.made is None:
            raise mine.error or RuntimeError("a batch ended without embeddings")
        return mine.made

    def _lead(self, batch: list[_Waiting]) -> None:
        """Run a batch; then hand the encoder, with what waits by then, to the first in line."""
        try:
            arrays = [one.arrays for one in batch]
            self._seen(sum(map(len, arrays)))
            made = self._run(np.concatenate(arrays) if len(batch) > 1 else arrays[0])
            ends = np.cumsum([len(a) for a in arrays])
            for one, part in zip(batch, np.split(made, ends[:-1]), strict=True):
                one.made = part
        except BaseException as error:  # noqa: BLE001  all who wait are told, else they would wait for ever
            for one in batch:
                one.error = error
        finally:
            with self._lock:
                following = self._next()
                self._free += not following
            if following:
                following[0].batch = following
                following[0].turn.set()
            for one in batch:
                one.turn.set()

    def _next(self) -> list[_Waiting]:
        """Who goes together next, taken out of the line."""
        batch: list[_Waiting] = []
        total = 0
        while self._line and (not batch or total + len(self._line[0].arrays) <= MOST):
            total += len(self._line[0].arrays)
            batch.append(self._line.popleft())
        return batch
