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
    """One request's readings, and later what became of them."""

    def __init__(self, arrays: PixelArray) -> None:
        self.arrays = arrays
        self.turn = threading.Event()
        self.made: FloatArray | None = None
        self.error: BaseException | None = None


class Batcher:
    """Runs an encoder for many threads. Nobody waits for company: who comes while the encoder is idle runs it at once,
    who comes meanwhile waits for it, and then all that wait go together, led by the one who waited longest.

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
            self._line.append(mine)
            leads = self._free > 0
            self._free -= leads
        if not leads:
            mine.turn.wait()
        if mine.made is None and mine.error is None:
            self._lead()
        if mine.made is None:
            raise mine.error or RuntimeError("a batch ended without embeddings")
        return mine.made

    def _lead(self) -> None:
        """Run what waits, first come first; then hand the encoder to the next in line."""
        with self._lock:
            batch = [self._line.popleft()]
            total = len(batch[0].arrays)
            while self._line and total + len(self._line[0].arrays) <= MOST:
                total += len(self._line[0].arrays)
                batch.append(self._line.popleft())
        try:
            self._seen(total)
            made = self._run(np.concatenate([one.arrays for one in batch]) if len(batch) > 1 else batch[0].arrays)
            ends = np.cumsum([len(one.arrays) for one in batch])
            for one, part in zip(batch, np.split(made, ends[:-1]), strict=True):
                one.made = part
        except BaseException as error:  # whoever asked is told; a thread that died would leave them waiting
            for one in batch:
                one.error = error
        finally:
            with self._lock:
                if self._line:
                    self._line[0].turn.set()
                else:
                    self._free += 1
            for one in batch:
                one.turn.set()
