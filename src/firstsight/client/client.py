"""A service from Python: the verbs, results and errors of :class:`firstsight.Gallery`, over HTTP.

with firstsight.Client("http://localhost:8000", key=secret) as gallery:
    gallery.enroll("alice", "alice.jpg")
    print(gallery.identify("door.jpg").identity)
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import numpy as np

from firstsight.client.fields import Said, day_of, files_of, images_of, names_of, told_of, words_of
from firstsight.client.wire import Wire, parsed
from firstsight.errors import MissingError, UsageError
from firstsight.inputs.decode import bytes_of, listed
from firstsight.types import (
    Decision,
    Dropped,
    Embeddings,
    Enrolment,
    Event,
    Finding,
    FloatArray,
    Forgotten,
    GalleryInfo,
    Identity,
    Match,
    ModelInfo,
    Presence,
    Record,
    Reference,
    Removal,
    Source,
)

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
_PAGE = 1000


class Client:
    """A gallery of a service.

    A request that was refused because the service is busy is asked again when the service says so: nothing of it was
    done. One that failed otherwise, or got no answer, is asked again only where asking twice does no harm: an image is
    enrolled once, however often it comes, but a second ``remove`` would say that nobody is there.

    Images are what :class:`firstsight.Gallery` takes too: paths, bytes, open files, Pillow images, pixels in RGB.

    Args:
        url: of the service, such as ``http://localhost:8000``.
        key: the secret of a key, where the service has keys.
        gallery: which of its galleries.
        timeout: seconds for one request.
        retries: how often to ask again.
        transport: of httpx2, for tests.

    Raises:
        UsageError: ``firstsight[serve]`` is not installed, or the URL is none.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        gallery: str = "main",
        timeout: float = 30.0,
        retries: int = 5,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.gallery = gallery
        self._wire = Wire(url, key=key, timeout=timeout, retries=retries, transport=transport)

    def enroll(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
        record: Record | None = None,
    ) -> Enrolment:
        """See :meth:`firstsight.Gallery.enroll`."""
        return self._new("enroll", identity, sources, metadata, override, record)

    def replace(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
        record: Record | None = None,
    ) -> Enrolment:
        """See :meth:`firstsight.Gallery.replace`."""
        return self._new("replace", identity, sources, metadata, override, record)

    def _new(
        self,
        verb: str,
        identity: str,
        sources: Source | Sequence[Source],
        metadata: Said,
        override: Iterable[str],
        record: Record | None,
    ) -> Enrolment:
        said = {"metadata": words_of(metadata), "override": names_of(override)}
        return self._send(
            Enrolment, verb, {"identity": identity, **said, **told_of(record)}, images_of(sources), again=True
        )

    def check(self, sources: Source | Sequence[Source], identity: str | None = None) -> builtins.list[Finding]:
        """See :meth:`firstsight.Gallery.check`."""
        fields = {} if identity is None else {"identity": identity}
        return self._send(builtins.list[Finding], "check", fields, images_of(sources), again=True)

    def verify(self, identity: str, source: Source | Sequence[Source], *, record: Record | None = None) -> Decision:
        """See :meth:`firstsight.Gallery.verify`."""
        fields = {"identity": identity, **told_of(record)}
        return self._send(Decision, "verify", fields, images_of(source), again=record is None)

    def identify(
        self,
        source: Source | Sequence[Source],
        *,
        top: int = 5,
        fused: bool = False,
        record: Record | None = None,
    ) -> Match:
        """See :meth:`firstsight.Gallery.identify`."""
        if not fused and len(listed(source)) != 1:
            raise UsageError(
                f"{len(listed(source))} probes came, one was expected; if they show one thing say fused=True, if each "
                "shows another use assign, or else ask for one at a time"
            )
        fields = {"top": str(top), "fused": str(fused).lower(), **told_of(record)}
        [match] = self._send(builtins.list[Match], "identify", fields, images_of(source), again=record is None)
        return match

    def assign(
        self, sources: Source | Sequence[Source], *, top: int = 5, record: Record | None = None
    ) -> builtins.list[Match]:
        """See :meth:`firstsight.Gallery.assign`."""
        if not len(listed(sources)):
            return []
        fields = {"top": str(top), "one_to_one": "true", **told_of(record)}
        return self._send(builtins.list[Match], "identify", fields, images_of(sources), again=record is None)

    def rename(self, identity: str, to: str, *, record: Record | None = None) -> Removal:
        """See :meth:`firstsight.Gallery.rename`."""
        return self._send(Removal, "rename", {"identity": identity, "to": to, **told_of(record)})

    def merge(self, identity: str, into: str, *, record: Record | None = None) -> Removal:
        """See :meth:`firstsight.Gallery.merge`."""
        return self._send(Removal, "merge", {"identity": identity, "into": into, **told_of(record)})

    def remove(self, identity: str, *, record: Record | None = None) -> Removal:
        """See :meth:`firstsight.Gallery.remove`."""
        return self._send(Removal, "remove", {"identity": identity, **told_of(record)})

    def annotate(self, identity: str, metadata: Said, *, record: Record | None = None) -> Identity:
        """See :meth:`firstsight.Gallery.annotate`."""
        fields = {"identity": identity, "metadata": words_of(metadata), **told_of(record)}
        return self._send(Identity, "annotate", fields, again=record is None)

    def identities(self, *, search: str | None = None, where: Said = ()) -> builtins.list[Identity]:
        """See :meth:`firstsight.Gallery.identities`."""
        found: builtins.list[Identity] = []
        asked = {"search": search, "where": words_of(where), "limit": _PAGE}
        while True:
            after = found[-1].identity if found else None
            try:
                page = self._get(builtins.list[Identity], "identities", {**asked, "after": after})
            except MissingError:
                if not found:
                    raise
                found.clear()  # who stood at the end of a page went meanwhile
                continue
            found += page
            if len(page) < _PAGE:
                return found

    def list(
        self, *, identity: str | None = None, search: str | None = None, where: Said = ()
    ) -> builtins.list[Reference]:
        """See :meth:`firstsight.Gallery.list`."""
        found: builtins.list[Reference] = []
        asked = {"identity": identity, "search": search, "where": words_of(where), "limit": _PAGE}
        while True:
            after = found[-1].id if found else None
            page = self._get(builtins.list[Reference], "references", {**asked, "after": after})
            found += page
            if len(page) < _PAGE:
                return found

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
        """See :meth:`firstsight.Gallery.events`; they come a page at a time, except the ``last``, at most 10,000."""
        asked = {"identity": identity, "verb": verb, "since": day_of(since), "until": day_of(until)}
        if last is not None:
            return self._get(builtins.list[Event], "events", {**asked, "after": after, "limit": limit, "last": last})
        found: builtins.list[Event] = []
        while True:
            begin = found[-1].id if found else after
            most = _PAGE if limit is None else min(_PAGE, limit - len(found))
            page = self._get(builtins.list[Event], "events", {**asked, "after": begin, "limit": most})
            found += page
            if len(page) < most or len(found) == limit:
                return found

    def attendance(
        self,
        *,
        day: str | date | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        identity: str | None = None,
        zone: str | None = None,
        longest: float | None = None,
    ) -> builtins.list[Presence]:
        """Who was there, by day; see ``firstsight attendance``."""
        days = {"day": day_of(day), "since": day_of(since), "until": day_of(until)}
        asked = {**days, "identity": identity, "zone": zone, "longest": longest}
        return self._get(builtins.list[Presence], "attendance", asked)

    def forget(self, before: str | date) -> Forgotten:
        """See :meth:`firstsight.Gallery.forget`."""
        return self._send(Forgotten, "forget", {"before": str(before)}, again=True)

    def image(self, reference: int) -> bytes:
        """The image kept of a reference, as PNG.

        Raises:
            MissingError: none is kept.
        """
        return self._wire.ask("GET", self._place(f"references/{reference}/image"), again=True)

    def event_image(self, event: int) -> bytes:
        """The probe kept of an event, as PNG.

        Raises:
            MissingError: none is kept.
        """
        return self._wire.ask("GET", self._place(f"events/{event}/image"), again=True)

    def compare(self, left: Source, right: Source) -> Decision:
        """Are these two the same, for the service's model?"""
        images = [("left", bytes_of(left)), ("right", bytes_of(right))]
        return parsed(Decision, self._wire.ask("POST", "compare", files=files_of(images), again=True))

    def embed(self, sources: Source | Sequence[Source]) -> FloatArray:
        """Embeddings ``(n, d)`` of one source or a sequence of them, by the service's model."""
        made = parsed(Embeddings, self._wire.ask("POST", "embed", files=files_of(images_of(sources)), again=True))
        return np.array(made.embeddings, np.float32)

    def model(self) -> ModelInfo:
        """What the service says of its model."""
        return parsed(ModelInfo, self._wire.ask("GET", "model", again=True))

    def galleries(self) -> builtins.list[GalleryInfo]:
        """The galleries of the service."""
        return parsed(builtins.list[GalleryInfo], self._wire.ask("GET", "galleries", again=True))

    def create(self, gallery: str, *, keep_sources: bool = False) -> Client:
        """Make an empty gallery of the service's model; from now on this client is of it."""
        content = {"gallery": gallery, "keep_sources": keep_sources}
        self._wire.ask("POST", "galleries", json=content)
        self.gallery = gallery
        return self

    def drop(self) -> Dropped:
        """Delete this gallery with everything in it."""
        return parsed(Dropped, self._wire.ask("POST", self._place("drop")))

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, what: str) -> str:
        return f"galleries/{quote(self.gallery, safe='')}/{what}"

    def _get(self, kind: type[T], what: str, asked: Mapping[str, Any]) -> T:
        given = {k: v for k, v in asked.items() if v is not None}
        return parsed(kind, self._wire.ask("GET", self._place(what), params=given, again=True))

    def _send(
        self,
        kind: type[T],
        verb: str,
        fields: Mapping[str, Any],
        images: Sequence[tuple[str, bytes]] = (),
        *,
        again: bool = False,
    ) -> T:
        if images:
            return parsed(
                kind, self._wire.ask("POST", self._place(verb), data=dict(fields), files=files_of(images), again=again)
            )
        content = {k: (v == "true" if k == "record" else v) for k, v in fields.items()}
        return parsed(kind, self._wire.ask("POST", self._place(verb), json=content, again=again))


__all__ = ["Client"]
