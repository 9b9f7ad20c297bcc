"""Embeddings from elsewhere: real numbers, finite, of the length that the measure assumes.

A dot product of vectors that should have length 1 is no cosine where one is a thousand times as long: it exceeds every
threshold. And one number that is none makes none of every score it meets. So whatever did not come out of the encoder
just now is looked at before it is compared: where it enters a store, where it is read from one, and as a probe.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from firstsight.errors import FirstSightError, InputError
from firstsight.types import FloatArray, IntArray, Lengths, PixelArray

ANY: Lengths = (0.0, np.inf)
"""Of vectors of which only is known that they are finite."""
UNIT: Lengths = (1 - 1e-3, 1 + 1e-3)
"""Of vectors that are scaled to length 1; half precision leaves them within 5e-4 of it."""
_ROOM = 16.0  # times the longest that the encoder made of a pattern
_NONE, _FIRST = np.array([], np.intp), np.array([0], np.intp)
_LONGEST = 1e15  # whose square is finite in float32


def lengths_of(embeddings: FloatArray) -> Lengths:
    """The lengths that an encoder's vectors have, from those it made of :func:`patterns`, ``(n, d)``.

    Where most have length 1 it scales them, all of them (but what is 0 can't be scaled). Else length is free, and what
    is many times as long as any of these is not its work.
    """
    made = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    if np.mean((made >= UNIT[0]) & (made <= UNIT[1])) > 0.5:
        return UNIT
    return 0.0, min(_LONGEST, _ROOM * max(1.0, float(made.max(initial=0.0))))


def patterns(shape: tuple[int, int, int]) -> PixelArray:
    """Five readings ``(5, c, h, w)`` that differ: a disc, a bar, an edge, dots, noise."""
    _, height, width = shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    drawn = [np.hypot(x, y) < 0.6, abs(x + y / 3) < 0.15, x > y / 2, np.sin(9 * x) * np.sin(9 * y) > 0.4]
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return np.stack([*(np.broadcast_to(255 * one, shape) for one in drawn), noise]).astype(np.uint8)


def odd(vectors: FloatArray, lengths: Lengths) -> IntArray:
    """Which rows of ``(n, d)`` are not finite or not of these lengths."""
    least, most = lengths
    if most == np.inf:
        return np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(vectors) == 1:  # an enrolment: without the cost of arrays
        alone = float(np.dot(vectors[0], vectors[0]))
        return _NONE if least * least <= alone <= most * most else _FIRST
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.einsum("nd,nd->n", vectors, vectors)
    return np.flatnonzero(~((square >= least * least) & (square <= most * most)))  # so that NaN is odd


def floats(given: Any, shape: tuple[int, int], what: str, kind: type[FirstSightError] = InputError) -> FloatArray:
    """Vectors as float32, where they are an array of real numbers of this shape.

    Raises:
        FirstSightError: of the ``kind`` that is named; they are not.
    """
    right = isinstance(given, np.ndarray) and given.dtype.kind in "fiu" and given.shape == shape
    if not right:
        came = f"of shape {given.shape}" if isinstance(given, np.ndarray) else f"as {type(given).__name__}"
        of = f" of {given.dtype}" if isinstance(given, np.ndarray) and given.dtype != np.float32 else ""
        raise kind(f"vectors {came}{of} came for {what}, an array of float32 of shape {shape} was expected")
    with np.errstate(over="ignore"):
        made: FloatArray = given.astype(np.float32, copy=False)
    return made


def told(vector: FloatArray, lengths: Lengths) -> str:
    """What is wrong with a vector ``(d,)``, and what was expected."""
    if not np.isfinite(vector).all():
        return "holds numbers that are not finite, finite ones were expected"
    length = float(np.linalg.norm(vector.astype(np.float64)))
    expected = "1, to which the model scales its own," if lengths == UNIT else f"{lengths[1]:.3g} at most"
    return f"has length {length:.3g}, {expected} was expected"


def checked(
    given: Any, shape: tuple[int, int], lengths: Lengths, what: str, kind: type[FirstSightError] = InputError
) -> FloatArray:
    """Vectors as float32, where they are as above, finite, and of these lengths.

    Raises:
        FirstSightError: of the ``kind`` that is named; they are not.
    """
    made = floats(given, shape, what, kind)
    wrong = odd(made, lengths)
    if len(wrong):
        raise kind(f"the vector of {what} {told(made[wrong[0]], lengths)}; embed the image by the gallery's model")
    return made
