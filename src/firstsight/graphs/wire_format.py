"""The wire format of protocol buffers: fields of a message, read strictly and never more than a budget of them.

A parser is lenient: it merges what comes twice, takes numbers written longer than they need be, and passes over what
it does not know. Two readers of one file may then see two networks. Here there is one way to write a message, and
anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["int", "ints", "float", "floats", "bytes", "many", "packed", "skip"]
"""What a field holds: a number, numbers, 4 bytes, several of 4 bytes, a stretch of bytes (texts and messages), several
stretches, numbers of any size in one stretch or alone, or something that is not looked at."""
Schema: TypeAlias = Mapping[int, tuple[str, Kind]]
Span: TypeAlias = tuple[int, int]
"""Where a stretch begins and ends."""

_SINGLE = ("int", "float", "bytes")
_VARINT, _EIGHT, _STRETCH, _FOUR = 0, 1, 2, 5
_TAKEN = {  # the wire types in which a kind comes
    "int": (_VARINT,), "ints": (_VARINT, _STRETCH), "float": (_FOUR,), "floats": (_FOUR, _STRETCH),
    "bytes": (_STRETCH,), "many": (_STRETCH,), "packed": (_VARINT, _EIGHT, _FOUR, _STRETCH),
    "skip": (_VARINT, _EIGHT, _STRETCH, _FOUR),
}  # fmt: skip


class WireError(ValueError):
    """The bytes are not a message as it is written."""


@dataclass(slots=True)
class Wire:
    """Bytes, and how many fields may still be read of them.

    Attributes:
        data: not trusted.
        budget: fields; a file of nothing but small ones would take minutes.
    """

    data: bytes
    budget: int = 1_000_000

    def message(self, span: Span, schema: Schema) -> dict[str, Any]:
        """The fields of a message by name: numbers as they are unsigned, stretches by where they are.

        Raises:
            WireError: it is cut, or a field is unknown, of another type, twice where it may be once, or overlong.
        """
        found: dict[str, Any] = {}
        at, end = span
        while at < end:
            self.budget -= 1
            if self.budget < 0:
                raise WireError("it has more fields than any network")
            tag, at = (self.data[at], at + 1) if self.data[at] < 128 else self.number(at, end)
            known = schema.get(tag >> 3)
            if known is None:
                raise WireError(f"it has a field {tag >> 3} that this FirstSight does not know")
            name, kind = known
            if tag & 7 not in _TAKEN[kind]:
                raise WireError(f"field {name} is not written as it should be")
            value, at = self._value(tag & 7, at, end)
            if kind in _SINGLE:
                if name in found:
                    raise WireError(f"field {name} comes twice")
                found[name] = value
            elif kind == "ints" and tag & 7 == _STRETCH:
                found.setdefault(name, []).extend(self.numbers(value))
            elif kind == "floats" and tag & 7 == _STRETCH:
                found.setdefault(name, []).extend(self._fours(value, name))
            elif kind != "skip":
                found.setdefault(name, []).append(value)
        return found

    def number(self, at: int, end: int) -> tuple[int, int]:
        """A number of 7 bits a byte, unsigned, and where it ends."""
        value = shift = 0
        while at < end:
            byte = self.data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                if (shift and not byte) or value >> 64:
                    raise WireError("a number is written longer than it is")
                return value, at
            shift += 7
            if shift > 63:
                raise WireError("a number is written longer than it is")
        raise WireError("it is cut")

    def numbers(self, span: Span) -> list[int]:
        """The numbers of a stretch."""
        at, end = span
        found = []
        while at < end:
            self.budget -= 1
            if self.budget < 0:
                raise WireError("it has more numbers than any network")
            value, at = self.number(at, end)
            found.append(value)
        return found

    def _fours(self, span: Span, name: str) -> list[Span]:
        start, stop = span
        self.budget -= (stop - start) // 4
        if (stop - start) % 4 or self.budget < 0:
            raise WireError(f"field {name} is cut, or too long")
        return [(at, at + 4) for at in range(start, stop, 4)]

    def text(self, span: Span | None) -> str:
        """A stretch of UTF-8; "" for none."""
        try:
            return "" if span is None else self.data[slice(*span)].decode()
        except UnicodeDecodeError:
            raise WireError("a name is not UTF-8") from None

    def _value(self, wire_type: int, at: int, end: int) -> tuple[Any, int]:
        if wire_type == _VARINT:
            return self.number(at, end)
        if wire_type != _STRETCH:
            length = 8 if wire_type == _EIGHT else 4
        elif at < end and self.data[at] < 128:  # nearly always one byte
            length, at = self.data[at], at + 1
        else:
            length, at = self.number(at, end)
        if length > end - at:
            raise WireError("it is cut")
        return (at, at + length), at + length


def signed(number: int) -> int:
    """A number of 64 bits that may be negative."""
    return number - (1 << 64) if number >> 63 else number
