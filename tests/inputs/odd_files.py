"""Image files by hand, of kinds that Pillow reads and does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

Tags = Mapping[int, tuple[str, Sequence[float]]]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(samples: np.ndarray, *, kind: int, bits: int = 16, extra: Mapping[bytes, bytes] | None = None) -> bytes:
    """A PNG of samples ``(h, w)`` or ``(h, w, n)``.

    Args:
        samples: whole numbers.
        kind: colour type: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA.
        bits: of a sample: 1, 2, 4, 8 or 16.
        extra: chunks between the head and the pixels.
    """
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    if bits == 16:
        packed = [row.astype(">u2").tobytes() for row in rows]
    elif bits == 8:
        packed = [row.astype(np.uint8).tobytes() for row in rows]
    else:
        each = np.unpackbits(rows.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :].reshape(height, -1)
        packed = [np.packbits(row).tobytes() for row in each]
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    middle = b"".join(chunk(name, content) for name, content in (extra or {}).items())
    pixels = zlib.compress(b"".join(b"\0" + row for row in packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


_SIZES = {"H": 3, "I": 4, "f": 11, "d": 12}


def tiff(
    samples: np.ndarray,
    *,
    photometric: int = 1,
    order: str = "<",
    tags: Tags | None = None,
    deflated: bool = False,
    planes: bool = False,
) -> bytes:
    """A TIFF of one strip (or one a plane) of samples ``(h, w)`` or ``(h, w, n)`` of any type.

    Args:
        samples: of the type that is written.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK.
        order: of bytes, ``<`` or ``>``.
        tags: further ones, number -> letter of ``struct`` and values.
        deflated: compressed.
        planes: channels one after the other.
    """
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    form = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    strips = [samples[..., n] for n in range(channels)] if planes else [samples]
    packed = [s.astype(samples.dtype.newbyteorder(order)).tobytes() for s in strips]
    packed = [zlib.compress(s) for s in packed] if deflated else packed
    starts = np.cumsum([8, *map(len, packed)])
    entries: dict[int, tuple[str, Sequence[float]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [8 * samples.dtype.itemsize] * channels),
        259: ("H", [8 if deflated else 1]),
        262: ("H", [photometric]),
        273: ("I", starts[:-1].tolist()),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(s) for s in packed]),
        284: ("H", [2 if planes else 1]),
        339: ("H", [form] * channels),
        **(tags or {}),
    }
    at = int(starts[-1]) + 2 + 12 * len(entries) + 4
    rows, far = b"", b""
    for number in sorted(entries):
        letter, values = entries[number]
        content = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(content) > 4:
            place = struct.pack(f"{order}I", at + len(far))
            far += content
        else:
            place = content.ljust(4, b"\0")
        rows += struct.pack(f"{order}HHI", number, _SIZES[letter], len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", int(starts[-1]))
    body = struct.pack(f"{order}H", len(entries)) + rows + b"\0\0\0\0" + far
    return head + b"".join(packed) + body
