"""JPEG files that lack only their end marker, told from those that lack pixels.

Decoders ask for no more than the marker when every pixel is there. So a file without it is decoded twice, each time
with other bytes put behind its end: where pixels are missing, they come out of these bytes, and the two pictures
differ. A progressive file must also have named all scans that make its coefficients whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

_END = b"\xff\xd9"
_RESTARTS = [bytes([0xFF, 0xD0 + n]) for n in range(8)]
_PADS = [
    b"".join(filling * 64 + marker for marker in _RESTARTS) * 2 + _END for filling in (b"\x00\x11\x42", b"\xb5\x6e\xd9")
]
"""Bytes of two pictures that no picture goes on with; with restart markers, or a decoder would skip to the end."""
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_SCAN, _PROGRESSIVE = 0xDA, (0xC2, 0xCA)


def with_end(data: bytes | None, image: Image.Image, error: OSError) -> Image.Image | None:
    """The picture of a JPEG file that lacks only its end marker; None where anything else is wrong.

    Args:
        data: the file.
        image: opened from it.
        error: that loading it raised.
    """
    if data is None or image.format not in ("JPEG", "MPO") or "truncated" not in str(error):
        return None
    body = data.removesuffix(b"\xff")
    if not _is_whole(body):
        return None
    first, second = (_loaded(body + pad) for pad in _PADS)
    if first is None or second is None or first.tobytes() != second.tobytes():
        return None
    return first


def _loaded(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            image.load()
            return image
    except OSError:
        return None


def _is_whole(data: bytes) -> bool:
    """Whether the scans that a file names make up all coefficients; what one scan holds does so at once."""
    missing: dict[tuple[int, int], int] = {}
    components: list[int] = []
    progressive, scans = False, 0
    for marker, content in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            progressive = marker in _PROGRESSIVE
            components = [content[at] for at in range(6, 6 + 3 * content[5], 3)]
            missing = {(component, k): 1 for component in components for k in range(64)}
        elif marker == _SCAN:
            scans += 1
            named = [content[at] for at in range(1, 1 + 2 * content[0], 2)]
            start, end, low = content[-3], content[-2], content[-1] & 15
            if not progressive:
                start, end, low = 0, 63, 0
            for component in named:
                for k in range(start, end + 1):
                    missing[component, k] = low
    return bool(scans and components) and not any(missing.values())


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers with what they hold; the compressed bytes of scans are passed over."""
    at = 2
    while at + 4 <= len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _ALONE:  # stuffed, filling, or a restart
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + max(2, length)
