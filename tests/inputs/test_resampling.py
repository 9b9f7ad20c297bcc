"""Resampling a frame to a square: the same pixels whether what lies about a picture is made or counted as nothing."""

import numpy as np
import pytest
from PIL import Image

from firstsight.inputs import resampling

PLAIN = bytes(range(256))


def padded(grey, frame, side):
    """The frame, by padding the picture as far as the frame overhangs it, one axis after the other."""
    left, top, right, bottom = frame
    x = int(np.ceil(max(0, -left, right - grey.shape[1]))) + 1
    wide = Image.fromarray(np.pad(grey, ((0, 0), (x, x))))
    strip = wide.resize((side, len(grey)), Image.Resampling.BILINEAR, box=(left + x, 0, right + x, len(grey)))
    y = int(np.ceil(max(0, -top, bottom - len(grey)))) + 1
    high = Image.fromarray(np.pad(np.asarray(strip), ((y, y), (0, 0))))
    return np.asarray(high.resize((side, side), Image.Resampling.BILINEAR, box=(0, top + y, side, bottom + y)))


@pytest.mark.parametrize("seed", range(100))
def test_the_square_is_that_of_the_padded_picture(seed, monkeypatch):
    """Every pixel is the one that padding gives: squares about any part of pictures of any shape, in bands or not."""
    rng = np.random.default_rng(seed)
    height, width = (int(np.exp(rng.uniform(0, np.log(most)))) for most in (1500, 200))
    grey = rng.choice(np.array([0, 7, 128, 255], np.uint8), (height, width))
    (left, right), (top, bottom) = (sorted(rng.choice(n + 1, 2, replace=False)) for n in (width, height))
    half, side = rng.uniform(0.5, 0.7) * max(right - left, bottom - top), int(rng.integers(8, 200))
    frame = ((left + right) / 2 - half, (top + bottom) / 2 - half, (left + right) / 2 + half, (top + bottom) / 2 + half)
    monkeypatch.setattr(resampling, "BAND", int(rng.choice([500, 1 << 20])))
    for most in (0, resampling._MOSTLY_PADDING, 10**9):
        monkeypatch.setattr(resampling, "_MOSTLY_PADDING", most)
        np.testing.assert_array_equal(resampling.square(grey, PLAIN, frame, side), padded(grey, frame, side))


def test_the_table_says_what_each_grey_becomes():
    """Greys are mapped before they are resampled; beyond the picture is nothing, whatever the table says of 0."""
    made = np.asarray(resampling.square(np.zeros((10, 10), np.uint8), b"\xc8" * 256, (-10, -10, 20, 20), 30))
    assert (made[12:18, 12:18] == 200).all()
    assert (made[:8] == 0).all()
