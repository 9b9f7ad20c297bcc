"""A data set: named, immutable, lazily read. Nothing here knows a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from firstsight.errors import DataError, count
from firstsight.files import spelled_out
from firstsight.notices import tell
from firstsight.types import Example, IntArray


@dataclass(frozen=True)
class DataSet:
    """Examples under a name.

    Attributes:
        name: its address, ``omniglot:background``.
        examples: all of them, in a fixed order.
        pairs: for data given as pairs, ``(left, right, same)`` with indices into ``examples``; else empty.
        also: classes whose examples are in it under other labels, as in ``class_names``.
        notes: what a user should know ("12 files are not images and were left out").
    """

    name: str
    examples: tuple[Example, ...]
    pairs: tuple[tuple[int, int, bool], ...] = ()
    notes: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted({e.label for e in self.examples}))

    @cached_property
    def labels(self) -> IntArray:
        """Class index of every example ``(n,)``."""
        return _codes(self.classes, [e.label for e in self.examples])

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], IntArray]:
        """Names of the groups and the group index of every example ``(n,)``."""
        return _named_codes([e.group for e in self.examples])

    @cached_property
    def origins(self) -> tuple[tuple[str, ...], IntArray]:
        """Names of the origins and the origin index of every example ``(n,)``."""
        return _named_codes([e.origin for e in self.examples])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the examples' keys: equal content, equal fingerprint."""
        digest = hashlib.sha256()
        for example in self.examples:
            digest.update(example.key.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()[:16]

    @property
    def kind(self) -> str:
        """The name of its data set; ``own`` for a user's folders and manifests, whose classes are one world."""
        kind = self.name.split(":", 1)[0]
        return "own" if kind in ("folder", "images", "manifest") else kind

    @property
    def class_names(self) -> frozenset[str]:
        """Classes qualified by the kind of data set, to tell whether two sets share classes."""
        return frozenset(c if c in self.also else f"{self.kind}:{c}" for c in self.classes) | self.also

    def tell_notes(self) -> None:
        """Tell a person what they should know of it, where no result has room for that."""
        for note in self.notes:
            tell(f"{spelled_out(self.name)}: {note}")

    def where(self, keep: Callable[[Example], bool], name: str) -> DataSet:
        """The examples that ``keep`` accepts, under a new name."""
        return self.take([i for i, e in enumerate(self.examples) if keep(e)], name)

    def take(self, indices: Sequence[int] | IntArray, name: str) -> DataSet:
        """The examples at ``indices`` under a new name; pairs survive where both sides do."""
        kept = {int(i): new for new, i in enumerate(indices)}
        pairs = tuple((kept[a], kept[b], s) for a, b, s in self.pairs if a in kept and b in kept)
        return replace(self, name=name, examples=tuple(self.examples[i] for i in kept), pairs=pairs)


def _codes(names: Sequence[str], values: Iterable[str]) -> IntArray:
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[v] for v in values], dtype=np.int64)


def _named_codes(values: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    names = tuple(sorted(set(values)))
    return names, _codes(names, values)


def refuse_overlap(what: str, data: DataSet, classes: frozenset[str], remedy: str) -> None:
    """Raise DataError when ``data`` holds any of ``classes`` (as in ``DataSet.class_names``)."""
    shared = sorted(data.class_names & classes)
    if shared:
        names = ", ".join(s.split(":", 1)[1] for s in shared[:3]) + (", ..." if len(shared) > 3 else "")
        number = count(len(shared), "class", "classes")
        raise DataError(f"{data.name} shares {number} with {what} ({names}); {remedy}")
