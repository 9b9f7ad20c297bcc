"""Every reproduction by its name."""

from __future__ import annotations

from firstsight.errors import unknown
from firstsight.reproduce.alphabets import ALPHABETS
from firstsight.reproduce.facenet import FACENET
from firstsight.reproduce.koch import KOCH
from firstsight.reproduce.record import Reproduction
from firstsight.reproduce.rocks import ROCKS
from firstsight.reproduce.self_supervised import SELF_SUPERVISED
from firstsight.types import Info

REPRODUCTIONS: dict[str, Reproduction] = {**KOCH, **ALPHABETS, **FACENET, **ROCKS, **SELF_SUPERVISED}
"""Every reproduction by its name."""


def find(name: str) -> Reproduction:
    """The reproduction of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in REPRODUCTIONS:
        raise unknown("reproduction", name, REPRODUCTIONS)
    return REPRODUCTIONS[name]


def reproductions() -> list[Info]:
    """The reproductions, with a line on each."""
    return [Info(name, one.title) for name, one in REPRODUCTIONS.items()]
