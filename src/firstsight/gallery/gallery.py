"""Enroll, verify, identify, remove: the use of a model on identities."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.calibration import Calibration
from firstsight.decision import Templates, decide, match
from firstsight.errors import CalibrationError, GalleryError, InputError, ModelError, UsageError
from firstsight.inputs.decode import describe
from firstsight.model import SHIPPED, Model
from firstsight.stores.sqlite import Contract, SqliteStore
from firstsight.types import Decision, Enrolment, Entry, FloatArray, Match, Reference, Source, Store


class Gallery:
    """Enrolled references in a durable store, bound to one model.

    Make one with :meth:`create` or :meth:`open`; the constructor only stores.

    Args:
        store: where references live.
        model: whose embeddings they are.
    """

    def __init__(self, store: Store, model: Model) -> None:
        self.store = store
        self.model = model
        self._fused: tuple[FloatArray, Calibration | None, list[str], Templates] | None = None

    @classmethod
    def create(cls, address: str | Path, model: Model | str | Path) -> Gallery:
        """A new, empty gallery.

        Args:
            address: a file, with ``#name`` for one of several galleries in it.
            model: a loaded model, a shipped name or a directory. It should be calibrated: without, nothing is decided.

        Raises:
            GalleryError: it exists already, or the file cannot be a gallery.
            ModelError: the model cannot be loaded.
        """
        loaded = model if isinstance(model, Model) else Model.load(model)
        shipped = loaded.path.parent == SHIPPED
        place = loaded.path.name if shipped else str(loaded.path.resolve())
        contract = Contract(place, loaded.fingerprint, loaded.dim)
        return cls(SqliteStore(str(address), create=contract), loaded)

    @classmethod
    def open(cls, address: str | Path, model: Model | str | Path | None = None) -> Gallery:
        """An existing gallery, with the model it was made by (or the same model at another place).

        Raises:
            GalleryError: there is no such gallery, or the model is not the one it was made by.
        """
        store = SqliteStore(str(address))
        try:
            loaded = model if isinstance(model, Model) else _load(address, model, store.contract.model)
            if loaded.fingerprint != store.contract.fingerprint:
                raise GalleryError(
                    f"{address} was made by model {store.contract.fingerprint} ({store.contract.model}), "
                    f"{loaded.path} is {loaded.fingerprint}: their embeddings do not compare; use that model, or "
                    "create a new gallery and enroll again"
                )
        except BaseException:
            store.close()
            raise
        return cls(store, loaded)

    def enroll(self, identity: str, sources: Source | Sequence[Source]) -> Enrolment:
        """Add references of an identity; returns after they are on disk.

        Raises:
            InputError: a source cannot be read (nothing is stored then).
            GalleryError: the identity is not a name.
            StorageError: the disk refused; what was stored before is intact.
        """
        several = isinstance(sources, Sequence) and not isinstance(sources, str | bytes)
        listed: Sequence[Any] = sources if several else [sources]  # type: ignore[assignment]
        if not listed:
            raise InputError(f"no image came for {identity}, at least one was expected")
        return self.enroll_embeddings(identity, self.model.embed(listed), [_place(s) for s in listed])

    def enroll_embeddings(self, identity: str, embeddings: FloatArray, sources: Sequence[str]) -> Enrolment:
        """As :meth:`enroll`, for references already embedded ``(n, d)``; ``sources`` says where they come from."""
        return self.enroll_all([(identity, embeddings, sources)])[0]

    def enroll_all(self, entries: Sequence[Entry]) -> list[Enrolment]:
        """As :meth:`enroll_embeddings` for several identities: all of them or none."""
        named = [(_name(identity), embeddings, sources) for identity, embeddings, sources in entries]
        counts = self.store.add_all(named)
        return [Enrolment(e[0], len(e[1]), count) for e, count in zip(named, counts, strict=True)]

    def verify(self, identity: str, source: Source) -> Decision:
        """Is this probe the identity? Its references are fused into one template.

        Raises:
            GalleryError: the identity is not enrolled.
            CalibrationError: the model is not calibrated.
            InputError: the probe cannot be read.
        """
        names, vectors = self.store.vectors()
        mine = np.array([n == spelled(identity) for n in names], bool)
        if not mine.any():
            raise GalleryError(f"{identity!r} is not enrolled; enroll it first, or see firstsight list")
        if self.model.calibration is None:
            raise CalibrationError(
                f"{self.model.path} is not calibrated, so it cannot decide; run firstsight calibrate {self.model.path}"
            )
        owners = np.zeros(int(mine.sum()), np.int64)
        enrolled = Templates.of(self.model, vectors[mine], owners, 1, self.model.calibration)
        return decide(float(enrolled.scores(self.model, self.model.embed(source))[0, 0]), self.model.calibration)

    def identify(self, source: Source, *, top: int = 5) -> Match:
        """Which enrolled identity is this probe, or unknown?

        Args:
            source: the probe.
            top: how many candidates to list.

        Raises:
            GalleryError: nobody is enrolled.
            CalibrationError: the model is not calibrated.
            InputError: the probe cannot be read.
        """
        if top < 1:
            raise GalleryError(f"top is {top}, at least 1 was expected")
        return self.match_embeddings(self.model.embed(source), top=top)[0]

    def match_embeddings(self, embeddings: FloatArray, *, top: int = 5) -> list[Match]:
        """As :meth:`identify`, for probes already embedded ``(n, d)``."""
        names, vectors = self.store.vectors()
        if not names:
            raise GalleryError("nobody is enrolled in this gallery yet; run firstsight enroll GALLERY IDENTITY IMAGE")
        known, enrolled = self._enrolled(names, vectors)
        matches = []
        block = max(1, (1 << 24) // len(known))  # probes whose scores are held at a time: 64 MiB
        for start in range(0, len(embeddings), block):
            scores = enrolled.scores(self.model, embeddings[start : start + block])
            matches += [match(row, known, self.model.calibration, top=top) for row in scores]
        return matches

    def _enrolled(self, names: list[str], vectors: FloatArray) -> tuple[list[str], Templates]:
        """Identities and their templates; fused anew only after a change (the store then gives other vectors)."""
        calibration = self.model.calibration
        if self._fused is None or self._fused[0] is not vectors or self._fused[1] is not calibration:
            identities, owners = np.unique(np.array(names, dtype=object), return_inverse=True)
            made = Templates.of(self.model, vectors, owners, len(identities), calibration)
            self._fused = (vectors, calibration, list(identities), made)
        return self._fused[2], self._fused[3]

    def remove(self, identity: str) -> int:
        """Delete an identity; returns how many references it had.

        Raises:
            GalleryError: it is not enrolled.
        """
        count = self.store.remove(spelled(identity))
        if count == 0:
            raise GalleryError(f"{identity!r} is not enrolled, so there is nothing to remove; see firstsight list")
        return count

    def list(self) -> list[Reference]:
        """Every reference, oldest first."""
        return self.store.references()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spelled(identity: str) -> str:
    """The one spelling of a name: composed Unicode, without blanks around it."""
    return unicodedata.normalize("NFC", identity).strip()


def _name(identity: str) -> str:
    name = spelled(identity)
    if not name or len(name) > 200 or not name.isprintable():
        raise GalleryError(f"{identity!r} is not a name of 1 to 200 printable characters")
    return name


def _load(address: str | Path, given: str | Path | None, recorded: str) -> Model:
    try:
        return Model.load(given or recorded)
    except (ModelError, UsageError) as error:
        if given:
            raise
        raise ModelError(f"{error}; if the model of {address} has moved, say where it is with --model") from None


def _place(source: Source) -> str:
    """Where a reference came from, so that it is found again from any working directory."""
    return str(Path(source).absolute()) if isinstance(source, str | Path) else describe(source)
