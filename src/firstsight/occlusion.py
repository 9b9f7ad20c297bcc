"""Why two pictures came out alike: cover one place after the other, and see how far the score falls.

Source: Zeiler and Fergus, 2014, "Visualizing and understanding convolutional networks", ECCV, section 4.2
(arXiv:1311.2901): an occluder slides over the picture, and what the output loses is drawn at its place. Deviations: the
output is the score of a pair, so both pictures are covered in turn, each against the whole of the other; what covers is
paper for glyphs, and the blurred picture for images, since a grey square would itself be something to see.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from firstsight.inputs import GlyphInput
from firstsight.inputs.decode import decode
from firstsight.model import Model
from firstsight.types import FloatArray, Map, PixelArray, Source, Why

SHARE = 4  # the occluder's side is a quarter of the reading's, and it moves by half of its own
LONGEST = 64  # values along the longer side of a picture
_NOTHING = 1e-6  # falls of the score that are rounding


def why(model: Model, left: Source, right: Source) -> Why:
    """Which places of two pictures made the score as high as it is.

    Each takes about a hundred embeddings: a third of a second with the shipped glyphs on one core.

    Args:
        model: what compares them; it needs no calibration.
        left, right: two sources, as :meth:`Model.compare` takes them; pixels are RGB.

    Raises:
        InputError: a source cannot be read, or shows nothing to recognise.

    Example:
        >>> import firstsight, numpy as np
        >>> cross = np.full((40, 40), 255, np.uint8)
        >>> cross[18:22] = cross[:, 18:22] = 0
        >>> found = firstsight.why("glyphs", cross, cross)
        >>> (found.left.width, found.left.height), found.left == found.right
        ((64, 64), True)
    """
    readings = [model.read(left), model.read(right)]
    covered = [_covered(model, reading[0]) for reading in readings]
    vectors = model.embed_arrays(np.concatenate([*readings, *(pixels for pixels, _ in covered)]))
    whole, rest = vectors[:2], vectors[2:]
    score = float(model.similarity.aligned(whole[:1], whole[1:])[0])
    first = len(covered[0][0])
    heats = []
    for (_, places), hidden, other in zip(covered, (rest[:first], rest[first:]), (whole[1], whole[0]), strict=True):
        falls = score - model.similarity.aligned(hidden, np.broadcast_to(other, hidden.shape))
        heats.append(_spread(np.maximum(falls, 0), places, model.input.shape[1:]))
    drop = float(max(heat.max() for heat in heats))
    scale = 1 / drop if drop > _NOTHING else 0.0
    maps = [_laid(model, source, heat * scale) for source, heat in zip((left, right), heats, strict=True)]
    return Why(maps[0], maps[1], drop if scale else 0.0)


def _covered(model: Model, reading: PixelArray) -> tuple[PixelArray, npt.NDArray[np.int64]]:
    """A reading ``(c, h, w)`` with the occluder at each place where it changes anything ``(n, c, h, w)``, and the
    places ``(n, 2)``, top and left."""
    _, height, width = reading.shape
    if isinstance(model.input, GlyphInput):
        cover = np.zeros_like(reading)
    else:
        cover = scipy.ndimage.gaussian_filter(reading, (0, height / 8, width / 8))
    tall, wide = height // SHARE, width // SHARE
    versions, places = [], []
    for top in _steps(height, tall):
        for left in _steps(width, wide):
            part = np.s_[:, top : top + tall, left : left + wide]
            if (reading[part] != cover[part]).any():
                version = reading.copy()
                version[part] = cover[part]
                versions.append(version)
                places.append((top, left))
    return np.array(versions, np.uint8).reshape(-1, *reading.shape), np.array(places, np.int64).reshape(-1, 2)


def _steps(length: int, side: int) -> list[int]:
    """Where an occluder begins along an axis: from one end to the other, by half of its side."""
    count = 1 + round((length - side) / (side / 2))
    return [round(start) for start in np.linspace(0, length - side, count)]


def _spread(falls: FloatArray, places: npt.NDArray[np.int64], shape: tuple[int, ...]) -> FloatArray:
    """Falls ``(n,)`` of the score as heat ``(h, w)``: at each pixel the mean over the occluders that covered it, those
    whose middle is near counting more. Places that were blank, and so were not covered, count as no fall."""
    height, width = shape
    tall, wide = height // SHARE, width // SHARE
    tent = np.outer(_tent(tall), _tent(wide))
    heat, weight = np.zeros((height, width)), np.zeros((height, width))
    for top in _steps(height, tall):
        for left in _steps(width, wide):
            weight[top : top + tall, left : left + wide] += tent
    for fall, (top, left) in zip(falls, places, strict=True):
        heat[top : top + tall, left : left + wide] += fall * tent
    made: FloatArray = (heat / weight).astype(np.float32)
    return made


def _tent(length: int) -> npt.NDArray[np.float64]:
    middle = (length - 1) / 2
    return np.asarray(1 - np.abs(np.arange(length) - middle) / (middle + 1))


def _laid(model: Model, source: Source, heat: FloatArray) -> Map:
    """Heat ``(h, w)`` of a reading as a map of the picture it was read from."""
    picture_width, picture_height = decode(source, colour=False).size
    longer = max(picture_width, picture_height)
    width, height = (max(1, round(LONGEST * side / longer)) for side in (picture_width, picture_height))
    left, top, right, bottom = model.input.frame(model.input.read(source).boxes[0])
    x = ((np.arange(width) + 0.5) * picture_width / width - left) / (right - left) * heat.shape[1] - 0.5
    y = ((np.arange(height) + 0.5) * picture_height / height - top) / (bottom - top) * heat.shape[0] - 0.5
    found = scipy.ndimage.map_coordinates(heat, np.meshgrid(y, x, indexing="ij"), order=1, mode="grid-constant")
    rows = np.clip(np.round(found.astype(np.float64), 4), 0, 1).tolist()
    return Map(width, height, tuple(tuple(row) for row in rows))


__all__ = ["why"]
