"""What the pixels of an image are worth: size, contrast, sharpness, and whether there is anything but noise.

Each is measured at twice the resolution of what the encoder is given, so that the grain of a large photograph and a
blur that the encoder never sees count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from firstsight.inputs import GlyphInput, Input
from firstsight.inputs.ink import find_ink
from firstsight.types import PixelArray


@dataclass(frozen=True, slots=True)
class Quality:
    """An image in numbers; each is better when higher.

    Attributes:
        size: pixels: the longer side of the ink of a drawing, the shorter side of another picture.
        contrast: grey levels, of 255, between its dark and its light parts.
        sharpness: how many of its sharpest edges, side by side, would fill its longer side.
        order: how alike neighbouring pixels are, -1 to 1; near 0 is noise.
        longer: side of the whole picture, in pixels.
    """

    size: int
    contrast: float
    sharpness: float
    order: float
    longer: int


def quality(pixels: PixelArray, reader: Input) -> Quality:
    """The quality of decoded pixels ``(h, w)`` or ``(h, w, 3)`` for what reads them."""
    grey = np.asarray(Image.fromarray(pixels).convert("L")) if pixels.ndim == 3 else pixels
    if isinstance(reader, GlyphInput):
        return _drawn(grey, 2 * reader.extent)
    return _shown(grey, min(grey.shape), 2 * max(reader.shape[1:]))


def _drawn(grey: PixelArray, most: int) -> Quality:
    """Of the ink of a drawing, which may be small on its paper."""
    ink = find_ink(grey)
    contrast = float(ink.contrast)
    if ink.box is None:
        return Quality(0, contrast, 0.0, 0.0, max(grey.shape))
    left, top, right, bottom = ink.box
    height, width = bottom - top, right - left
    edge = 2 + max(height, width) // 20
    part = grey[max(0, top - edge) : bottom + edge, max(0, left - edge) : right + edge]
    seen = _reduced(part, most * max(part.shape) / max(height, width))
    return Quality(max(height, width), contrast, _sharpness(seen), _order(seen), max(grey.shape))


def _shown(grey: PixelArray, size: int, most: int) -> Quality:
    """Of a whole picture."""
    seen = _reduced(grey, most)
    low, high = np.percentile(seen, [1, 99])
    return Quality(size, float(high - low), _sharpness(seen), _order(seen), max(grey.shape))


def _reduced(grey: PixelArray, most: float) -> npt.NDArray[np.float32]:
    """A picture of at most so many pixels a side, each the mean of those it stands for."""
    height, width = grey.shape
    scale = most / max(height, width)
    if scale >= 1:
        return grey.astype(np.float32)
    side = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(grey).resize(side, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small, dtype=np.float32)


def _sharpness(seen: npt.NDArray[np.float32]) -> float:
    """Steepest rise of a pixel, as a share of all the contrast, times the pixels of the longer side."""
    steps = [np.abs(np.diff(seen, axis=axis)).ravel() for axis in (0, 1)]
    every = np.concatenate(steps)
    span = float(seen.max() - seen.min())
    if not every.size or not span:
        return 0.0
    steep = float(np.percentile(every, 99))
    return steep / span * float(max(seen.shape))


def _order(seen: npt.NDArray[np.float32]) -> float:
    """Correlation of each pixel with those beside and below it."""
    spread = float(seen.var())
    if not spread or min(seen.shape) < 2:
        return 0.0
    pairs = [(seen[1:] - seen[:-1]), (seen[:, 1:] - seen[:, :-1])]
    return 1 - float(np.mean([np.square(d).mean() for d in pairs])) / (2 * spread)
