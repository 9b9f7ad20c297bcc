"""A quota of the probes that are kept with events: who may only ask can't fill the disk by it."""

from __future__ import annotations

import threading
import time

from firstsight.errors import GalleryError
from firstsight.stores.listing import kept_in
from firstsight.types import Record

_FRESH = 10.0  # seconds for which a sum holds; others, who write to the file too, are heard of after that


class KeptProbes:
    """Counts what the events of a file keep.

    Args:
        file: the store's.
        most: bytes that may be kept in it.
    """

    def __init__(self, file: str, most: int) -> None:
        self._file, self.most = file, most
        self._lock = threading.Lock()
        self._held, self._read = 0, 0.0

    def room(self, record: Record | None, images: list[bytes]) -> None:
        """Count images that are to be kept.

        Raises:
            GalleryError: the quota is used up; 409.
        """
        if record is None or not record.keep_image:
            return
        size = sum(map(len, images))
        with self._lock:
            if not self._read or time.monotonic() - self._read > _FRESH:
                self._held, self._read = kept_in(self._file), time.monotonic()
            if self._held + size > self.most:
                raise GalleryError(
                    f"probes of {self._held / 2**20:.0f} MiB are kept with events already and {self.most >> 20} MiB is "
                    "the most, so this one is not; forget old events, raise --kept of firstsight serve, or ask without "
                    "keep_image"
                )
            self._held += size
