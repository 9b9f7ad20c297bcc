"""Resample part of a picture to a square, in memory for the picture and not for the square about it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from firstsight.types import PixelArray

BAND = 1 << 20
"""Pixels that are padded at the same time."""
_MOSTLY_PADDING = 4  # padding of so many times the picture is not made, but counted as nothing
_BITS = 22  # of Pillow's weights after the point


def square(grey: PixelArray, table: bytes, frame: tuple[float, float, float, float], side: int) -> Image.Image:
    """The (fractional, possibly overhanging) frame of a grey picture as a square of ``side``; 0 beyond the picture.

    Args:
        grey: ``(h, w)``.
        table: what each of the 256 greys becomes before.
        frame: left, top, right, bottom in pixels.
        side: pixels.
    """
    left, top, right, bottom = frame
    height = len(grey)
    # One axis after the other, and of the first only the rows that the second looks at.
    reach = int(np.ceil(max(1.0, (bottom - top) / side))) + 2
    first, last = max(0, int(top) - reach), min(height, int(np.ceil(bottom)) + reach)
    y = int(np.ceil(max(0, -top, bottom - height))) + 1
    strip = np.zeros((y + height + y, side), np.uint8)
    for begin, end, rows in _rows(grey, table, first, last, left, right, side):
        strip[y + begin : y + end] = rows
    high = Image.fromarray(strip)
    return high.resize((side, side), Image.Resampling.BILINEAR, box=(0, top + y, side, bottom + y))


def _rows(
    grey: PixelArray, table: bytes, first: int, last: int, left: float, right: float, side: int
) -> Iterator[tuple[int, int, PixelArray]]:
    """The rows ``first`` to ``last`` between ``left`` and ``right``, each resampled to ``side``, some at a time."""
    width = grey.shape[1]
    x = int(np.ceil(max(0, -left, right - width))) + 1
    mostly = width + 2 * x > _MOSTLY_PADDING * width
    seen, weights = _weights(width, x, left, right, side) if mostly else (slice(0), np.empty((0, 0)))
    step = max(1, BAND // (width if mostly else width + 2 * x))
    for begin in range(first, last, step):
        end = min(last, begin + step)
        band = np.frombuffer(grey[begin:end].tobytes().translate(table), np.uint8).reshape(end - begin, width)
        if mostly:
            rows = np.zeros((end - begin, side), np.uint8)
            # Whole numbers, far below 2^53: exact, in whichever order they are added.
            rows[:, seen] = (band.astype(np.float64) @ weights + (1 << (_BITS - 1))).astype(np.int64) >> _BITS
        else:
            padded = np.zeros((end - begin, x + width + x), np.uint8)
            padded[:, x : x + width] = band
            box = (left + x, 0, right + x, end - begin)
            rows = np.asarray(Image.fromarray(padded).resize((side, end - begin), Image.Resampling.BILINEAR, box=box))
        yield begin, end, rows


def _weights(width: int, x: int, left: float, right: float, side: int) -> tuple[slice, npt.NDArray[np.float64]]:
    """Which columns of the square a picture of ``width`` touches when ``x`` columns of nothing are on either side of
    it, and the weights ``(width, columns)`` of its own columns there: whole numbers.

    They are those that Pillow's ``resize`` (Resample.c, ``precompute_coeffs``) has for the padded picture, rounding
    included, so that it matters to no pixel whether the padding is made.
    """
    begin, end = np.float32(left + x), np.float32(right + x)
    scale = float(end - begin) / side
    support = max(scale, 1.0)
    center = float(begin) + (np.arange(side) + 0.5) * scale
    lowest = np.maximum(0, (center - support + 0.5).astype(np.int64))
    highest = np.minimum(width + 2 * x, (center + support + 0.5).astype(np.int64))
    touched = np.flatnonzero((lowest < x + width) & (highest > x))
    weights = np.zeros((width, len(touched)))
    for n, column in enumerate(touched):
        places = np.arange(lowest[column], highest[column])
        each = np.maximum(0.0, 1.0 - np.abs((places - center[column] + 0.5) * (1.0 / support)))
        each /= np.cumsum(each)[-1]
        own = (places >= x) & (places < x + width)
        weights[places[own] - x, n] = np.floor(0.5 + each[own] * (1 << _BITS))
    return slice(int(touched[0]), int(touched[-1]) + 1), weights
