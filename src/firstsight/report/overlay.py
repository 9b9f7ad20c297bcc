"""A picture of two sources with what matched laid over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from firstsight.files import write_atomically
from firstsight.inputs.decode import decode, encode
from firstsight.inputs.pixel_budget import unpacking
from firstsight.types import Map, PixelArray, Source, Why

SIDE = 320  # pixels of the longer side of each
GAP = 16
WARM = np.array([224, 82, 6], np.float32)  # the colour of evidence, on the page too
STRENGTH = 0.8  # of the colour where a map is 1


@unpacking()
def overlay(source: Source, heat: Map) -> PixelArray:
    """A source ``(h, w, 3)`` with its longer side ``SIDE``, greyed, the places that matched in a warm colour."""
    picture = decode(source, colour=True)
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    grey = np.asarray(picture.resize(size, Image.Resampling.BILINEAR).convert("L"), np.float32)[:, :, None]
    values = Image.fromarray(np.array(heat.values, np.float32)).resize(size, Image.Resampling.BILINEAR)
    share = STRENGTH * np.asarray(values)[:, :, None]
    return np.asarray(np.round(grey * (1 - share) + WARM * share), np.uint8)


def side_by_side(left: Source, right: Source, found: Why) -> PixelArray:
    """Both, beside each other on white ``(h, w, 3)``."""
    pair = [overlay(left, found.left), overlay(right, found.right)]
    height, width = max(p.shape[0] for p in pair), sum(p.shape[1] for p in pair) + GAP
    page = np.full((height, width, 3), 255, np.uint8)
    page[: pair[0].shape[0], : pair[0].shape[1]] = pair[0]
    page[: pair[1].shape[0], pair[0].shape[1] + GAP :] = pair[1]
    return page


def write_overlay(left: Source, right: Source, found: Why, place: Path) -> None:
    """Write both as a PNG file.

    Raises:
        StorageError: it can't be written.
    """
    write_atomically(place, encode(side_by_side(left, right, found)))
