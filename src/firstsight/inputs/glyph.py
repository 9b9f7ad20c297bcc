"""``glyph``: handwriting and drawn signs, freed of paper, place, size and pen.

Ink is told from paper (Otsu, 1979, doi:10.1109/TSMC.1979.4310076), cropped, scaled to a fixed extent with its aspect
kept, and its outline is moved in or out until the typical stroke has a fixed width. So a digit of 28 pixels with a
thick pen and an Omniglot character of 105 pixels with a thin one look alike to the encoder. (Redrawing the thinned
middle line instead cost two points of accuracy on Omniglot's validation alphabets: docs/lab.md.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy

from firstsight.errors import UsageError
from firstsight.inputs.decode import decoded
from firstsight.inputs.depth import check_depth
from firstsight.inputs.ink import find_ink, otsu
from firstsight.inputs.pixel_budget import unpacking
from firstsight.inputs.resampling import square
from firstsight.types import PixelArray, Reading, Source


@dataclass(frozen=True, slots=True)
class GlyphInput:
    """Read one drawn sign.

    Args:
        size: side of the array, in pixels.
        extent: length of the ink's longer side in the array, in pixels.
        stroke: width that the typical stroke is brought to, in pixels; 0 keeps the strokes as they are.
        depth: bits of pixels of more than 8, whose white is 2^depth - 1; 1 for floats of 0 to 1; 0 for what the file
            says, or else a guess.
    """

    size: int = 48
    extent: int = 40
    stroke: float = 4.0
    depth: int = 0

    name: ClassVar[str] = "glyph"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 256:
            raise UsageError(f"input.size is {self.size}, 8 to 256 pixels were expected")
        if not 4 <= self.extent <= self.size:
            raise UsageError(f"input.extent is {self.extent}, 4 to input.size ({self.size}) was expected")
        if not 0 <= self.stroke <= 16:
            raise UsageError(f"input.stroke is {self.stroke}, 0 to 16 pixels were expected")
        check_depth(self.depth)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape ``(c, h, w)`` of one array."""
        return (1, self.size, self.size)

    @unpacking()
    def read(self, source: Source) -> Reading:
        """A reading with one array: ink is 255, paper is 0.

        Raises:
            InputError: see :func:`firstsight.inputs.decode.decode`.
        """
        seen = decoded(source, colour=False, depth=self.depth)
        grey = np.asarray(seen.image)
        ink = find_ink(grey)
        if ink.box is None:
            blank = np.zeros((1, *self.shape), np.uint8)
            whole = (0, 0, grey.shape[1], grey.shape[0])
            return Reading(blank, (whole,), (*seen.notes, "no ink found"), blank=True)
        pixels = self._draw(grey, ink.table, ink.box)
        return Reading(pixels[None, None], (ink.box,), seen.notes)

    def frame(self, box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        """The square that the array shows, with the ink in its middle; see :class:`Input`."""
        left, top, right, bottom = box
        scale = 2 * self.extent / max(right - left, bottom - top)
        half = self.size / scale
        cx, cy = (left + right) / 2, (top + bottom) / 2
        return (cx - half, cy - half, cx + half, cy + half)

    def _draw(self, grey: PixelArray, table: bytes, box: tuple[int, int, int, int]) -> PixelArray:
        """Scale the ink in ``box`` onto a canvas of twice the size, even out its strokes, and halve."""
        left, top, right, bottom = box
        scale = 2 * self.extent / max(right - left, bottom - top)
        small = np.asarray(square(grey, table, self.frame(box), 2 * self.size))
        canvas = small.astype(np.float32)
        if self.stroke:
            # Shrinking thins lines to a faint grey, so what is ink is asked again.
            level = 127 if scale >= 1 else max(8, otsu(small))
            canvas = _repen(small > level, 2 * self.stroke)
        halved = canvas.reshape(self.size, 2, self.size, 2).mean(axis=(1, 3))
        pixels: PixelArray = np.round(halved).astype(np.uint8)
        return pixels


def _repen(mask: npt.NDArray[np.bool_], width: float) -> npt.NDArray[np.float32]:
    """Ink ``(h, w)`` with its outline moved in or out so that the typical stroke is ``width`` wide, 0..255."""
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    inside = scipy.ndimage.distance_transform_edt(mask)
    outside = scipy.ndimage.distance_transform_edt(~mask)
    now = 4 * inside[mask].mean() - 1  # a stroke w wide has a mean depth of about (w + 1) / 4
    ridge = (inside == scipy.ndimage.maximum_filter(inside, 3)) & mask
    grow = (width - now) / 2
    depth = np.where(mask, inside - 0.5, 0.5 - outside) + grow
    depth = np.where(ridge, np.maximum(depth, 1.0), depth)  # never lose a stroke that is thinner than the rest
    ink: npt.NDArray[np.float32] = (255 * np.clip(depth + 0.5, 0, 1)).astype(np.float32)
    return ink
