"""A data set: named, immutable, lazily read. Nothing here knows a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from firstsight.datasets.contents import keys_of
from firstsight.errors import DataError, count
from firstsight.files import spelled_out
from firstsight.notices import tell
from firstsight.spelling import shown, spelled
from firstsight.types import Example, IntArray

OWN = "own"
"""Kind of a user's folders, manifests and frames."""
_FORMS = ("folder", "images", "manifest", "frame")
_NAMED = ("omniglot", "icons", "mnist", "mnist5k", "rocks")
_SHORT = 2  # letters of a name in which upper and lower case may well be two classes: A and a


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", shown(self.name))  # it goes into models, reports and messages

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
    def keys(self) -> tuple[str, ...]:
        """What tells the content of every example, as it is when this is first asked for: no name, place or time."""
        return keys_of(self.examples)

    @cached_property
    def content(self) -> str:
        """Hash of the examples' content, in their order: what names their readings in caches."""
        return _hashed(self.keys)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the examples' content, and of all that is learned from beside it: label, group and origin."""
        told = ((key, e.label, e.group, e.origin) for key, e in zip(self.keys, self.examples, strict=True))
        return _hashed("\0".join(one) for one in told)

    def reread(self, keys: Sequence[str]) -> None:
        """Take the keys of what was read in the end, where files changed since theirs were asked for."""
        for told in ("content", "fingerprint"):
            self.__dict__.pop(told, None)
        self.__dict__["keys"] = tuple(keys)

    @property
    def kind(self) -> str:
        """The name of its data set; ``own`` for a user's folders, manifests and frames, whose classes are one world."""
        kind = self.name.split(":", 1)[0]
        return OWN if kind in _FORMS else kind

    @property
    def class_names(self) -> frozenset[str]:
        """Classes qualified by the kind of data set, to tell whether two sets share classes."""
        if self.pairs:  # without labels: who is shown, as far as folders say
            return frozenset(qualified(self, e) for e in self.examples) | self.also
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
        made = replace(self, name=name, examples=tuple(self.examples[i] for i in kept), pairs=pairs)
        if "keys" in self.__dict__:  # no file is read twice for its key
            made.__dict__["keys"] = tuple(self.keys[i] for i in kept)
        return made


def _hashed(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _codes(names: Sequence[str], values: Iterable[str]) -> IntArray:
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[v] for v in values], dtype=np.int64)


def _named_codes(values: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    names = tuple(sorted(set(values)))
    return names, _codes(names, values)


def qualified(data: DataSet, example: Example) -> str:
    """The class of an example as in ``class_names``; of data given as pairs, the folder that its image lies in."""
    if data.pairs:
        *_, folder, _ = ("", "", *example.source.rsplit("/", 2))
        return f"{data.kind}:{spelled(folder)}"
    return example.label if example.label in data.also else f"{data.kind}:{example.label}"


def shared_classes(data: DataSet, classes: frozenset[str], *, same_names_are_different: bool = False) -> list[str]:
    """Classes of ``data`` that are among ``classes``, both qualified as in ``class_names``; sorted.

    A user's own class is that of any other data of the same name, whatever kind of data set stands before it, whether
    in upper or lower case, with blanks or underscores: ``rocks:andesite`` is ``Andesite``. Classes of two sets that
    FirstSight knows by name are told apart by these.

    Args:
        data: whose classes are looked for.
        classes: among which.
        same_names_are_different: a user's own classes are others under equal names (001, 002).
    """
    names = data.class_names
    ours, theirs = ({n for n in some if n.startswith(f"{OWN}:")} for some in (names, classes))
    if same_names_are_different:
        return sorted((names - ours) & classes)
    every, own = {_bare(n) for n in classes}, {_bare(n) for n in theirs}
    alike = {n for n in names if _bare(n) in (every if n in ours else own)}
    return sorted(n for n in (names & classes) | alike if n != f"{OWN}:")


def _bare(name: str) -> str:
    """A class by its own name, without kinds of data sets before it."""
    kind, colon, label = name.partition(":")
    while colon and kind in (OWN, *_FORMS, *_NAMED):
        name = label
        kind, colon, label = name.partition(":")
    name = " ".join(spelled(name).replace("_", " ").split()) or name
    return name.casefold() if len(name) > _SHORT else name


def refuse_overlap(
    what: str, data: DataSet, classes: frozenset[str], remedy: str, *, same_names_are_different: bool | None = None
) -> None:
    """Raise DataError when ``data`` holds any of ``classes``, see :func:`shared_classes`.

    Args:
        what: has these classes, such as "what the model was trained on".
        data: to measure on.
        classes: as in ``DataSet.class_names``.
        remedy: what to do instead.
        same_names_are_different: as there; None where the caller has no such choice to offer.
    """
    shared = shared_classes(data, classes, same_names_are_different=bool(same_names_are_different))
    if shared:
        names = ", ".join(s.split(":", 1)[1] for s in shared[:3]) + (", ..." if len(shared) > 3 else "")
        number = count(len(shared), "class", "classes")
        chance = same_names_are_different is False and (data.kind == OWN or any(c.startswith(OWN) for c in classes))
        others = "; or, where others have the same names, --same-names-are-different" if chance else ""
        raise DataError(f"{data.name} shares {number} with {what} ({names}); {remedy}{others}")
