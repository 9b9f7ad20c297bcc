"""Looking into a gallery, which needs no model: who is enrolled, their references, what happened."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

from firstsight.errors import MissingError, UsageError, guessed, unknown
from firstsight.gallery.audit import VERBS, moment
from firstsight.gallery.names import Said, said_of, spelled, suits
from firstsight.types import Event, Identity, Reference, Store

T = TypeVar("T")


class Looking:
    """The verbs of :class:`firstsight.Gallery` that only read its store; not made by itself.

    Attributes:
        store: where references and events live.
        address: of the store.
    """

    store: Store
    address: str | Path

    def identities(self, *, search: str | None = None, where: Said = ()) -> builtins.list[Identity]:
        """Who is enrolled, first enrolled first.

        Args:
            search: only names that hold this, in capitals or not.
            where: only those of which this is said.
        """
        asked, word = said_of(where, new=False), spelled(search or "").casefold()
        found = self.store.identities()
        return [i for i in found if word in i.identity.casefold() and suits(asked, i.metadata)]

    def list(
        self, *, identity: str | None = None, search: str | None = None, where: Said = ()
    ) -> builtins.list[Reference]:
        """References, oldest first.

        Args:
            identity: only of this one.
            search: only where the name holds this, in capitals or not.
            where: only where this is said of the reference, or else of its identity.

        Raises:
            MissingError: the identity is not enrolled.
        """
        asked, word = said_of(where, new=False), spelled(search or "").casefold()
        found = self.store.references(None if identity is None else spelled(identity))
        if identity is not None and not found:
            raise self.missing(identity, f"; see firstsight identities {self.address}")
        said = {i.identity: i.metadata for i in self.store.identities()} if asked else {}
        return [
            r for r in found if word in r.identity.casefold() and suits(asked, r.metadata, said.get(r.identity, {}))
        ]

    def identities_page(
        self, *, limit: int, after: str | None = None, search: str | None = None, where: Said = ()
    ) -> builtins.list[Identity]:
        """The first so many of :meth:`identities` after one that is enrolled, of which no more are read than needed.

        Raises:
            MissingError: the one is not enrolled.
        """
        asked, word = said_of(where, new=False), spelled(search or "").casefold()

        def read(last: Identity | None, most: int) -> builtins.list[Identity]:
            return self.store.identities(after=after if last is None else last.identity, limit=most)

        return _page(read, lambda i: word in i.identity.casefold() and suits(asked, i.metadata), limit)

    def references_page(
        self,
        *,
        limit: int,
        after: int = 0,
        identity: str | None = None,
        search: str | None = None,
        where: Said = (),
    ) -> builtins.list[Reference]:
        """The first so many of :meth:`list` with a higher id, of which no more are read than needed.

        Raises:
            MissingError: the identity is not enrolled.
        """
        asked, word = said_of(where, new=False), spelled(search or "").casefold()
        name = None if identity is None else spelled(identity)
        if name is not None and not self.store.references(name, limit=1):
            raise self.missing(name, f"; see firstsight identities {self.address}")
        said: dict[str, Mapping[str, str]] = {}

        def read(last: Reference | None, most: int) -> builtins.list[Reference]:
            some = self.store.references(name, after=after if last is None else last.id, limit=most)
            if asked:
                said.clear()
                said.update(self.store.said({r.identity for r in some}))
            return some

        def fits(r: Reference) -> bool:
            return word in r.identity.casefold() and suits(asked, r.metadata, said.get(r.identity, {}))

        return _page(read, fits, limit)

    def events(
        self,
        *,
        identity: str | None = None,
        verb: str | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        after: int | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> builtins.list[Event]:
        """What was recorded, in the order of the events' numbers.

        Args:
            identity: only about this one.
            verb: only of this verb.
            since, until: a day, which is in it with its beginning and its end, or a moment; UTC where nothing is said.
            after, limit: the first so many with a number above this one: the next page.
            last: the newest so many.

        Raises:
            MissingError: the identity is not enrolled.
            UsageError: a verb, a time or a number that is none.
        """
        if verb is not None and verb not in VERBS:
            raise unknown("verb that is recorded", verb, VERBS)
        for what, number in (("limit", limit), ("last", last)):
            if number is not None and number < 1:
                raise UsageError(f"{what} is {number}, at least 1 was expected")
        if limit is not None and last is not None:
            raise UsageError("either limit, for the first events, or last, for the newest; not both")
        name = None if identity is None else spelled(identity)
        found = self.store.events(
            identity=name,
            verb=verb,
            since=None if since is None else moment(since),
            until=None if until is None else moment(until, end=True),
            after=after,
            limit=limit,
            last=last,
        )
        if not found and name is not None and not self.store.references(name, limit=1):
            raise self.missing(name, ", so no event is about it; see firstsight identities")
        return found

    def missing(self, identity: str, advice: str) -> MissingError:
        """The error for who is not enrolled, with who was probably meant."""
        return MissingError(f"{identity!r} is not enrolled{guessed(self.store.nearest(spelled(identity)))}{advice}")

    def event_image(self, event: int) -> bytes | None:
        """The probe kept of an event, as it came."""
        return self.store.event_image(event)


_BLOCK = 4096  # rows that are looked at together, where few of them fit


def _page(read: Callable[[T | None, int], list[T]], fits: Callable[[T], bool], limit: int) -> list[T]:
    """The first so many that fit, reading a page first and blocks only while that was not enough."""
    found: list[T] = []
    last, most = None, limit
    while True:
        some = read(last, most)
        found += [one for one in some if fits(one)]
        if len(found) >= limit or len(some) < most:
            return found[:limit]
        last, most = some[-1], _BLOCK
