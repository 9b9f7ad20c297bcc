"""Enroll, verify, identify, remove: the use of a model on identities."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.decision import Templates, decide, match
from firstsight.errors import CalibrationError, GalleryError, InputError, MissingError, ModelError, UsageError
from firstsight.gallery.audit import answered, done, moment, probed
from firstsight.gallery.enrolled import Enrolled, search
from firstsight.gallery.looking import Looking
from firstsight.gallery.names import Said, name, said_of, spelled
from firstsight.gallery.taking import take
from firstsight.model import SHIPPED, Model
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import (
    Contract,
    Decision,
    Enrolment,
    Entry,
    FloatArray,
    Forgotten,
    Identity,
    Match,
    Record,
    Removal,
    Source,
    Store,
)


class Gallery(Looking):
    """Enrolled references in a durable store, bound to one model.

    Make one with :meth:`create` or :meth:`open`; the constructor only stores. Any number of threads may use one.

    A verb with ``record`` leaves an :class:`Event`, on disk when the verb returns; where it can't be stored, the verb
    fails. A write and its event are one transaction. Nothing is recorded unless it is asked for.

    Args:
        store: where references live.
        model: whose embeddings they are; None loads the recorded one when it is first needed.
    """

    def __init__(self, store: Store, model: Model | None, address: str | Path = "") -> None:
        self.store = store
        self.address = address
        self._model = model
        self._enrolled = Enrolled()

    @classmethod
    def create(cls, address: str | Path, model: Model | str | Path, *, keep_sources: bool = False) -> Gallery:
        """A new, empty gallery.

        Args:
            address: a file, with ``#name`` for one of several galleries in it.
            model: a loaded model, a shipped name or a directory. It should be calibrated: without, nothing is decided.
            keep_sources: keep the image of each reference in the store, so that the gallery can be rebuilt for
                another model without the files.

        Raises:
            GalleryError: it exists already, or the file cannot be a gallery.
            ModelError: the model cannot be loaded.
        """
        loaded = model if isinstance(model, Model) else Model.load(model)
        return cls(SqliteStore(str(address), create=contract_of(loaded, keep_sources)), loaded, address)

    @classmethod
    def open(cls, address: str | Path, model: Model | str | Path | None = None) -> Gallery:
        """An existing gallery, with the model it was made by (or the same model at another place).

        Without ``model``, the one it was made by is loaded when a picture is to be embedded or compared: what only
        lists, renames or removes needs none.

        Raises:
            GalleryError: there is no such gallery, or the model is not the one it was made by.
        """
        store = SqliteStore(str(address))
        try:
            opened = cls(store, None, address)
            if model is not None:
                opened._bind(model if isinstance(model, Model) else Model.load(model))
        except BaseException:
            store.close()
            raise
        return opened

    @property
    def model(self) -> Model:
        """Whose embeddings are enrolled.

        Raises:
            ModelError: it is not where it was.
            GalleryError: another one is there.
        """
        if self._model is None:
            try:
                return self._bind(Model.load(self.store.contract.model))
            except (ModelError, UsageError) as error:
                raise ModelError(
                    f"{error}; if the model of {self.address} has moved, say where it is with --model"
                ) from None
        return self._model

    def _bind(self, model: Model) -> Model:
        made_by = self.store.contract
        if model.fingerprint != made_by.fingerprint:
            raise GalleryError(
                f"{self.address} was made by model {made_by.fingerprint} ({made_by.model}), {model.path} is "
                f"{model.fingerprint}: their embeddings do not compare; use that model, or firstsight gallery rebuild"
            )
        self._model = model
        return model

    def enroll(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        record: Record | None = None,
    ) -> Enrolment:
        """Add references of an identity; returns after they are on disk. An image that it has already adds nothing.

        Args:
            identity: its name.
            sources: one or more images.
            metadata: said of each of these references.
            record: leaves an event.

        Raises:
            InputError: a source cannot be read (nothing is stored then).
            GalleryError: the identity is not a name.
            StorageError: the disk refused; what was stored before is intact.
        """
        return self._add(self._entry(identity, sources, metadata), record=record)

    def replace(
        self,
        identity: str,
        sources: Source | Sequence[Source],
        *,
        metadata: Said = (),
        record: Record | None = None,
    ) -> Enrolment:
        """As :meth:`enroll`, in place of all references that the identity had: the old ones, or the new.

        Raises:
            GalleryError: the identity is not enrolled.
        """
        return self._add(self._entry(identity, sources, metadata), replace=True, record=record)

    def _entry(self, identity: str, sources: Source | Sequence[Source], metadata: Said) -> Entry:
        several = isinstance(sources, Sequence) and not isinstance(sources, str | bytes)
        listed: Sequence[Any] = sources if several else [sources]  # type: ignore[assignment]
        if not listed:
            raise InputError(f"no image came for {identity}, at least one was expected")
        called, said, keep = name(identity), said_of(metadata), self.store.contract.keep_sources
        taken = [take(self.model, source, keep=keep) for source in listed]
        vectors = self.model.embed_arrays(np.concatenate([t.reading for t in taken]))
        images = [t.image or b"" for t in taken] if keep else None
        return Entry(called, vectors, [t.place for t in taken], [t.key for t in taken], images, said)

    def _add(self, entry: Entry, *, replace: bool = False, record: Record | None = None) -> Enrolment:
        events = done(self.store, "replace" if replace else "enroll", entry.identity, record)
        [(added, count)] = self.store.add([entry], replace=replace, events=events)
        notes = repeated(len(entry.sources), added)
        if replace:
            notes += _notes(self.store.erase())
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

        Nothing tells whether two are of one image, so all of them are stored.
        """
        return self._add(Entry(name(identity), embeddings, sources, metadata=said_of(metadata)), record=record)

    def verify(self, identity: str, source: Source, *, record: Record | None = None) -> Decision:
        """Is this probe the identity? Its references are fused into one template.

        Args:
            identity: who is claimed.
            source: the probe.
            record: leaves an event.

        Raises:
            GalleryError: the identity is not enrolled.
            CalibrationError: the model is not calibrated.
            InputError: the probe cannot be read.
        """
        called = spelled(identity)
        vectors = self.store.vectors(called)
        if not len(vectors):
            raise MissingError(f"{identity!r} is not enrolled; enroll it first, or see firstsight list")
        calibration = self.model.calibration
        if calibration is None:
            raise CalibrationError(
                f"{self.model.path} is not calibrated, so it cannot decide; run firstsight calibrate {self.model.path}"
            )
        enrolled = Templates.of(self.model, vectors, np.zeros(len(vectors), np.int64), 1, calibration)
        probe, image = probed(self.model, source, record)
        decision = decide(float(enrolled.scores(self.model, probe)[0, 0]), calibration)
        if record is not None:
            answered(self.store, "verify", [(called, decision)], record, [image])
        return decision

    def identify(self, source: Source, *, top: int = 5, record: Record | None = None) -> Match:
        """Which enrolled identity is this probe, or unknown?

        Args:
            source: the probe.
            top: how many candidates to list.
            record: leaves an event.

        Raises:
            GalleryError: nobody is enrolled.
            CalibrationError: the model is not calibrated.
            InputError: the probe cannot be read.
        """
        if top < 1:
            raise UsageError(f"top is {top}, at least 1 was expected")
        probe, image = probed(self.model, source, record)
        return self.match_embeddings(probe, top=top, record=record, images=[image])[0]

    def match_embeddings(
        self,
        embeddings: FloatArray,
        *,
        top: int = 5,
        record: Record | None = None,
        images: Sequence[bytes | None] = (),
    ) -> builtins.list[Match]:
        """As :meth:`identify`, for probes already embedded ``(n, d)``; their ``images`` where they are to be kept."""
        blocks = self._enrolled.now(self.store, self.model)
        if not blocks:
            raise GalleryError("nobody is enrolled in this gallery yet; run firstsight enroll GALLERY IDENTITY IMAGE")
        count = sum(len(block.ids) for block in blocks)
        found = search(blocks, self.model, embeddings, max(2, top))
        made = [match(best, who, self.model.calibration, top=top, enrolled=count) for who, best in found]
        if record is not None:
            answered(self.store, "identify", [(m.identity, m) for m in made], record, images)
        return made

    def rename(self, identity: str, to: str, *, record: Record | None = None) -> Removal:
        """Give an identity another name, which must be free.

        Raises:
            GalleryError: it is not enrolled, or the other name is, or is none.
        """
        before, after = spelled(identity), name(to)
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
        return Removal(identity, count, into, erased, _notes(erased))

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
        return Forgotten(gone, until, erased, _notes(erased))

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def contract_of(model: Model, keep_sources: bool) -> Contract:
    """What a gallery of this model records of it."""
    shipped = model.path.parent == SHIPPED
    place = model.path.name if shipped else str(model.path.resolve())
    return Contract(place, model.fingerprint, model.dim, keep_sources)


def repeated(asked: int, added: int) -> tuple[str, ...]:
    """What a receipt notes of references that were there before."""
    return () if added == asked else (f"{asked - added} of {asked} enrolled already",)


def _notes(erased: bool) -> tuple[str, ...]:
    if erased:
        return ()
    return ("another process is reading the store; the bytes go with the next write, or when the last one closes it",)
