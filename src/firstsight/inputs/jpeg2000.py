"""JPEG 2000: the heads of a file, checked before OpenJPEG reads it.

OpenJPEG sets up every tile, precinct and code block that the heads name, hundreds of bytes each, before the first
pixel: files of some hundred bytes would take gigabytes. Source: ISO/IEC 15444-1, A.5.1 (SIZ), A.6.1 (COD), A.6.2 (COC)
and I.4 (boxes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from firstsight.errors import InputError

MOST_TILES, MOST_CHANNELS, MOST_LAYERS = 1024, 4, 64
LEAST_BLOCK, LEAST_PRECINCT = 10, 6
"""Pixels of a code block, and the side of a precinct at full size, as powers of two."""
_CODESTREAM, _SIZE = b"\xff\x4f\xff\x51", struct.Struct(">HH8IH")  # length, capabilities, 4 x (x, y), channels
_COD, _COC, _TILE_PART, _DATA, _END = (b"\xff" + bytes([n]) for n in (0x52, 0x53, 0x90, 0x93, 0xD9))


def check(data: bytes, name: str) -> None:
    """Refuse a file of too many parts for its pixels.

    Raises:
        InputError: it has more tiles, channels, layers, precincts or code blocks than pictures have, or a head of it
            is cut off.
    """
    at = _codestream(data)
    if at < 0 or data[at : at + 4] != _CODESTREAM or len(data) < at + 4 + _SIZE.size:
        raise InputError(f"{name} is damaged: no head of a JPEG 2000 picture is where it should be")
    _, _, width, height, _, _, across, down, left, top, channels = _SIZE.unpack_from(data, at + 4)
    if not across or not down or left > width or top > height:
        raise InputError(f"{name} is damaged: its tiles have no size")
    tiles = -(-(width - left) // across) * -(-(height - top) // down)
    if tiles > MOST_TILES or channels > MOST_CHANNELS:
        raise InputError(
            f"{name} has {tiles:,} tiles of {channels:,} channels, {MOST_TILES:,} of {MOST_CHANNELS} at most were "
            "expected; save it as PNG"
        )
    for marker, body in _segments(data, at + 2):
        try:
            fine = marker not in (_COD, _COC) or _coarse(marker, body)
        except IndexError:
            fine = False
        if not fine:
            raise InputError(f"{name} is a JPEG 2000 in too many small parts; save it as PNG")


def _coarse(marker: bytes, body: bytes) -> bool:
    """Whether the parts that one COD or COC names are as large as encoders make them.

    Raises:
        IndexError: the segment is cut off.
    """
    if marker == _COD and int.from_bytes(body[2:4], "big") > MOST_LAYERS:
        return False
    own, style = (body[0], body[5:]) if marker == _COD else (body[1], body[2:])
    levels, block = style[0], (style[1] & 15) + (style[2] & 15) + 4
    if block < LEAST_BLOCK:
        return False
    if not own & 1:
        return True  # precincts as large as the tile
    sides = [style[5 + level] for level in range(levels + 1)]  # the smallest resolution first, each twice the last
    return all(min(side & 15, side >> 4) >= LEAST_PRECINCT - (levels - level) for level, side in enumerate(sides))


def _segments(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Marker and content of the segments of all heads: of the picture, and of each part of a tile."""
    part = 0  # where the part of a tile ends whose head this is
    while at + 4 <= len(data):
        marker, size = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _END:
            return
        if marker == _DATA:
            at = part
            continue
        if marker == _TILE_PART:
            length = int.from_bytes(data[at + 6 : at + 10], "big")
            part = at + length if length else len(data)
            if length and length < 12:
                return
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size


def _codestream(data: bytes) -> int:
    """Where the picture itself begins: at once, or in the first box ``jp2c``; -1 where there is none."""
    if data.startswith(_CODESTREAM):
        return 0
    at = 0
    while at + 8 <= len(data):
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if kind == b"jp2c":
            return at + head
        if size < head:
            return -1
        at += size
    return -1
