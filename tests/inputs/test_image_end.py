"""What follows an image in its bytes is cut off, and the image is as it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from firstsight.inputs.decode import decode
from firstsight.inputs.image_end import trimmed

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8))
WAYS: list[tuple[str, dict[str, object]]] = [
    ("PNG", {}), ("PNG", {"bits": 8, "optimize": True}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("GIF", {}),
    ("JPEG", {"restart_marker_blocks": 2}), ("JPEG", {"exif": b"Exif\0\0" + b"\xff\xd9" * 40}), ("WEBP", {}),
    ("GIF", {"save_all": True, "append_images": [NOISE]}), ("WEBP", {"lossless": True}),
]  # fmt: skip
TAILS = (b"", b"x", b"\0" * 100_000, b"\xff\xd9\xff\xd9", b"\x3b\x3b", b"PK\x03\x04" * 1000)


@pytest.mark.parametrize(("kind", "given"), WAYS)
@pytest.mark.parametrize("tail", TAILS, ids=len)
def test_what_follows_is_cut(kind: str, given: dict[str, object], tail: bytes) -> None:
    """To the byte, whatever stands in it that looks like an end."""
    buffer = io.BytesIO()
    NOISE.save(buffer, kind, **given)
    data = buffer.getvalue()
    assert trimmed(data + tail) == data


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM"])
def test_formats_without_an_end_are_kept_as_png(kind: str) -> None:
    """The pixels are the same, and nothing else is in it."""
    buffer = io.BytesIO()
    NOISE.save(buffer, kind)
    made = trimmed(buffer.getvalue() + b"secret" * 10_000)
    assert made.startswith(b"\x89PNG")
    assert b"secret" not in made
    assert np.array_equal(np.asarray(decode(made, colour=True)), np.asarray(NOISE))


def test_any_bytes_end_somewhere() -> None:
    """Cut and altered files are kept up to their length, and never looked at for ever."""
    r = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        buffer = io.BytesIO()
        NOISE.save(buffer, kind)
        for _ in range(200):
            data = bytearray(buffer.getvalue()[: r.integers(1, len(buffer.getvalue()) + 1)])
            for at in r.integers(0, len(data), 3):
                data[at] = r.integers(256)
            made = trimmed(bytes(data))
            assert len(made) <= len(data) or made.startswith(b"\x89PNG")
