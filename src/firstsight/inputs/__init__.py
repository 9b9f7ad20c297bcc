"""Inputs: raw bytes, paths or pixels become readings, the same way in training and in use."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

from firstsight.inputs.glyph import GlyphInput
from firstsight.inputs.image import ImageInput
from firstsight.types import Reading, Source


class Input(Protocol):
    """What reads a source; a frozen dataclass whose fields are its settings.

    ``version`` grows whenever the same source and settings would give other arrays: it is part of a model's
    fingerprint.
    """

    @property
    def name(self) -> str:
        """As written in recipes."""

    @property
    def version(self) -> int:
        """Of the code, see above."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape ``(c, h, w)`` of one array."""

    def read(self, source: Source) -> Reading:
        """The reading of a source; raises InputError."""

    def frame(self, box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        """The part of a source that the array of a reading with this box shows: left, top, right, bottom in pixels.

        It may overhang the source.
        """


INPUTS: dict[str, type[ImageInput] | type[GlyphInput]] = {"image": ImageInput, "glyph": GlyphInput}
"""Every input by the name recipes and models use."""


def settings_of(reader: Input) -> dict[str, Any]:
    """The settings of an input as models keep them: a depth only where one is stated, as before there was one."""
    settings = asdict(reader)  # type: ignore[call-overload]
    return {key: value for key, value in settings.items() if key != "depth" or value}


__all__ = ["INPUTS", "GlyphInput", "ImageInput", "Input", "settings_of"]
