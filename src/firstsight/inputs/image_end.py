"""The end of an image in its bytes: what follows it is not of the image, and is not kept."""

from __future__ import annotations

from firstsight.errors import InputError
from firstsight.inputs.decode import thumbnail

_PNG, _JPEG, _GIFS, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", (b"GIF87a", b"GIF89a"), b"RIFF"


def trimmed(data: bytes) -> bytes:
    """An image file without what follows the image: as it came, cut; or as PNG, where the format tells no end.

    PNG, JPEG, GIF and WebP tell where they end. What a reader passes over in others can stand anywhere.
    What is no image stays what it is: whether it can be read is for those to say who read it.
    """
    end = _end(data)
    if end is not None:
        return data[:end]
    try:
        return thumbnail(data, None)
    except InputError:
        return data


def _end(data: bytes) -> int | None:
    """Bytes of the image; None where that can't be told."""
    if data.startswith(_PNG):
        return _of_png(data)
    if data.startswith(_JPEG):
        return _of_jpeg(data)
    if data.startswith(_GIFS):
        return _of_gif(data)
    if data.startswith(_RIFF) and data[8:12] == b"WEBP":
        size = int.from_bytes(data[4:8], "little")
        return min(len(data), 8 + size + size % 2)
    return None


def _of_png(data: bytes) -> int | None:
    at = len(_PNG)
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + size
        if kind == b"IEND":
            return min(at, len(data))
    return len(data)  # cut off before its end: nothing follows it


def _of_jpeg(data: bytes) -> int | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # fill, and markers that stand alone
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            at = _after_scan(data, at)
    return at + 2 if data[at : at + 2] == b"\xff\xd9" else len(data)


def _after_scan(data: bytes, at: int) -> int:
    """Where the next marker stands: within a scan FF is followed by 00, or by a marker that only restarts it."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)


def _of_gif(data: bytes) -> int | None:
    if len(data) < 13:
        return None
    at = 13 + _table(data[10])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            return at + 1
        if kind == 0x21:
            at += 2
        elif kind == 0x2C and at + 9 < len(data):
            at += 10 + _table(data[at + 9]) + 1
        else:
            return None
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return len(data)


def _table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
