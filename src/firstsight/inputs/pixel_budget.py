"""Memory for unpacked pictures: what one costs by its head, and a budget that all threads of a process share."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from firstsight.errors import BusyError, InputError
from firstsight.inputs.deep import is_deep

ROOM = 448 << 20
"""Bytes of pictures that one process unpacks at the same time; a picture that costs more is unpacked alone."""
SMALL = 1 << 20
"""Bytes: a picture that costs less is not counted, and waits for nobody."""
LONGEST = 1000
"""How many times as long as wide a picture may be: of no array (512 pixels a side at most) it would fill a line."""
MOST_TILE = 64_000_000
"""Pixels of a tile of a TIFF file, which is unpacked whole, however small the picture."""


class PixelBudget:
    """Bytes for pictures, given to those who wait in the order in which they came.

    Args:
        room: bytes.
        patience: seconds to wait for them; None waits as long as it takes: whoever has some waits for nothing else.
    """

    def __init__(self, room: int = ROOM, patience: float | None = None) -> None:
        self.room, self.patience = room, patience
        self.begin()

    def begin(self) -> None:
        """Nothing is taken; also in a process that was forked while something was."""
        self.used = 0
        self._changed = threading.Condition()
        self._line: deque[object] = deque()

    def take(self, cost: int) -> None:
        """Wait for room and take it; where nobody else has any, whatever it costs.

        Raises:
            BusyError: others have it for longer than the patience.
        """
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                if not self._changed.wait_for(lambda: self._line[0] is ticket and self._fits(cost), self.patience):
                    raise BusyError(
                        f"there was no room to unpack a picture for {self.patience:g} s, since others are unpacked; "
                        "ask again in a moment"
                    )
                self.used += cost
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

    def add(self, cost: int) -> None:
        """Count what turns out to cost more than was taken; who has something must not wait for others who have."""
        with self._changed:
            self.used += cost

    def give(self, cost: int) -> None:
        """Give back."""
        with self._changed:
            self.used -= cost
            self._changed.notify_all()

    def _fits(self, cost: int) -> bool:
        return not self.used or self.used + cost <= self.room


BUDGET = PixelBudget()
"""Of this process."""
os.register_at_fork(after_in_child=BUDGET.begin)

_thread = threading.local()


@contextmanager
def unpacking() -> Iterator[None]:
    """Whatever this thread decodes inside has its room until the end, and what is made of it on the way."""
    if getattr(_thread, "cost", None) is not None:
        yield
        return
    _thread.cost = 0
    try:
        yield
    finally:
        cost, _thread.cost = _thread.cost, None
        if cost:
            BUDGET.give(cost)


def claim(cost: int) -> None:
    """Room for a picture that is about to be unpacked, inside :func:`unpacking`.

    Raises:
        BusyError: see :meth:`PixelBudget.take`.
    """
    if cost < SMALL:
        return
    if not _thread.cost:
        BUDGET.take(cost)
        _thread.cost = cost
    elif cost > _thread.cost:
        BUDGET.add(cost - _thread.cost)
        _thread.cost = cost


def refuse_shape(width: int, height: int, name: str) -> None:
    """Refuse a picture that is so long and thin that nothing can be recognised in it.

    Raises:
        InputError: it is.
    """
    if max(width, height) > LONGEST * min(width, height) > 0:
        raise InputError(
            f"{name} has {width} x {height} pixels, which is more than {LONGEST:,} times as long as wide: nothing of "
            "it could be recognised; cut out what it is to show"
        )


def cost_of(image: Image.Image, size: int, *, colour: bool) -> int:
    """Bytes that an opened file needs at most until it is read: unpacked, made 8-bit grey or RGB, and looked at.

    The figures below were measured, and are again by ``tests/inputs/test_pixel_budget.py``.

    Args:
        image: opened, not loaded.
        size: bytes of the file.
        colour: whether it is read as RGB, else as grey.

    Raises:
        InputError: a tile of it is too large.
    """
    tags, tile = getattr(image, "tag_v2", None), 0
    if tags is not None:
        tile = int(tags.get(322, 0)) * int(tags.get(323, 0))
        if tile > MOST_TILE:
            raise InputError(f"its tiles have {tile:,} pixels, {MOST_TILE:,} at most were expected")
    each = _BYTES.get(image.mode, 4)
    load = each + _DECODER.get(image.format or "", 4) + (8 if image.mode == "CMYK" else 0)  # a fourth of coefficients
    if is_deep(image):
        flat = each + _DEEP
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        flat = each + _TRANSPARENT
    else:
        flat = 2 * each + (4 if colour or image.mode == "CMYK" else 1)
    if image.format == "WEBP":
        flat += _CANVASES
    return image.width * image.height * max(load, flat, _READ[colour]) + 8 * tile + 2 * size


def cost_of_pixels(pixels: int, *, colour: bool) -> int:
    """Bytes to read so many pixels that are unpacked already."""
    return pixels * _READ[colour]


_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes a pixel that Pillow has for a mode, where it is not 4."""
_DECODER = {"BMP": 3, "GIF": 1, "JPEG": 6, "JPEG2000": 36, "MPO": 6, "PNG": 1, "PPM": 4, "TIFF": 8, "WEBP": 16}
"""Bytes a pixel that a decoder needs beside them: the coefficients of a progressive JPEG, one strip of a TIFF that
holds all of it, the canvases of a WebP and copies of them, the numbers, tiles and code blocks of a JPEG 2000."""
_CANVASES = 8
"""Bytes a pixel of a WebP that its decoder keeps as long as the image is open."""
_DEEP = 24
"""Bytes a pixel that making more than eight bits to eight needs."""
_TRANSPARENT = 13
"""Bytes a pixel that laying a picture on white needs: a copy, the white, and what comes of both."""
_READ = {False: 6, True: 13}
"""Bytes a pixel that decoded pixels need while they are read and judged, as grey and as RGB."""
