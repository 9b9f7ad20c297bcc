"""JPEG files without their end marker: read where only that is lacking, refused where pixels are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from firstsight.errors import InputError
from firstsight.inputs.decode import decode

END = b"\xff\xd9"
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "grey": {"grey": True},
    "fine": {"quality": 98, "subsampling": 0},
    "coarse": {"quality": 10},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "with restarts of blocks": {"restart_marker_blocks": 3},
    "optimised": {"optimize": True},
    "CMYK": {"cmyk": True},
}


def jpeg(kind: str, width: int = 75, height: int = 53) -> bytes:
    """Noise with a sign, as a JPEG of a kind."""
    options = dict(KINDS[kind])
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[10:40, 10:30] = 0
    image = Image.fromarray(pixels)
    image = image.convert("L") if options.pop("grey", False) else image
    image = image.convert("CMYK") if options.pop("cmyk", False) else image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("cut", [END, END[1:]])
@pytest.mark.parametrize("size", [(75, 53), (64, 64), (8, 8), (1, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_end_is_lacking(kind: str, size: tuple[int, int], cut: bytes) -> None:
    """Every pixel is that of the whole file, whether the marker is gone or half of it."""
    data = jpeg(kind, *size)
    read = np.asarray(decode(data.removesuffix(cut), colour=True))
    np.testing.assert_array_equal(read, np.asarray(decode(data, colour=True)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_lacks_pixels_is_refused(kind: str) -> None:
    """A file that was cut anywhere before its last bytes is damaged, never half a picture."""
    data = jpeg(kind).removesuffix(END)
    start = data.rindex(b"\xff\xda") if kind != "progressive" else data.index(b"\xff\xda")
    lengths = {*range(start + 14, len(data) - 8, 61), *range(len(data) - 120, len(data) - 8, 7)}
    for length in sorted(lengths):
        with pytest.raises(InputError, match=r"damaged|not an image"):
            decode(data[:length], colour=True)


@pytest.mark.parametrize("kind", ["plain", "grey", "with restarts", "progressive"])
def test_the_last_bytes_are_missed_or_not_needed(kind: str) -> None:
    """Cut within its last bytes a file is refused, or every pixel is there all the same."""
    data = jpeg(kind).removesuffix(END)
    whole = np.asarray(decode(data, colour=True)).astype(int)
    for less in range(1, 8):
        try:
            read = np.asarray(decode(data[:-less], colour=True)).astype(int)
        except InputError:
            continue
        assert np.abs(read - whole).max() <= 2, less


def test_all_scans_of_a_progressive_file_are_wanted() -> None:
    """A progressive file that ends after a whole scan lacks the finer ones: it is refused."""
    data = jpeg("progressive")
    scans = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for at in scans[1:]:
        with pytest.raises(InputError, match="damaged"):
            decode(data[:at], colour=True)


def test_what_follows_a_picture_without_end_is_passed_over() -> None:
    """Zeros where the marker should be are as good as nothing."""
    data = jpeg("plain")
    read = np.asarray(decode(data.removesuffix(END) + bytes(64), colour=True))
    np.testing.assert_array_equal(read, np.asarray(decode(data, colour=True)))
