"""What pixels are worth: good pictures of all sorts pass, spoiled ones are refused by name, with figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from drawn import SHAPES, STRANGERS, draw
from firstsight.gallery.gate import of_pixels
from firstsight.gallery.quality import quality
from firstsight.gallery.taking import take
from firstsight.inputs import GlyphInput, ImageInput, Input

GLYPH, SHOWN = GlyphInput(32, 28, 2.7), ImageInput(64, 3)


def names(pixels: np.ndarray, reader: Input) -> list[str]:
    """What the gate finds in pixels."""
    model: Any = SimpleNamespace(input=reader, depth=0)
    return [f.name for f in of_pixels([take(model, pixels, keep=False)], reader)]


def sign(side: int = 100, ink: int = 0, paper: int = 255) -> Image.Image:
    """A sign drawn with a thin pen."""
    image = Image.new("L", (side, side), paper)
    corners = [(0.15, 0.85), (0.5, 0.15), (0.85, 0.85), (0.2, 0.45), (0.8, 0.4)]
    points = [(x * side, y * side) for x, y in corners]
    ImageDraw.Draw(image).line(points, fill=ink, width=max(1, side // 28))
    return image


@pytest.mark.parametrize("kind", [*SHAPES, *STRANGERS])
@pytest.mark.parametrize("reader", [GLYPH, SHOWN], ids=["glyph", "image"])
def test_good_pictures_pass(kind: str, reader: Input) -> None:
    """Flat shapes in colour have nothing against them, whatever reads them."""
    assert [names(np.asarray(draw(kind, n)), reader) for n in range(6)] == [[]] * 6


@pytest.mark.parametrize("side", [28, 60, 105, 400, 2000])
def test_drawings_of_any_size_pass(side: int) -> None:
    """A sign on 28 pixels passes as one on two thousand does, dark on light and light on dark."""
    drawn = np.asarray(sign(side))
    assert names(drawn, GLYPH) == names(255 - drawn, GLYPH) == []
    assert names(np.where(drawn > 127, 255, 0).astype(np.uint8), GLYPH) == []


@pytest.mark.parametrize("reader", [GLYPH, SHOWN], ids=["glyph", "image"])
def test_what_is_spoiled_is_named(reader: Input) -> None:
    """Blur, smallness and faintness are found, each by its name; several at once are all listed."""
    good = sign(112)
    rng = np.random.default_rng(0)
    assert names(np.asarray(good), reader) == []
    assert names(np.asarray(good.filter(ImageFilter.GaussianBlur(9))), reader) == ["blur"]
    assert names(np.asarray(sign(112, ink=180, paper=200)), reader) == ["contrast"]
    assert "size" in names(np.asarray(good.resize((14, 14), Image.Resampling.BOX)), reader)
    faint = sign(112).filter(ImageFilter.GaussianBlur(9))
    low, high = faint.getextrema()
    dim = 200 + 22 * (np.asarray(faint, np.float32) - low) / (high - low)
    assert names(dim.astype(np.uint8), reader) == ["contrast", "blur"]
    assert names(rng.integers(0, 256, (112, 112)).astype(np.uint8), reader) == ["blank"]


@pytest.mark.parametrize("reader", [GLYPH, SHOWN], ids=["glyph", "image"])
def test_nothing_there_is_said_once(reader: Input) -> None:
    """One grey, or paper with grain, is blank; that it is faint and blurred too goes without saying."""
    grain = 235 + np.random.default_rng(0).normal(0, 3, (112, 112))
    for empty in (np.full((112, 112), 128, np.uint8), grain.clip(0, 255).astype(np.uint8)):
        assert names(empty, reader) == ["blank"]


def test_a_finding_says_what_was_measured_and_what_is_expected() -> None:
    """A person at a counter reads what is wrong, how far, and what to do."""
    model: Any = SimpleNamespace(input=GLYPH, depth=0)
    blurred = np.asarray(sign(112).filter(ImageFilter.GaussianBlur(9)))
    (finding,) = of_pixels([take(model, blurred, keep=False)], GLYPH)
    assert finding.value < finding.limit == 12
    assert f"sharpness {finding.value:.1f}, at least 12.0 is expected" in finding.message
    assert "steady hands" in finding.message
    assert "\n" not in finding.message
    assert finding.source == "an array of shape (112, 112)"


def test_a_large_photograph_is_judged_as_it_is_seen() -> None:
    """Grain of a large photograph counts for nothing, nor does a blur smaller than a pixel of what is embedded."""
    rng = np.random.default_rng(0)
    large = sign(1600)
    grainy = (np.asarray(large.filter(ImageFilter.GaussianBlur(4))) + rng.normal(0, 12, (1600, 1600))).clip(0, 255)
    assert names(grainy.astype(np.uint8), SHOWN) == []
    dark = np.asarray(sign(1600, ink=140, paper=190)) + rng.normal(0, 60, (1600, 1600))
    assert names(dark.clip(0, 255).astype(np.uint8), SHOWN) == []


def test_a_picture_smaller_than_the_input_may_be_softer() -> None:
    """What has 28 pixels can't be as sharp as what has 112: the same soft picture passes small and not large."""
    for side, found in ((28, []), (112, ["blur"])):
        away = (np.arange(side) - side / 2 + 0.5) / side
        soft = 255 * np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * 0.15**2))
        assert names(soft.astype(np.uint8), SHOWN) == found


def test_each_measure_is_better_when_higher() -> None:
    """More blur is less sharp, less light between dark and bright is less contrast, more noise is less order."""
    good = sign(112)
    sharp = [quality(np.asarray(good.filter(ImageFilter.GaussianBlur(s))), GLYPH).sharpness for s in (0, 1, 2, 4, 8)]
    assert sharp == sorted(sharp, reverse=True)
    assert len(set(sharp)) == 5
    rng = np.random.default_rng(0)
    noise = [np.asarray(good) + rng.normal(0, s, (112, 112)) for s in (0, 30, 60, 120)]
    order = [quality(n.clip(0, 255).astype(np.uint8), SHOWN).order for n in noise]
    assert order == sorted(order, reverse=True)
    contrast = [quality(np.asarray(sign(112, ink=255 - c)), SHOWN).contrast for c in (200, 100, 20)]
    assert contrast == [200, 100, 20]


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 2), (3, 3, 3), (1, 1, 3)])
@pytest.mark.parametrize("reader", [GLYPH, SHOWN], ids=["glyph", "image"])
def test_pictures_of_a_few_pixels_are_refused_and_harm_nothing(shape: tuple[int, ...], reader: Input) -> None:
    """The smallest pictures there are get a finding, not a division by zero."""
    for pixels in (np.zeros(shape, np.uint8), np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)):
        assert names(pixels, reader)
        measured = quality(pixels, reader)
        assert all(np.isfinite([measured.size, measured.contrast, measured.sharpness, measured.order]))


def test_pixels_are_decoded_once_and_read_alike() -> None:
    """What a file becomes is the same whether its bytes are read, or its pixels once they are decoded."""
    import io

    for reader in (GLYPH, SHOWN, ImageInput(48, 1, "pad"), ImageInput(48, 3, "crop", invert=True)):
        for mode in ("RGB", "L", "RGBA", "P", "1"):
            buffer = io.BytesIO()
            draw("arrow", 1).convert(mode).save(buffer, "PNG")
            model: Any = SimpleNamespace(input=reader, depth=0)
            taken = take(model, buffer.getvalue(), keep=True)
            assert np.array_equal(taken.reading, reader.read(buffer.getvalue()).arrays)
            assert taken.image == buffer.getvalue()
