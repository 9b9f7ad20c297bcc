"""What a run tells while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """What happens while training, for whoever shows it.

    Attributes:
        kind: ``note``, ``reading`` (decoding the data), ``step``, or ``fold`` (a step of a further training).
        step, steps: how far, of how much.
        message: for people; of a ``fold`` its name.
        values: numbers, by name.
    """

    kind: str
    step: int = 0
    steps: int = 0
    message: str = ""
    values: dict[str, float] | None = None


Listener = Callable[[Event], None]
