"""What stands in the place of an answer where an image can't be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one of several images.

    Attributes:
        kind: name of the error.
        message: one sentence.
        source: which image: its path, or ``image 2`` where it has none.
    """

    kind: str
    message: str
    source: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure to acquire: one of several images can't be read, so there is no answer for it."""

    error: Cause
