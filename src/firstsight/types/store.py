"""What a store of galleries takes, gives and promises; every store goes through ``tests/conformance``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from firstsight.types.events import Event
from firstsight.types.values import FloatArray, Identity, IntArray, Reference

Lengths: TypeAlias = tuple[float, float]
"""The least and the greatest length (L2) that a vector may have."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What binds a gallery to its model.

    Attributes:
        model: shipped name or absolute path of the model.
        fingerprint: of that model; another one's vectors must not mix with these.
        dim: length of a vector.
        keep_sources: whether the images of references are kept in the store.
        lengths: asks the model for those of its vectors; not stored, see :meth:`Store.expect`.
    """

    model: str
    fingerprint: str
    dim: int
    keep_sources: bool = False
    lengths: Callable[[], Lengths] | None = field(default=None, compare=False, repr=False)


class Entry(NamedTuple):
    """References of one identity, to be stored; a tuple, since a hundred thousand are made at once.

    Attributes:
        identity: its name.
        vectors: ``(n, d)`` float32.
        sources: where each comes from.
        keys: hash of what each was made from; the identity has each at most once. None, or "", says nothing.
        images: bytes of the image each was made from, where they are to be kept.
        metadata: said of each.
        created: when they were stored first (UTC), where that was not now.
    """

    identity: str
    vectors: FloatArray
    sources: Sequence[str]
    keys: Sequence[str] | None = None
    images: Sequence[bytes] | None = None
    metadata: Mapping[str, str] = MappingProxyType({})
    created: str = ""


State: TypeAlias = tuple[int, ...]
"""Where a store stands; where the first number is another, all that was read before is void."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some identities as they are now: ``ids (m,)`` rising, ``names`` (None for one that is gone), references
    ``vectors (r, d)`` and ``owners (r,)``, the place of each one's identity among the ``ids``; each name has one."""

    ids: IntArray
    names: Sequence[str | None]
    vectors: FloatArray
    owners: IntArray


class Store(Protocol):
    """A durable place for one gallery. A write is on disk, whole, when its method returns; else it left no trace.

    Identities are unknown to :meth:`remove`, :meth:`rename`, :meth:`merge` and :meth:`annotate` with GalleryError; a
    write that the system refuses is a StorageError. Any thread may call.

    ``events`` of a write are recorded with it, in the same moment: neither is there without the other. Their ``id``,
    ``at`` and ``kept`` are the store's to give.
    """

    @property
    def contract(self) -> Contract:
        """What binds the gallery to its model."""

    def expect(self, lengths: Callable[[], Lengths]) -> None:
        """Refuse vectors of other lengths from now on, those that come and those that are read; asked when needed.

        Until then, and in a gallery whose model is not loaded, they are to be finite.
        """

    def add(
        self, entries: Sequence[Entry], *, replace: bool = False, events: Sequence[Event] = ()
    ) -> list[tuple[int, int]]:
        """Store all entries or none; for each how many references are new, and how many its identity now has.

        Vectors that are not finite, or not of the lengths that the model's have, are refused with GalleryError.

        With ``replace``, what the identities had before goes in the same moment, and an unknown one is refused.
        """

    def remove(self, identity: str, *, events: Sequence[Event] = ()) -> int:
        """Delete an identity and the events about it; how many references it had."""

    def rename(self, identity: str, to: str, *, events: Sequence[Event] = ()) -> int:
        """Give an identity, and the events about it, a name that is free; how many references it has."""

    def merge(self, identity: str, into: str, *, events: Sequence[Event] = ()) -> int:
        """Give all references and events of an identity to another one; how many references there were.

        What both had stays once.
        """

    def annotate(self, identity: str, metadata: Mapping[str, str], *, events: Sequence[Event] = ()) -> Identity:
        """Say more of an identity; an empty value takes a key away."""

    def record(self, events: Sequence[Event], images: Sequence[bytes | None] = ()) -> list[int]:
        """Store events, each with the image that is to be kept of it, if any; their ids.

        Raises:
            GalleryError: one is about somebody who is not enrolled (any more); nothing is stored then.
        """

    def events(
        self,
        *,
        identity: str | None = None,
        verb: str | None = None,
        since: str | None = None,
        until: str | None = None,
        after: int | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> list[Event]:
        """Events in the order of their ids.

        Args:
            identity: only about this one.
            verb: only of this verb.
            since, until: only from this moment, only before that one; written as in Event.
            after: only those with a higher id.
            limit: the first so many of them.
            last: or the last so many of them.
        """

    def event_image(self, event: int) -> bytes | None:
        """The image kept of an event."""

    def forget(self, before: str) -> int:
        """Delete all events before a moment; how many."""

    def erase(self) -> bool:
        """Whether what was removed is out of every file; tries to bring that about."""

    def identities(self, *, after: str | None = None, limit: int | None = None) -> list[Identity]:
        """All of them, first enrolled first; or the first so many after one of them, of which no others are read.

        Raises:
            GalleryError: the one is not enrolled.
        """

    def references(self, identity: str | None = None, *, after: int = 0, limit: int | None = None) -> list[Reference]:
        """All of them, or of one identity, oldest first; or the first so many of a higher id, and no other is read."""

    def rows(self) -> Iterator[tuple[list[Reference], FloatArray]]:
        """All references with their vectors ``(n, d)``, oldest first, some at a time."""

    def damaged(self) -> list[Reference]:
        """References whose vector can't be read, is not finite, or is of no length that the model's have."""

    def image(self, reference: int) -> bytes | None:
        """The image kept of a reference."""

    def vectors(self, identity: str) -> FloatArray:
        """References ``(k, d)`` of an identity, oldest first; none of an unknown one."""

    def known(self, keys: Sequence[str]) -> set[tuple[str, str]]:
        """``(identity, key)`` of the references that have one of these keys."""

    def nearest(self, identity: str) -> str | None:
        """The name that was probably meant by one that nobody has, for a message; not all names need be compared."""

    def said(self, identities: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """What is said of each of these identities that is enrolled."""

    def state(self) -> State:
        """Where the store stands, commits of other processes included; another after each that touched the gallery."""

    def changes(self, since: State | None) -> Iterator[Portion]:
        """Identities touched since then, or all there are."""

    def switch(self, contract: Contract, ids: IntArray, vectors: FloatArray) -> bool:
        """Bind the gallery to another model, whose vectors ``(n, d)`` are of the references ``ids (n,)``.

        False, and nothing changes, where these are not exactly the references there are.
        """

    def close(self) -> None:
        """Release the store."""
