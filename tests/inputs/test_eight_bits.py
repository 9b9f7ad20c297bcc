"""Pictures of 8 bits are read as they were by 0.1.0, byte by byte."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from eight_bits import EACH, FORMS, LOSSY, pictures
from PIL import Image, ImageOps

from firstsight.inputs.decode import FORMATS, decode

WAS = json.loads((Path(__file__).parent / "eight_bits.json").read_text())
"""Hashes of what 0.1.0 read of every kind, in colour and in grey."""


def as_it_was(source: bytes | np.ndarray, mode: str) -> Image.Image:
    """The decoding of 0.1.0, for pictures of 8 bits."""
    if isinstance(source, np.ndarray):
        return Image.fromarray(source).convert(mode)
    with Image.open(io.BytesIO(source), formats=FORMATS) as image:
        image.load()
        turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, (255, 255, 255, 255)), turned)
    return turned.convert(mode)


def test_there_are_two_thousand() -> None:
    """The kinds are 2,000 pictures, and every kind without loss has its hash."""
    assert len(FORMS) * EACH >= 2000
    assert set(WAS) == set(FORMS) - LOSSY


@pytest.mark.parametrize("kind", FORMS)
def test_every_kind_gives_the_same_bytes(kind: str) -> None:
    """Each picture decodes to the pixels of 0.1.0, and kinds without loss have the hash that was recorded then."""
    digest = hashlib.sha256()
    for source in pictures(kind):
        for mode in ("RGB", "L"):
            read = np.asarray(decode(source, colour=mode == "RGB"))
            np.testing.assert_array_equal(read, np.asarray(as_it_was(source, mode)))
            digest.update(repr(read.shape).encode() + read.tobytes())
    assert kind in LOSSY or digest.hexdigest()[:32] == WAS[kind]
