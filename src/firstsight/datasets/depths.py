"""The depth of a data set's pictures: those of more than 8 bits are found by their heads, and one depth holds all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from firstsight.datasets.dataset import DataSet
from firstsight.errors import InputError
from firstsight.inputs.decode import deep_bits
from firstsight.types import Example

_HEAD = 26  # bytes, of which those of a PNG end with its depth and kind
_PNG, _DEPTH = b"\x89PNG\r\n\x1a\n", 24
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PFM = (b"Pf\n", b"PF\n")


def depths_of(sets: Iterable[DataSet]) -> Counter[int]:
    """How many pictures there are of each depth of more than 8 bits, as their files say or as it would be guessed.

    Data sets by name have none. A picture that can't be read is passed over: reading it will say why.
    """
    found: Counter[int] = Counter()
    for data in sets:
        if data.kind == "own":
            found.update(bits for example in data.examples if (bits := _depth(example)))
    return found


def chosen(depths: Counter[int]) -> int:
    """The one depth for pictures of several: the greatest, since a dark frame is guessed too low; 0 of none."""
    return max(depths, default=0)


def told(depths: Counter[int]) -> str:
    """Depths in words."""
    return ", ".join(f"{number:,} of {bits} bits" for bits, number in sorted(depths.items()))


def guessing(data: DataSet, stated: int) -> str:
    """What a person should know of a data set whose depth is guessed picture by picture; "" where it is not."""
    found = Counter[int]() if stated else depths_of([data])
    return f"the depth of deep pictures is guessed one by one ({told(found)}); state input.depth" if found else ""


def _depth(example: Example) -> int:
    source = example.load()
    try:
        if isinstance(source, Path):
            with source.open("rb", buffering=0) as file:
                head = file.read(_HEAD)
        else:
            head = source[:_HEAD]
        if (head.startswith(_PNG) and head[_DEPTH:][:1] == b"\x10") or head.startswith((*_TIFF, *_PFM)):
            return deep_bits(source)
    except (OSError, InputError):
        return 0
    return 0
