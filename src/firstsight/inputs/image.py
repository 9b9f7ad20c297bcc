"""``image``: any picture, fitted into a square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from PIL import Image, ImageOps

from firstsight.errors import UsageError
from firstsight.inputs.decode import GRAIN, decoded
from firstsight.inputs.depth import check_depth
from firstsight.inputs.ink import ink_of
from firstsight.inputs.pixel_budget import unpacking
from firstsight.types import Reading, Source

NO_CONTRAST = "no contrast"
"""What is noted of a picture that is all black, all white, or nearly so."""


@dataclass(frozen=True, slots=True)
class ImageInput:
    """Decode a picture and fit it into a square.

    Args:
        size: side of the square, in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: ``stretch`` to the square, ``pad`` with the border's colour, or ``crop`` the centre.
        invert: make dark-on-light pictures light-on-dark (icons, drawings).
        light: make drawings light-on-dark, whichever they are; channels must be 1.
        depth: bits of pixels of more than 8, whose white is 2^depth - 1; 1 for floats of 0 to 1; 0 for what the file
            says, or else a guess.
    """

    size: int = 64
    channels: int = 3
    fit: Literal["stretch", "pad", "crop"] = "stretch"
    invert: bool = False
    light: bool = False
    depth: int = 0

    name: ClassVar[str] = "image"
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 512:
            raise UsageError(f"input.size is {self.size}, 8 to 512 pixels were expected")
        if self.channels not in (1, 3):
            raise UsageError(f"input.channels is {self.channels}, 1 (grey) or 3 (RGB) was expected")
        if self.fit not in ("stretch", "pad", "crop"):
            raise UsageError(f"input.fit is {self.fit!r}, stretch, pad or crop was expected")

        if self.light and (self.channels != 1 or self.invert):
            raise UsageError("input.light tells ink from paper itself; set channels to 1 and leave invert out")
        check_depth(self.depth)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape ``(c, h, w)`` of one array."""
        return (self.channels, self.size, self.size)

    @unpacking()
    def read(self, source: Source) -> Reading:
        """A reading with one array.

        Raises:
            InputError: see :func:`firstsight.inputs.decode.decode`.
        """
        seen = decoded(source, colour=self.channels == 3, depth=self.depth)
        picture = seen.image
        box = (0, 0, picture.width, picture.height)
        square = (self.size, self.size)
        if self.fit == "crop":
            picture = ImageOps.fit(picture, square, Image.Resampling.BILINEAR)
        elif self.fit == "pad":
            rows = (picture.crop((0, y, picture.width, y + 1)) for y in (0, picture.height - 1))
            border = np.concatenate([np.asarray(row).reshape(-1, self.channels) for row in rows])
            colour = tuple(int(v) for v in np.median(border, axis=0))
            fill: int | tuple[int, ...] = colour if self.channels == 3 else colour[0]
            picture = ImageOps.pad(picture, square, Image.Resampling.BILINEAR, color=fill)
        else:
            picture = picture.resize(square, Image.Resampling.BILINEAR, reducing_gap=3.0)
        pixels = np.asarray(picture, dtype=np.uint8).reshape(self.size, self.size, self.channels)
        if self.invert:
            pixels = 255 - pixels
        elif self.light:
            pixels = ink_of(pixels[:, :, 0])[:, :, None]
        arrays = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        blank = np.ptp(arrays, axis=(0, 2, 3)).max() < GRAIN
        return Reading(arrays, (box,), (*seen.notes, *((NO_CONTRAST,) if blank else ())), bool(blank))

    def frame(self, box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        """What the array shows: all of the picture, its middle square, or a square around it; see :class:`Input`."""
        left, top, right, bottom = box
        if self.fit == "stretch":
            return (left, top, right, bottom)
        half = (min if self.fit == "crop" else max)(right - left, bottom - top) / 2
        cx, cy = (left + right) / 2, (top + bottom) / 2
        return (cx - half, cy - half, cx + half, cy + half)
