"""Every input of the catalogue: whatever pixels come, arrays of the documented shape go out."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from firstsight.inputs import INPUTS

SEEDED = settings(derandomize=True, deadline=None, max_examples=40)
SIDE = st.integers(1, 40)
SHAPES = st.one_of(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE, st.just(3)))
PIXELS = SHAPES.flatmap(
    lambda shape: st.one_of(
        arrays.arrays(np.uint8, shape),
        arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 255])),
        st.integers(0, 255).map(lambda v: np.full(shape, v, np.uint8)),
    )
)


@pytest.mark.parametrize("size", [None, 16, 64])
@pytest.mark.parametrize("name", INPUTS)
@given(pixels=PIXELS)
@SEEDED
def test_any_pixels_become_arrays_of_the_documented_shape(name, size, pixels):
    """Each reading holds contiguous uint8 arrays of the input's shape with one box each, within the picture."""
    reader = INPUTS[name]() if size is None else INPUTS[name](size=size, **({"extent": 12} if name == "glyph" else {}))
    reading = reader.read(pixels)
    assert reading.arrays.dtype == np.uint8
    assert reading.arrays.shape[1:] == reader.shape
    assert reading.arrays.flags.c_contiguous
    assert len(reading.boxes) == len(reading.arrays)
    height, width = pixels.shape[:2]
    for left, top, right, bottom in reading.boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@pytest.mark.parametrize("name", INPUTS)
def test_bytes_paths_and_pixels_read_alike(name, tmp_path):
    """A lossless file read from its path, its bytes, or as pixels gives the same arrays, and again the same."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    path = tmp_path / "one.png"
    path.write_bytes(buffer.getvalue())
    reader = INPUTS[name]()
    expected = reader.read(pixels).arrays
    for source in (path, str(path), buffer.getvalue(), pixels):
        np.testing.assert_array_equal(reader.read(source).arrays, expected)


@pytest.mark.parametrize("name", INPUTS)
def test_the_pixels_handed_in_are_not_touched(name):
    """Reading copies."""
    pixels = np.random.default_rng(1).integers(0, 256, (30, 30), dtype=np.uint8)
    before = pixels.copy()
    arrays_ = INPUTS[name]().read(pixels).arrays
    arrays_ += 1
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_is_its_settings(name):
    """Inputs of equal settings are equal and can be hashed; name, version and shape are known without reading."""
    part = INPUTS[name]
    assert part() == part()
    assert hash(part()) == hash(part())
    assert part(size=64) != part(size=56)
    assert part().name == name
    assert part().version >= 1
    assert part(size=64).shape[1:] == (64, 64)
