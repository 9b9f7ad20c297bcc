"""What ``why`` answers: where in two pictures the evidence for "same" lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Map:
    """Evidence by place.

    Attributes:
        width, height: columns and rows of the values, which together cover the whole picture.
        values: ``(height, width)`` from 0 to 1, top row first.
    """

    width: int
    height: int
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Which places of two pictures made them alike.

    Attributes:
        left, right: a map of each, both on one scale.
        drop: by how much the score falls where a map is 1; 0 where covering no place lowers it, and all values are 0.
    """

    left: Map
    right: Map
    drop: float
