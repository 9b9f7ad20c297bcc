"""The content of examples: their bytes, and the keys that tell these again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firstsight.errors import FirstSightError
from firstsight.inputs.content import file_key, key_of
from firstsight.inputs.decode import read_bytes
from firstsight.types import Example

_LARGE = 32 * 1024  # bytes of a file from which on hashing outweighs the threads' taking of turns
_SAMPLE = 16
_THREADS = 8


def content(example: Example) -> bytes:
    """The bytes of an example.

    Raises:
        InputError: its file can't be read.
    """
    source = example.load()
    return source if isinstance(source, bytes) else read_bytes(source)


def keys_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """What tells each example's content: what its data set says, else the hash of its bytes as they are now."""
    return _keys([None if e.key else e for e in examples], [e.key for e in examples])


def image_keys(examples: Sequence[Example]) -> tuple[str, ...]:
    """The hash of each example's bytes, as references are told by it; whatever its data set says."""
    return _keys(examples, [""] * len(examples))


def _keys(read: Sequence[Example | None], given: Sequence[str]) -> tuple[str, ...]:
    some = [e for e in read if e is not None]
    if len(some) > _SAMPLE and _large(some[:: len(some) // _SAMPLE]):
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            made = iter(list(pool.map(_key, some)))
    else:
        made = iter([_key(e) for e in some])
    return tuple(next(made) if e is not None else key for e, key in zip(read, given, strict=True))


def _key(example: Example) -> str:
    try:
        source = example.load()
    except FirstSightError:
        found = None
    else:
        found = key_of(source) if isinstance(source, bytes) else file_key(source)
    return found or f"unreadable: {example.source}"  # reading it will say why


def _large(examples: Sequence[Example]) -> bool:
    total = 0
    for example in examples:
        try:
            source = example.load()
            total += source.stat().st_size if isinstance(source, Path) else 0
        except (OSError, ValueError, FirstSightError):
            continue
    return total > _LARGE * len(examples)
