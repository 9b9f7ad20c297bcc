"""The glyph input: paper, place and size are taken away, the sign is kept."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw

from firstsight.errors import UsageError
from firstsight.inputs import GlyphInput

LINES = {
    "hook": [(20, 20), (20, 70), (60, 70), (60, 40)],
    "zigzag": [(15, 20), (70, 20), (15, 70), (70, 70)],
    "vee": [(15, 15), (40, 75), (65, 15)],
}


def drawn(sign="hook", *, scale=1, pen=5, paper=255, ink=0, shift=(0, 0), side=90):
    """A sign in ink on paper, ``(side * scale, side * scale)`` uint8."""
    image = Image.new("L", (side * scale, side * scale), paper)
    points = [((x + shift[0]) * scale, (y + shift[1]) * scale) for x, y in LINES[sign]]
    ImageDraw.Draw(image).line(points, fill=ink, width=pen * scale, joint="curve")
    return np.asarray(image)


def cosine(one, other):
    """Cosine of two readings' pixels."""
    a, b = one.astype(float).ravel(), other.astype(float).ravel()
    return a @ b / np.sqrt((a @ a) * (b @ b))


def read(pixels, **settings):
    """The one array of a reading."""
    return GlyphInput(**settings).read(pixels).arrays[0, 0]


@pytest.mark.parametrize("stroke", [0.0, 4.0])
@pytest.mark.parametrize("sign", LINES)
def test_polarity_does_not_matter(sign, stroke):
    """Dark ink on light paper and its negative give the same array, pixel for pixel."""
    picture = drawn(sign)
    np.testing.assert_array_equal(read(picture, stroke=stroke), read(255 - picture, stroke=stroke))


@pytest.mark.parametrize(("paper", "ink"), [(200, 60), (255, 120), (180, 20)])
def test_contrast_does_not_matter(paper, ink):
    """Grey ink on grey paper gives the array of black on white."""
    np.testing.assert_array_equal(read(drawn(paper=paper, ink=ink)), read(drawn()))


@pytest.mark.parametrize("shift", [(12, 0), (0, -8), (10, 9), (-9, -10)])
@pytest.mark.parametrize("sign", LINES)
def test_place_does_not_matter(sign, shift):
    """The sign elsewhere on its paper, by whole pixels, gives the same array up to one step of rounding."""
    here, there = read(drawn(sign)), read(drawn(sign, shift=shift))
    # The same pixels are resampled from the same place within the ink; only the padding about them differs.
    assert np.abs(here.astype(int) - there).max() <= 1


@pytest.mark.parametrize("margin", [1, 10, 60])
def test_the_size_of_the_paper_does_not_matter(margin):
    """More paper about the sign gives the same array up to one step of rounding."""
    picture = drawn()
    wider = np.pad(picture, margin, constant_values=255)
    assert np.abs(read(picture).astype(int) - read(wider)).max() <= 1


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("sign", LINES)
def test_size_does_not_matter(sign, scale):
    """The sign drawn twice or three times as large, pen and all, gives nearly the same array."""
    # Edges fall between other pixels, by under half a source pixel: a rim of a four-pixel stroke at most.
    assert cosine(read(drawn(sign)), read(drawn(sign, scale=scale))) > 0.9


@pytest.mark.parametrize("pen", [3, 8])
def test_the_pen_matters_less_than_the_sign(pen):
    """Pens of other widths leave about as much ink, where kept strokes would not, and less difference than a sign."""
    usual, other = read(drawn(pen=5)), read(drawn(pen=pen))
    kept = [int(read(drawn(pen=p), stroke=0.0).sum(dtype=np.int64)) for p in (5, pen)]
    evened = [int(array.sum(dtype=np.int64)) for array in (usual, other)]
    assert abs(np.log(evened[1] / evened[0])) < abs(np.log(kept[1] / kept[0])) / 2
    assert cosine(usual, other) > max(cosine(usual, read(drawn(sign))) for sign in ("zigzag", "vee"))


@pytest.mark.parametrize("sign", LINES)
def test_the_ink_is_bright_and_fills_its_extent(sign):
    """Ink is 255 on 0, centred, its longer side about ``extent`` long, with paper left about it."""
    found = read(drawn(sign), size=48, extent=36, stroke=0.0)
    assert found.max() > 200
    assert (found == 0).mean() > 0.4
    rows, columns = np.flatnonzero((found > 127).any(1)), np.flatnonzero((found > 127).any(0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert 33 <= max(height, width) <= 37
    assert abs((rows[0] + rows[-1]) / 2 - 23.5) <= 1.5
    assert abs((columns[0] + columns[-1]) / 2 - 23.5) <= 1.5


def test_the_aspect_is_kept():
    """A sign four times as wide as high stays so."""
    picture = np.full((60, 100), 255, np.uint8)
    picture[20:40, 10:90] = 0
    found = read(picture, stroke=0.0) > 127
    assert np.ptp(np.flatnonzero(found.any(0))) + 1 == pytest.approx(40, abs=1)
    assert np.ptp(np.flatnonzero(found.any(1))) + 1 == pytest.approx(10, abs=1)


@pytest.mark.parametrize("stroke", [0.0, 4.0])
def test_a_dot_stays_a_dot(stroke):
    """A second, far smaller blob is not lost."""
    picture = drawn("vee", pen=4)
    picture = np.pad(picture, ((0, 20), (0, 0)), constant_values=255)
    picture[98:103, 40:45] = 0
    found = read(picture, stroke=stroke)
    lowest = np.flatnonzero((found > 100).any(1))[-1]
    assert found[lowest - 2 : lowest + 1].max() > 100
    assert not (found > 100).any(1)[: lowest + 1].all()  # there is paper between the sign and its dot


def test_the_box_is_the_inks():
    """The box of a reading holds the ink and no more."""
    picture = np.full((50, 80), 255, np.uint8)
    picture[10:30, 25:60] = 0
    assert GlyphInput().read(picture).boxes == ((25, 10, 60, 30),)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_image_is_noted(value):
    """Paper alone gives an array of zeros, the whole picture as its box, and a note that no ink was found."""
    reading = GlyphInput().read(np.full((20, 30), value, np.uint8))
    assert reading.notes == ("no ink found",)
    assert not reading.arrays.any()
    assert reading.arrays.shape == (1, 1, 48, 48)
    assert reading.boxes == ((0, 0, 30, 20),)


def test_the_grain_of_paper_is_not_ink():
    """Noise of a few grey levels is a blank page."""
    grain = np.random.default_rng(0).integers(240, 252, (40, 40)).astype(np.uint8)
    assert GlyphInput().read(grain).notes == ("no ink found",)
    assert GlyphInput().read(drawn()).notes == ()


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_thin_picture_needs_memory_for_its_pixels_only(turned):
    """A picture of 8 x 4000 pixels, or 4000 x 8, is not laid on a square of 4000 x 4000 on the way."""
    picture = np.full((8, 4000), 255, np.uint8)
    picture[3:5, 100:-100] = 0
    picture = np.ascontiguousarray(picture.T) if turned else picture
    tracemalloc.start()
    found = GlyphInput().read(picture)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.boxes == (((3, 100, 5, 3900),) if turned else ((100, 3, 3900, 5),))
    assert peak < 5e6


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size": 7}, "size"),
        ({"size": 257}, "size"),
        ({"extent": 3}, "extent"),
        ({"extent": 49}, "extent"),
        ({"stroke": -1.0}, "stroke"),
    ],
)
def test_settings_out_of_range_are_refused(settings, named):
    """A setting that cannot be met is refused by its name."""
    with pytest.raises(UsageError, match=f"input.{named}"):
        GlyphInput(**settings)
