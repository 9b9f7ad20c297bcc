"""JPEG 2000: files whose heads name more parts than pictures have are refused before OpenJPEG sets them up."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from firstsight.errors import InputError
from firstsight.inputs.decode import decode

GREY = np.random.default_rng(0).integers(0, 256, (300, 200), np.uint8)
HEAD = 4  # where the segment SIZ begins of a file without boxes


def made(**options: object) -> bytearray:
    """A picture without boxes, so that its heads are where the tests change them."""
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "JPEG2000", **{"no_jp2": True, **options})  # type: ignore[arg-type]
    return bytearray(buffer.getvalue())


def refused(data: bytes) -> str:
    """What is said of it."""
    with pytest.raises(InputError) as error:
        decode(bytes(data), colour=True)
    return str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"no_jp2": False},
        {"tile_size": (64, 64)},
        {"codeblock_size": (32, 32)},
        {"codeblock_size": (64, 16)},
        {"precinct_size": (64, 64)},
        {"quality_layers": [40, 20, 10, 0]},
        {"progression": "RPCL"},
        {"num_resolutions": 1},
        {"num_resolutions": 8},
        {"plt": True},
    ],
)
def test_what_encoders_write_is_read(options: dict[str, object]) -> None:
    """Tiles, layers, precincts, and blocks as encoders make them: the pixels are those that were written."""
    assert np.array_equal(decode(bytes(made(**options)), colour=False), GREY)


def test_too_many_tiles_are_refused() -> None:
    """65,535 tiles in some hundred bytes, and channels without end; the sentence names the number."""
    data = made()
    data[HEAD + 20 : HEAD + 28] = struct.pack(">II", 1, 1)
    assert "has 60,000 tiles of 1 channels" in refused(data)
    data = made()
    data[HEAD + 36 : HEAD + 38] = struct.pack(">H", 5000)
    assert "5,000 channels" in refused(data)
    data = made()
    data[HEAD + 20 : HEAD + 28] = bytes(8)
    assert "its tiles have no size" in refused(data)


@pytest.mark.parametrize(
    "options",
    [
        {"codeblock_size": (4, 4)},
        {"codeblock_size": (16, 32)},
        {"precinct_size": (32, 32)},
        {"precinct_size": (64, 32)},
        {"precinct_size": (2, 2), "codeblock_size": (4, 4)},
    ],
)
def test_many_small_parts_are_refused(options: dict[str, object]) -> None:
    """Code blocks and precincts of some pixels cost a hundred bytes a pixel: with boxes and without."""
    for boxes in (True, False):
        assert "too many small parts" in refused(bytes(made(no_jp2=boxes, **options)))


def test_many_layers_are_refused() -> None:
    """More layers than encoders write."""
    data = made()
    at = data.index(b"\xff\x52")
    data[at + 6 : at + 8] = struct.pack(">H", 65)
    assert "too many small parts" in refused(data)


def test_the_head_of_a_tile_is_looked_at_too() -> None:
    """Small blocks that only the head of a tile names, or the segment of one channel, are found."""
    data = made()
    at = data.index(b"\xff\x52")
    size = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    small = data[at : at + size]
    small[10:12] = b"\0\0"  # code blocks of 4 x 4
    tile = data.index(b"\xff\x90")
    length = int.from_bytes(data[tile + 6 : tile + 10], "big")
    data[tile + 6 : tile + 10] = struct.pack(">I", length + size)
    data[tile + 12 : tile + 12] = small
    assert "too many small parts" in refused(data)
    one = b"\xff\x53" + struct.pack(">HBB", size - 2 - 3, 0, 0) + bytes(small[9:])
    data = made()
    data[at:at] = one
    assert "too many small parts" in refused(data)


def test_a_cut_head_is_named() -> None:
    """A file of boxes without a picture, one that ends in its head, a box of no size: damaged, at once."""
    whole = bytes(made(no_jp2=False))
    start = whole.index(b"jp2c") - 4
    for data in (whole[:start], whole[: start + 20], bytes(made()[:30])):
        assert "damaged" in refused(data)
    hollow = bytearray(whole)
    hollow[12:16] = bytes(4)
    assert "damaged" in refused(hollow)
