"""Bounds of settings, written in the signatures they belong to and checked where a recipe is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias


@dataclass(frozen=True, slots=True)
class Bounds:
    """From ``low`` to ``high``, both included unless ``beyond`` leaves ``low`` itself out."""

    low: float
    high: float = math.inf
    beyond: bool = False

    def hold(self, value: float) -> bool:
        """Whether the value lies within."""
        return self.low <= value <= self.high and not (self.beyond and value == self.low)

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"{self.low} to {self.high}"
        return f"more than {self.low}" if self.beyond else f"{self.low} or more"


Count: TypeAlias = Annotated[int, Bounds(1)]
Shortlist: TypeAlias = Annotated[int, Bounds(1, 100_000)]
Amount: TypeAlias = Annotated[float, Bounds(0)]
Positive: TypeAlias = Annotated[float, Bounds(0, beyond=True)]
Share: TypeAlias = Annotated[float, Bounds(0, 1)]
# Radians; from a quarter turn on, a margin would push what is all but the same apart.
Angle: TypeAlias = Annotated[float, Bounds(0, 1.5)]
Width: TypeAlias = Annotated[int, Bounds(4, 4096)]
Dimensions: TypeAlias = Annotated[int, Bounds(1, 65536)]
