"""Content keys: what tells an image again, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from firstsight.inputs.decode import MAX_BYTES


def key_of(data: bytes) -> str:
    """What tells an image again: the first half of its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def file_key(path: str | Path) -> str | None:
    """The key of a file's bytes; None where it is no regular file, can't be read, or is too large for an image.

    Ten thousand small files take some 70 ms, less than looking up their sizes and times through :class:`Path`.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO that nobody writes to is not waited for
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            return None
        data = os.read(handle, found.st_size + 1)
        while len(data) <= MAX_BYTES and (more := os.read(handle, MAX_BYTES)):  # it grew, or came in pieces
            data += more
        return key_of(data)
    except OSError:
        return None
    finally:
        os.close(handle)
