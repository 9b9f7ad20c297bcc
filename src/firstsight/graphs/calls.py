"""One operator applied: what is known of what it takes, and its attributes, of whatever version of ONNX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from firstsight.graphs.network import Array, Constant, Node


class UnfitError(ValueError):
    """An operator can't be run safely: its attributes or shapes make no sense, or what it makes can't be foreseen."""


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a tensor before anything is run.

    Attributes:
        kind: ONNX's number of its type.
        shape: of it.
        known: its numbers, where they depend on no reading and are few.
    """

    kind: int
    shape: tuple[int, ...]
    known: Array | None = None

    @property
    def count(self) -> int:
        """Its numbers."""
        return math.prod(self.shape)

    @property
    def rank(self) -> int:
        """Its dimensions."""
        return len(self.shape)


@dataclass(slots=True)
class Call:
    """A node with what it takes.

    Attributes:
        node: the operator.
        given: its inputs, None for one left out.
        opset: version of the operators.
        work: multiplications, where they are more than the numbers that go in and come out.
    """

    node: Node
    given: list[Value | None]
    opset: int
    work: int = field(default=0)

    def value(self, number: int) -> Value:
        """An input that must be there."""
        found = self.maybe(number)
        if found is None:
            raise UnfitError(f"input {number} is missing")
        return found

    def maybe(self, number: int) -> Value | None:
        """An input that may be left out."""
        return self.given[number] if number < len(self.given) else None

    def numbers(self, number: int) -> list[Any]:
        """The numbers of an input of which shapes are made.

        Raises:
            UnfitError: they depend on a reading, so that no shape could be told beforehand.
        """
        known = self.value(number).known
        if known is None or known.ndim > 1:
            raise UnfitError("a shape depends on the picture")
        return list(known.reshape(-1).tolist())

    def whole(self, number: int) -> list[int]:
        """As :meth:`numbers`, whole ones."""
        found = self.numbers(number)
        if not all(type(n) is int for n in found):
            raise UnfitError("whole numbers were expected")
        return found

    def given_or_set(self, number: int, name: str) -> list[int] | None:
        """Whole numbers that later versions take as an input and earlier ones as an attribute; None for neither."""
        if self.maybe(number) is not None:
            return self.whole(number)
        return self.integers(name) if name in self.node.attributes else None

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number among the attributes."""
        found = self.node.attributes.get(name, default)
        if type(found) is not int:
            raise UnfitError(f"{name} is no whole number")
        return found

    def integers(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """Whole numbers among the attributes."""
        found = self.node.attributes.get(name, default)
        if found is None or isinstance(found, str) or not all(type(n) is int for n in _listed(found)):
            raise UnfitError(f"{name} are no whole numbers")
        return _listed(found)

    def reals(self, name: str) -> list[float]:
        """Numbers among the attributes."""
        found = _listed(self.node.attributes.get(name, []))
        if not all(type(n) in (int, float) and math.isfinite(n) for n in found):
            raise UnfitError(f"{name} are no finite numbers")
        return [float(n) for n in found]

    def text(self, name: str, default: str, *known: str) -> str:
        """A word among the attributes, one of those that are known."""
        found = self.node.attributes.get(name, default)
        if found not in (default, *known):
            raise UnfitError(f"{name} is not one of {', '.join((default, *known))}")
        return str(found)

    def tensor(self, name: str) -> Constant | None:
        """A tensor among the attributes."""
        found = self.node.attributes.get(name)
        if found is not None and not isinstance(found, Constant):
            raise UnfitError(f"{name} is no tensor")
        return found

    def axis(self, number: int, rank: int) -> int:
        """A dimension counted from the front."""
        if not -rank <= number < max(rank, 1):
            raise UnfitError(f"there is no dimension {number} of {rank}")
        return number + rank if number < 0 else number

    def axes(self, numbers: Sequence[int], rank: int) -> list[int]:
        """Dimensions counted from the front, each once."""
        found = [self.axis(n, rank) for n in numbers]
        if len(set(found)) != len(found):
            raise UnfitError("a dimension is named twice")
        return found


def need(holds: bool, otherwise: str) -> None:
    """Go on only if something holds.

    Raises:
        UnfitError: with the sentence.
    """
    if not holds:
        raise UnfitError(otherwise)


def together(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which others broadcast."""
    rank = max(map(len, shapes))
    made = []
    for sides in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = {side for side in sides if side != 1}
        need(len(wide) <= 1, f"shapes {', '.join(map(str, shapes))} do not fit together")
        made.append(wide.pop() if wide else 1)
    return tuple(made)


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple | range) else [found]
