"""Ink and paper: told by the border, stretched to the whole range, split by Otsu's threshold."""

import tracemalloc

import numpy as np
import pytest

from firstsight.inputs.ink import find_ink, ink_of, otsu


def test_ink_is_high_after_turning():
    """Polarity is told by the border: ink ends at 255 and paper at 0 whichever was dark."""
    picture = np.full((40, 60), 230, np.uint8)
    picture[10:20, 15:50] = 30
    for grey in (picture, 255 - picture):
        ink = ink_of(grey)
        assert ink.dtype == np.uint8
        assert ink[0, 0] == 0
        assert ink.max() == 255


def test_two_levels_are_split_between():
    """Otsu's threshold of two grey levels keeps the lower out and lets the higher in."""
    grey = np.array([[30] * 5 + [200] * 2], np.uint8)
    assert 30 <= otsu(grey) < 200


@pytest.mark.parametrize("seed", range(20))
def test_the_box_holds_what_is_above_the_threshold(seed):
    """The box is that of the pixels whose ink is above Otsu's threshold of all ink, whichever polarity."""
    rng = np.random.default_rng(seed)
    grey = rng.integers(0, 60, (30, 50)).astype(np.uint8)
    grey[rng.integers(1, 15) : 20, rng.integers(1, 30) : 40] = 200
    for picture in (grey, 255 - grey):
        ink = ink_of(picture)
        rows, columns = np.nonzero(ink > otsu(ink))
        found = find_ink(picture)
        assert found.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_array_equal(np.frombuffer(found.table, np.uint8)[picture], ink)
        assert found.contrast == int(grey.max()) - int(grey.min())


def test_finding_ink_takes_a_byte_or_two_a_pixel():
    """A large picture is not copied in wider numbers: eight bytes a pixel for counting it, four for stretching it."""
    picture = np.full((3000, 4000), 240, np.uint8)
    picture[1000:2000, 500:3000] = 20
    tracemalloc.start()
    assert find_ink(picture).box == (500, 1000, 3000, 2000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * picture.size
