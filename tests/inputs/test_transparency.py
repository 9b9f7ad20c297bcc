"""Transparent pictures: laid on white, or on black where all that is visible is white."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from firstsight.inputs import GlyphInput
from firstsight.inputs.decode import decode

SHAPE = np.zeros((60, 60), np.uint8)
SHAPE[10:50, 28:33] = SHAPE[44:50, 28:50] = 255


def drawn(
    ink: tuple[int, int, int], *, ground: tuple[int, int, int] = (0, 0, 0), alpha: np.ndarray = SHAPE
) -> Image.Image:
    """Ink on a transparent ground, whose hidden colour may be any."""
    pixels = np.where(SHAPE[..., None] > 0, np.uint8(ink), np.uint8(ground))
    return Image.fromarray(np.dstack([pixels, alpha]))


def read(image: Image.Image, form: str = "PNG", **options: object) -> np.ndarray:
    """What is decoded of its file, in grey."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return np.asarray(decode(buffer.getvalue(), colour=False)).astype(int)


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255), (90, 10, 200)])
@pytest.mark.parametrize("ink", [(255, 255, 255), (250, 250, 245), (242, 242, 242)])
def test_white_ink_is_ink(ink: tuple[int, int, int], hidden: tuple[int, int, int]) -> None:
    """White strokes on nothing are seen, whatever colour is hidden below, and read as the same sign in black."""
    seen = read(drawn(ink, ground=hidden))
    assert seen[30, 30] > 230
    assert seen[5, 5] == 0
    white, black = (GlyphInput().read(drawn(i, ground=hidden)).arrays for i in (ink, (0, 0, 0)))
    np.testing.assert_array_equal(white, black)


@pytest.mark.parametrize("ink", [(0, 0, 0), (200, 30, 30), (200, 200, 200), (255, 255, 0)])
def test_other_ink_is_laid_on_white(ink: tuple[int, int, int]) -> None:
    """Ink that white shows stays on white."""
    seen = read(drawn(ink))
    assert seen[5, 5] == 255
    assert seen[30, 30] < 240


def test_soft_edges_are_kept() -> None:
    """Half-transparent white on nothing is half as light as white."""
    assert read(drawn((255, 255, 255), alpha=SHAPE // 2))[30, 30] == 127


def test_every_kind_of_transparency_is_seen() -> None:
    """White ink in grey with alpha, in a palette and with one clear colour is ink too."""
    white = drawn((255, 255, 255))
    assert read(white.convert("LA"))[30, 30] == 255
    assert read(white, "WEBP", lossless=True)[5, 5] == 0
    palette = Image.fromarray((SHAPE > 0).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    for form in ("PNG", "GIF"):
        seen = read(palette, form, transparency=0)
        assert (seen[30, 30], seen[5, 5]) == (255, 0)
    key = Image.fromarray(np.where(SHAPE > 0, np.uint8(255), np.uint8(7)))
    seen = read(key, transparency=7)
    assert (seen[30, 30], seen[5, 5]) == (255, 0)


def test_nothing_visible_is_white() -> None:
    """A picture that is all transparent, and one that is all white, stay white."""
    assert (read(drawn((0, 0, 0), alpha=np.zeros_like(SHAPE))) == 255).all()
    assert (read(drawn((255, 255, 255), ground=(255, 255, 255), alpha=np.full_like(SHAPE, 255))) == 255).all()
