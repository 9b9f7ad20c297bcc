"""Repeats: copies within a user's own data, which would face each other as reference and probe."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.copies import twins
from firstsight.datasets.dataset import OWN
from firstsight.errors import DataError, count
from firstsight.types import IntArray, PixelArray


@dataclass(frozen=True, slots=True)
class Once:
    """Data in which no picture faces itself.

    Attributes:
        data: the rest.
        arrays: ``(n, c, h, w)`` its readings.
        left_out: ``(m,)`` places of the examples that are missing.
        notes: what was left out, and labels that contradict each other.
    """

    data: DataSet
    arrays: PixelArray
    left_out: IntArray
    notes: tuple[str, ...]


def once(held: DataSet, arrays: PixelArray) -> Once:
    """Leave out copies: further ones of an image in its class; of pairs those of one picture with itself.

    Sets that FirstSight knows by name stay as they were published. Where half of the images or more are copies, none
    is left out: nothing would be left to measure, and the notes say so.

    Raises:
        DataError: of pairs all are of one picture with itself.
    """
    nobody: IntArray = np.empty(0, np.int64)
    if held.kind != OWN:
        return Once(held, arrays, nobody, ())
    first = twins(held.keys, arrays)
    if held.pairs:
        kept = tuple(pair for pair in held.pairs if first[pair[0]] != first[pair[1]])
        lost = len(held.pairs) - len(kept)
        if not lost:
            return Once(held, arrays, nobody, ())
        if not kept:
            raise DataError(f"every pair of {held.name} is of one picture with itself; bring pairs of two pictures")
        pairs = count(lost, "pair is", "pairs are")
        return Once(replace(held, pairs=kept), arrays, nobody, (f"{pairs} of one picture with itself: left out",))
    place = np.arange(len(held))
    repeated = np.zeros(len(held), bool)
    seen: set[tuple[int, int]] = set()
    for n, key in enumerate(zip(first.tolist(), held.labels.tolist(), strict=True)):
        repeated[n] = key in seen
        seen.add(key)
    crossing = np.flatnonzero(held.labels[first] != held.labels)
    notes = []
    if len(crossing):
        one = int(crossing[0])
        images = count(len(crossing), "image is a copy", "images are copies")
        called = f"{_named(held, one)} = {_named(held, int(first[one]))}"
        notes.append(f"{images} of an image of another class ({called}): labels contradict each other, put them right")
    copies = int(repeated.sum())
    if not copies:
        return Once(held, arrays, nobody, tuple(notes))
    one = int(np.flatnonzero(repeated)[0])
    images = count(copies, "image is a copy", "images are copies")
    told = f"{images} of another of its class ({_named(held, one)})"
    if 2 * copies >= len(held):
        notes.append(f"{told}: reference and probe may be one picture, so the figures flatter; bring other images")
        return Once(held, arrays, nobody, tuple(notes))
    notes.append(f"{told}: left out")
    return Once(held.take(place[~repeated], held.name), arrays[~repeated], place[repeated], tuple(notes))


def _named(held: DataSet, place: int) -> str:
    return "/".join(held.examples[place].source.rsplit("/", 2)[-2:])
