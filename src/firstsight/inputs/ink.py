"""Ink told from paper: polarity, contrast, threshold and the box of the ink, in a byte or two of memory a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.types import PixelArray

GRAIN = 16
"""Grey levels: less contrast than this is the grain of paper or the noise of a dark frame, not a picture."""
_BLOCK = 1 << 17
"""Pixels that are counted at the same time: each is eight bytes then."""


@dataclass(frozen=True, slots=True)
class Ink:
    """The ink of a grey picture.

    Attributes:
        table: 256 bytes, how much ink each grey is: paper 0, the purest ink 255.
        box: of the ink, ``(left, top, right, bottom)`` in pixels; None where there is none.
        contrast: grey levels between the lightest and the darkest pixel.
    """

    table: bytes
    box: tuple[int, int, int, int] | None
    contrast: int


def find_ink(grey: PixelArray) -> Ink:
    """The ink of a grey picture ``(h, w)``, without a copy of it in wider numbers."""
    flat = grey.ravel()
    counts = np.bincount(flat[:_BLOCK], minlength=256)
    for start in range(_BLOCK, flat.size, _BLOCK):
        counts += np.bincount(flat[start : start + _BLOCK], minlength=256)
    levels = counts.nonzero()[0]
    low, high = int(levels[0]), int(levels[-1])
    table = _table(grey, low, high)
    threshold = _split(np.bincount(table, weights=counts, minlength=256).astype(np.float64))
    inked = (table > threshold).nonzero()[0]
    if not inked.size:
        return Ink(table.tobytes(), None, high - low)
    # The table rises or falls from grey to grey, so ink is on one side of a grey.
    mask = grey >= inked[0] if inked[-1] == 255 else grey <= inked[-1]
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Ink(table.tobytes(), box, high - low)


def ink_of(grey: PixelArray) -> PixelArray:
    """Turn polarity so that ink is high ``(h, w)``: paper is what the border mostly shows, stretched to 0..255."""
    return _table(grey, int(grey.min()), int(grey.max()))[grey]


def otsu(grey: PixelArray) -> int:
    """Otsu's threshold (1979, doi:10.1109/TSMC.1979.4310076): the grey level that best splits the histogram in two."""
    return _split(np.bincount(grey.ravel(), minlength=256).astype(np.float64))


def _table(grey: PixelArray, low: int, high: int) -> PixelArray:
    """How much ink each grey is ``(256,)``, in a picture ``(h, w)`` whose greys lie between ``low`` and ``high``."""
    if high - low < GRAIN:
        return np.zeros(256, np.uint8)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    greys = _GREYS.clip(low, high)
    if np.mean(border > (high + low) / 2) > 0.5:
        greys, low, high = 255 - greys, 255 - high, 255 - low
    return ((greys - low) * np.float32(255.0 / (high - low))).astype(np.uint8)


_GREYS = np.arange(256, dtype=np.float32)


def _split(histogram: npt.NDArray[np.float64]) -> int:
    """Otsu's threshold of a histogram ``(256,)``."""
    weight = np.cumsum(histogram)
    total = np.cumsum(histogram * _GREYS)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (total[-1] * weight / weight[-1] - total) ** 2 / (weight * (weight[-1] - weight))
    return int(np.argmax(np.nan_to_num(spread, posinf=0.0)))
