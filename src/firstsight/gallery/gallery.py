"""Enroll, verify, identify, remove: the use of a model on identities."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from firstsight.errors import GalleryError, InputError, UsageError
from firstsight.gallery.asking import assigned, matched, verified
from firstsight.gallery.asking import fused as fuse
from firstsight.gallery.bound import Bound
from firstsight.gallery.enrolled import Blocks, Enrolled
from firstsight.gallery.gate import examine, overridden, refuse, sure_of
from firstsight.gallery.names import name, said_of, spelled, suits
from firstsight.gallery.taking import Taken, listed, take
from firstsight.model import Model
from firstsight.types import (
    Decision,
    Enrolment,
    Entry,
    Finding,
    FloatArray,
    Identity,
    Match,
    Reference,
    Removal,
    Source,
    Store,
)

Said = Mapping[str, str] | Iterable[str]
"""Metadata: a mapping, or ``key=value`` words."""


class Gallery(Bound):
    """Enrolled references in a durable store, bound to one model.

    Make one with :meth:`create` or :meth:`open`; the constructor only stores. Any number of threads may use one.

    Args:
        store: where references live.
        model: whose embeddings they are; None loads the recorded one when it is first needed.
    """

    def __init__(self, store: Store, model: Model | None, address: str | Path = "") -> None:
        super().__init__(store, model, address)
        self._enrolled = Enrolled()

    def enroll(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
    ) -> Enrolment:
        """Add references of an identity; returns after they are on disk. An image that it has already adds nothing.

        Args:
            identity: its name.
            sources: one or more images.
            metadata: said of each of these references.
            override: names of findings of the quality gate that are not to count, see :meth:`check`; ``all`` of them.

        Raises:
            InputError: a source cannot be read (nothing is stored then).
            QualityError: the quality gate has findings (nothing is stored then either).
            GalleryError: the identity is not a name.
            StorageError: the disk refused; what was stored before is intact.
        """
        return self._add(self._entry(identity, sources, metadata, override))

    def replace(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
    ) -> Enrolment:
        """As :meth:`enroll`, in place of all references that the identity had: the old ones, or the new.

        Raises:
            GalleryError: the identity is not enrolled.
        """
        return self._add(self._entry(identity, sources, metadata, override, replace=True), replace=True)

    def check(self, sources: Source | Sequence[Source], identity: str | None = None) -> builtins.list[Finding]:
        """What the quality gate has against enrolling these images, without enrolling them; nothing where all is well.

        Args:
            sources: one or more images.
            identity: whose they are to be, enrolled or not; without, of nobody who is enrolled.

        Raises:
            InputError: a source cannot be read.
            GalleryError: the identity is not a name.
        """
        taken, vectors = self._taken(sources)
        called = None if identity is None else name(identity)
        return examine(self.store, self.model, self.everybody(), called, taken, vectors)

    def _taken(self, sources: Source | Sequence[Source]) -> tuple[builtins.list[Taken], FloatArray]:
        several, keep = listed(sources), self.store.contract.keep_sources
        if not len(several):
            raise InputError("no image came, at least one was expected")
        taken = [take(self.model, source, keep=keep) for source in several]
        return taken, self.model.embed_arrays(np.concatenate([t.reading for t in taken]))

    def everybody(self) -> Blocks:
        """The templates of all who are enrolled now; of nobody where the calibration can't tell who looks alike."""
        return self._asked() if sure_of(self.model) else ()

    def _entry(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        metadata: Said,
        override: Iterable[str],
        *,
        replace: bool = False,
    ) -> Entry:
        called, said, passed = name(identity), said_of(metadata), overridden(override)
        if replace and not self.store.references(called):
            raise GalleryError(f"{identity!r} is not enrolled; enroll it first, or see firstsight list")
        taken, vectors = self._taken(sources)
        found = examine(self.store, self.model, self.everybody(), called, taken, vectors, replace=replace)
        refuse(found, passed, called)
        images = [t.image or b"" for t in taken] if self.store.contract.keep_sources else None
        return Entry(called, vectors, [t.place for t in taken], [t.key for t in taken], images, said)

    def _add(self, entry: Entry, *, replace: bool = False) -> Enrolment:
        [(added, count)] = self.store.add([entry], replace=replace)
        notes = repeated(len(entry.sources), added)
        if replace:
            notes += _notes(self.store.erase())
        return Enrolment(entry.identity, added, count, notes)

    def enroll_embeddings(
        self, identity: str, embeddings: FloatArray, sources: Sequence[str], *, metadata: Said = ()
    ) -> Enrolment:
        """As :meth:`enroll`, for references already embedded ``(n, d)``; ``sources`` says where they come from.

        Nothing tells whether two are of one image, so all of them are stored; no quality gate looks at them.
        """
        return self._add(Entry(name(identity), embeddings, sources, metadata=said_of(metadata)))

    def verify(self, identity: str, source: Source | Sequence[Source]) -> Decision:
        """Is this probe the identity? Its references are fused into one template.

        Args:
            identity: who it is said to be.
            source: the probe, or several of one thing, which are fused into one too.

        Raises:
            GalleryError: the identity is not enrolled.
            CalibrationError: the model is not calibrated.
            InputError: a probe cannot be read.
        """
        vectors = self.store.vectors(spelled(identity))
        if not len(vectors):
            raise GalleryError(f"{identity!r} is not enrolled; enroll it first, or see firstsight list")
        return verified(self.model, vectors, self._probes(source))

    def identify(self, source: Source | Sequence[Source], *, top: int = 5, fused: bool = False) -> Match:
        """Which enrolled identity is this probe, or unknown?

        Args:
            source: the probe; with ``fused``, several of one thing.
            top: how many candidates to list.
            fused: fuse the probes into one, which is surer than any of them.

        Raises:
            GalleryError: nobody is enrolled.
            CalibrationError: the model is not calibrated.
            InputError: a probe cannot be read.
            UsageError: several probes came that are not to be fused.
        """
        if not fused and len(listed(source)) != 1:
            raise UsageError(
                f"{len(listed(source))} probes came, one was expected; if they show one thing say fused=True, if each "
                "shows another use assign, or else ask for one at a time"
            )
        probes, shift = fuse(self.model, self._probes(source))
        return matched(self.model, self._asked(), probes, top=top, shift=shift)[0]

    def assign(self, sources: Source | Sequence[Source], *, top: int = 5) -> builtins.list[Match]:
        """Which identity is each of several different things, where none can be two of them? One match each, in order.

        Args:
            sources: images, each of which may show several things.
            top: how many candidates to list.

        Raises:
            GalleryError: nobody is enrolled.
            CalibrationError: the model is not calibrated.
            InputError: a probe cannot be read.
            UsageError: more probes than can be assigned at once.
        """
        arrays = [self.model.read_all(source) for source in listed(sources)]
        probes = self.model.embed_arrays(np.concatenate(arrays)) if arrays else self.model.embed([])
        return assigned(self.model, self._asked(), probes, top=top)

    def match_embeddings(self, embeddings: FloatArray, *, top: int = 5) -> builtins.list[Match]:
        """As :meth:`identify`, for probes already embedded ``(n, d)``."""
        return matched(self.model, self._asked(), embeddings, top=top)

    def _asked(self) -> Blocks:
        return self._enrolled.now(self.store, self.model)

    def _probes(self, source: Source | Sequence[Source]) -> FloatArray:
        if not len(listed(source)):
            raise InputError("no probe came, at least one image was expected")
        return self.model.embed(source)

    def rename(self, identity: str, to: str) -> Removal:
        """Give an identity another name, which must be free.

        Raises:
            GalleryError: it is not enrolled, or the other name is, or is none.
        """
        before, after = spelled(identity), name(to)
        if before == after:
            raise GalleryError(f"{identity!r} is its name already; give another one")
        return self._receipt(before, self.store.rename(before, after), into=after)

    def merge(self, identity: str, into: str) -> Removal:
        """Give all references of an identity to another one; what is said of it too, where nothing is said yet.

        Raises:
            GalleryError: either is not enrolled, or both are one.
        """
        before, after = spelled(identity), spelled(into)
        return self._receipt(before, self.store.merge(before, after), into=after)

    def remove(self, identity: str) -> Removal:
        """Delete an identity, its references and what was kept and said of them, out of every file of the store.

        Raises:
            GalleryError: it is not enrolled.
        """
        return self._receipt(spelled(identity), self.store.remove(spelled(identity)))

    def _receipt(self, identity: str, count: int, into: str | None = None) -> Removal:
        erased = self.store.erase()
        return Removal(identity, count, into, erased, _notes(erased))

    def annotate(self, identity: str, metadata: Said) -> Identity:
        """Say more of an identity; an empty value takes a key away.

        Raises:
            GalleryError: it is not enrolled, or that is no metadata.
        """
        return self.store.annotate(spelled(identity), said_of(metadata, empty=True))

    def identities(self, *, search: str | None = None, where: Said = ()) -> builtins.list[Identity]:
        """Who is enrolled, first enrolled first.

        Args:
            search: only names that hold this, in capitals or not.
            where: only those of which this is said.
        """
        asked, word = said_of(where), spelled(search or "").casefold()
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
            GalleryError: the identity is not enrolled.
        """
        asked, word = said_of(where), spelled(search or "").casefold()
        found = self.store.references(None if identity is None else spelled(identity))
        if identity is not None and not found:
            raise GalleryError(f"{identity!r} is not enrolled; see firstsight identities {self.address}")
        said = {i.identity: i.metadata for i in self.store.identities()} if asked else {}
        return [
            r for r in found if word in r.identity.casefold() and suits(asked, r.metadata, said.get(r.identity, {}))
        ]


def repeated(asked: int, added: int) -> tuple[str, ...]:
    """What a receipt notes of references that were there before."""
    return () if added == asked else (f"{asked - added} of {asked} enrolled already",)


def _notes(erased: bool) -> tuple[str, ...]:
    if erased:
        return ()
    return ("another process is reading the store; the bytes go with the next write, or when the last one closes it",)
