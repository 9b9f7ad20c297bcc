"""Enroll, verify, identify, remove: the use of a model on identities."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import replace as dc_replace
from datetime import date
from pathlib import Path

import numpy as np

from firstsight.answer import crowded
from firstsight.decision import with_notes
from firstsight.errors import GalleryError, InputError, UsageError
from firstsight.gallery.asking import assigned, matched, verified
from firstsight.gallery.asking import fused as fuse
from firstsight.gallery.audit import answered, done, moment, probe
from firstsight.gallery.bound import Bound
from firstsight.gallery.enrolled import Blocks, Enrolled
from firstsight.gallery.gate import examine, overridden, refuse, sure_of, unreadable
from firstsight.gallery.looking import Looking
from firstsight.gallery.names import Said, name_in, said_of, spelled
from firstsight.gallery.notes import repeated
from firstsight.gallery.several import Probes
from firstsight.gallery.taking import Taken, noted, take
from firstsight.inputs.decode import listed
from firstsight.inputs.several import read_whole, readable
from firstsight.model import Model
from firstsight.stores.listing import later
from firstsight.types import (
    Decision,
    Enrolment,
    Entry,
    Finding,
    FloatArray,
    Forgotten,
    Identity,
    Match,
    Record,
    Removal,
    Source,
    Store,
)
from firstsight.vectors import checked


class Gallery(Bound, Looking):
    """Enrolled references in a durable store, bound to one model.

    Make one with :meth:`create` or :meth:`open`; the constructor only stores. Any number of threads may use one.

    A verb with ``record`` leaves an :class:`Event`, on disk when the verb returns; where it can't be stored, the verb
    fails. A write and its event are one transaction. Nothing is recorded unless it is asked for.

    Args:
        store: where references live.
        model: whose embeddings they are; None loads the recorded one when it is first needed.
    """

    def __init__(self, store: Store, model: Model | None, address: str | Path = "") -> None:
        super().__init__(store, model, address)
        self._enrolled = Enrolled()
        self._elder: Gallery | None = None

    def beside(self) -> Gallery:
        """This gallery on a connection of its own, to write with: who asks the one never waits for what the other
        writes. Both look at the same templates, which are in memory once; close both.

        Raises:
            GalleryError: it was rebuilt or dropped since it was opened.
        """
        made = Gallery.open(self.address, self.model)
        made._elder = self
        return made

    def enroll(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
        record: Record | None = None,
    ) -> Enrolment:
        """Add references of an identity; returns after they are on disk. An image that it has already adds nothing.

        Args:
            identity: its name.
            sources: one or more images; pixels are RGB.
            metadata: said of each of these references.
            override: names of findings of the quality gate that are not to count, see :meth:`check`; ``all`` of them.
            record: leaves an event.

        Raises:
            InputError: a source cannot be read (nothing is stored then).
            QualityError: the quality gate has findings (nothing is stored then either).
            GalleryError: the identity is not a name.
            StorageError: the disk refused; what was stored before is intact.
        """
        made = self._add(*self._entry(identity, sources, metadata, override), record=record)
        return dc_replace(made, notes=(*made.notes, *self._crowded())) if made.added == made.references else made

    def replace(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        override: Iterable[str] = (),
        record: Record | None = None,
    ) -> Enrolment:
        """As :meth:`enroll`, in place of all references that the identity had: the old ones, or the new.

        Raises:
            GalleryError: the identity is not enrolled.
        """
        made = self._entry(identity, sources, metadata, override, replace=True)
        return self._add(*made, replace=True, record=record)

    def check(self, sources: Source | Sequence[Source], identity: str | None = None) -> builtins.list[Finding]:
        """What the quality gate has against enrolling these images, without enrolling them; nothing where all is well.

        Args:
            sources: one or more images; pixels are RGB.
            identity: whose they are to be, enrolled or not; without, of nobody who is enrolled.

        Of several, one that cannot be read is a finding too, called ``unreadable``.

        Raises:
            InputError: the only source cannot be read, or none of them.
            GalleryError: the identity is not a name.
        """
        called = None if identity is None else name_in(self.store, identity)
        several, keep = listed(sources), self.store.contract.keep_sources
        taken, lost = readable(lambda one: take(self.model, one, keep=keep), several)
        vectors = self._embedded(taken)
        return [*examine(self.store, self.model, self.everybody(), called, taken, vectors), *map(unreadable, lost)]

    def _crowded(self) -> tuple[str, ...]:
        """What is said of a gallery that has grown too large for its threshold."""
        blocks = self.everybody()
        size = sum(len(block.ids) for block in blocks) if blocks else len(self.store.identities())
        return crowded(self.model.calibration, size)

    def _taken(self, sources: Source | Sequence[Source]) -> tuple[builtins.list[Taken], FloatArray]:
        several, keep = listed(sources), self.store.contract.keep_sources
        taken = read_whole(lambda one: take(self.model, one, keep=keep), several, "nothing was enrolled")
        return taken, self._embedded(taken)

    def _embedded(self, taken: Sequence[Taken]) -> FloatArray:
        if not taken:
            raise InputError("no image came, at least one was expected")
        return self.model.embed_arrays(np.concatenate([t.reading for t in taken]))

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
    ) -> tuple[Entry, tuple[str, ...]]:
        called, said, passed = name_in(self.store, identity), said_of(metadata), overridden(override)
        if replace and not self.store.references(called, limit=1):
            raise self.missing(identity, "; enroll it first, or see firstsight identities")
        taken, vectors = self._taken(sources)
        found = examine(self.store, self.model, self.everybody(), called, taken, vectors, replace=replace)
        refuse(found, passed, called)
        images = [t.image or b"" for t in taken] if self.store.contract.keep_sources else None
        return Entry(called, vectors, [t.place for t in taken], [t.key for t in taken], images, said), noted(taken)

    def _add(
        self, entry: Entry, seen: tuple[str, ...] = (), *, replace: bool = False, record: Record | None = None
    ) -> Enrolment:
        events = done(self.store, "replace" if replace else "enroll", entry.identity, record)
        [(added, count)] = self.store.add([entry], replace=replace, events=events)
        notes = (*repeated(len(entry.sources), added), *seen)
        if replace:
            notes += later(self.store.erase())
        return Enrolment(entry.identity, added, count, notes)

    def enroll_embeddings(
        self,
        identity: str,
        embeddings: FloatArray,
        sources: Sequence[str],
        *,
        metadata: Said = (),
        record: Record | None = None,
    ) -> Enrolment:
        """As :meth:`enroll`, for references already embedded ``(n, d)``; ``sources`` says where they come from.

        Nothing tells whether two are of one image, so all of them are stored; no quality gate looks at them.
        GalleryError where they are not finite, or not of the model's :attr:`~Model.lengths`.
        """
        self._bind(self.model)  # it knows the lengths
        entry = Entry(name_in(self.store, identity), embeddings, sources, metadata=said_of(metadata))
        return self._add(entry, record=record)

    def verify(self, identity: str, source: Source | Sequence[Source], *, record: Record | None = None) -> Decision:
        """Is this probe the identity? Its references are fused into one template.

        Args:
            identity: who it is said to be.
            source: the probe (pixels are RGB), or several of one thing, which are fused into one too.
            record: leaves an event.

        Raises:
            GalleryError: the identity is not enrolled.
            CalibrationError: the model is not calibrated.
            InputError: a probe cannot be read.
        """
        called = spelled(identity)
        vectors = self.store.vectors(called)
        if not len(vectors):
            raise self.missing(identity, "; enroll it first, or see firstsight identities")
        probes, images, seen = self._probes(source, record)
        decision = with_notes(verified(self.model, vectors, probes), seen)
        if record is not None:
            answered(self.store, "verify", [(called, decision)], record, images[:1])
        return decision

    def identify(
        self,
        source: Source | Sequence[Source],
        *,
        top: int = 5,
        fused: bool = False,
        record: Record | None = None,
    ) -> Match:
        """Which enrolled identity is this probe, or unknown?

        Args:
            source: the probe (pixels are RGB); with ``fused``, several of one thing.
            top: how many candidates to list.
            fused: fuse the probes into one, which is surer than any of them.
            record: leaves an event.

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
        probes, images, seen = self._probes(source, record)
        vector, shift = fuse(self.model, probes)
        made = [with_notes(m, seen) for m in matched(self.model, self._asked(), vector, top=top, shift=shift)]
        return self._identified(made, record, images[:1])[0]

    def assign(
        self, sources: Source | Sequence[Source], *, top: int = 5, record: Record | None = None
    ) -> builtins.list[Match]:
        """Which identity is each of several different things, where none can be two of them? One match each, in order.

        Args:
            sources: images (pixels are RGB), each of which may show several things.
            top: how many candidates to list.
            record: leaves an event for each thing, all in one transaction.

        Raises:
            GalleryError: nobody is enrolled.
            CalibrationError: the model is not calibrated.
            InputError: the only probe cannot be read.
            BatchError: some of several cannot be read; the others are assigned, and it holds their answers.
            UsageError: more probes than can be assigned at once.
        """
        several = listed(sources)
        if not len(several):
            return []
        probes = Probes.of(self.model, self.model.reading_of_all, several, record)
        given = probes.noted(assigned(self.model, self._asked(), probes.vectors, top=top))
        return probes.answered(self._identified(given, record, probes.images))

    def match_embeddings(
        self,
        embeddings: FloatArray,
        *,
        top: int = 5,
        record: Record | None = None,
        images: Sequence[bytes | None] = (),
    ) -> builtins.list[Match]:
        """As :meth:`identify`, for probes already embedded ``(n, d)``, of the model's :attr:`~Model.lengths`; their
        ``images`` where they are to be kept."""
        probes = checked(embeddings, (len(embeddings), self.model.dim), self.model.lengths, "a probe")
        return self._identified(matched(self.model, self._asked(), probes, top=top), record, images)

    def _identified(
        self, made: builtins.list[Match], record: Record | None, images: Sequence[bytes | None]
    ) -> builtins.list[Match]:
        if record is not None and made:
            answered(self.store, "identify", [(m.identity, m) for m in made], record, images)
        return made

    def _asked(self) -> Blocks:
        one = self._elder or self
        return one._enrolled.now(one.store, one.model)

    def _probes(
        self, source: Source | Sequence[Source], record: Record | None
    ) -> tuple[FloatArray, builtins.list[bytes | None], builtins.list[str]]:
        several = listed(source)
        if not len(several):
            raise InputError("no probe came, at least one image was expected")
        read = read_whole(lambda one: probe(self.model.reading, one, record), several, "ask again without")
        vectors = self.model.embed_arrays(np.concatenate([reading.arrays for reading, _ in read]))
        return vectors, [image for _, image in read], [note for reading, _ in read for note in reading.notes]

    def rename(self, identity: str, to: str, *, record: Record | None = None) -> Removal:
        """Give an identity another name, which must be free.

        Raises:
            GalleryError: it is not enrolled, or the other name is, or is none.
        """
        before, after = spelled(identity), name_in(self.store, to)
        if before == after:
            raise GalleryError(f"{identity!r} is its name already; give another one")
        events = done(self.store, "rename", after, record)
        return self._receipt(before, self.store.rename(before, after, events=events), into=after)

    def merge(self, identity: str, into: str, *, record: Record | None = None) -> Removal:
        """Give all references of an identity to another one; what is said of it too, where nothing is said yet.

        Raises:
            GalleryError: either is not enrolled, or both are one.
        """
        before, after = spelled(identity), spelled(into)
        events = done(self.store, "merge", after, record)
        return self._receipt(before, self.store.merge(before, after, events=events), into=after)

    def remove(self, identity: str, *, record: Record | None = None) -> Removal:
        """Delete an identity, its references, what was kept and said of them, and the events about it, out of every
        file of the store. The event of the removal itself names nobody.

        Raises:
            GalleryError: it is not enrolled.
        """
        called, events = spelled(identity), done(self.store, "remove", None, record)
        return self._receipt(called, self.store.remove(called, events=events))

    def _receipt(self, identity: str, count: int, into: str | None = None) -> Removal:
        erased = self.store.erase()
        return Removal(identity, count, into, erased, later(erased))

    def annotate(self, identity: str, metadata: Said, *, record: Record | None = None) -> Identity:
        """Say more of an identity; an empty value takes a key away.

        Raises:
            GalleryError: it is not enrolled, or that is no metadata.
        """
        called = spelled(identity)
        events = done(self.store, "annotate", called, record)
        return self.store.annotate(called, said_of(metadata, empty=True), events=events)

    def forget(self, before: str | date) -> Forgotten:
        """Delete all events before a day (UTC) or a moment, out of every file of the store."""
        until = moment(before)
        gone, erased = self.store.forget(until), self.store.erase()
        return Forgotten(gone, until, erased, later(erased))
