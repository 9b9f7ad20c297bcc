"""Many questions at once: each image has its answer, and what can't be read has a failure in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from firstsight.decision import with_notes
from firstsight.gallery.asking import fused
from firstsight.gallery.audit import answered, probe
from firstsight.inputs.several import answers, read_each
from firstsight.model import Model
from firstsight.types import Failure, FloatArray, Match, Reading, Record, Source

if TYPE_CHECKING:
    from firstsight.gallery.gallery import Gallery

T = TypeVar("T")
_KEPT = 128 << 20  # bytes of probes that wait to be kept; beyond, the answers so far are recorded


@dataclass(frozen=True, slots=True)
class Probes:
    """Probes that were read, and those that could not be.

    Attributes:
        read: of each source its reading and the bytes to be kept, or its failure.
        vectors: ``(n, d)`` of all things shown.
        images, notes: for each of them the bytes to be kept, or None, and what was seen in its picture.
    """

    read: list[tuple[Reading, bytes | None] | Failure]
    vectors: FloatArray
    images: list[bytes | None]
    notes: list[tuple[str, ...]]

    @classmethod
    def of(
        cls, model: Model, read: Callable[[Source], Reading], sources: Sequence[Source], record: Record | None
    ) -> Probes:
        """Read and embed what can be."""
        made = read_each(lambda source: probe(read, source, record), sources)
        shown = [one for one in made if not isinstance(one, Failure)]
        some = [reading.arrays for reading, _ in shown]
        vectors = model.embed_arrays(np.concatenate(some)) if some else np.empty((0, model.dim), np.float32)
        images = [image for reading, image in shown for _ in reading.arrays]
        return cls(made, vectors, images, [reading.notes for reading, _ in shown for _ in reading.arrays])

    def noted(self, given: Iterable[Match]) -> list[Match]:
        """The match of each thing, with what was seen in its picture."""
        return [with_notes(match, notes) for match, notes in zip(given, self.notes, strict=True)]

    def answered(self, given: Iterable[T]) -> list[T]:
        """The answer of each thing, in the order of the sources.

        Raises:
            InputError: there is one source, and it can't be read.
            BatchError: some of several can't be read; it holds the answers of the others.
        """
        left: Iterator[T] = iter(given)
        made: list[T | Failure] = []
        for one in self.read:
            made += [one] if isinstance(one, Failure) else [next(left) for _ in one[0].arrays]
        return answers(made, len(self.read))


def identify_together(
    gallery: Gallery, sources: Sequence[Source], *, top: int = 5, record: Record | None = None
) -> list[Match]:
    """One match a source, which are embedded in one run; events of those that are answered, in one transaction.

    Raises:
        InputError, BatchError: see :meth:`Probes.answered`.
    """
    probes = Probes.of(gallery.model, gallery.model.reading, sources, record)
    found = gallery.match_embeddings(probes.vectors, top=top, record=record, images=probes.images)
    return probes.answered(probes.noted(found))


def identify_each(
    gallery: Gallery, sources: Sequence[Source], *, top: int = 5, record: Record | None = None
) -> list[Match]:
    """One match a source, one after another: any number of them, in the memory of one.

    The events of all that are answered are one transaction, at the end; of several where images are to be kept that
    take more than 128 MiB together.

    Raises:
        InputError, BatchError: see :meth:`Probes.answered`.
    """
    kept: list[tuple[Match, bytes | None]] = []

    def ask(source: Source) -> Match:
        reading, image = probe(gallery.model.reading, source, record)
        vector, _ = fused(gallery.model, gallery.model.embed_arrays(reading.arrays))  # as :meth:`Gallery.identify`
        [plain] = gallery.match_embeddings(vector, top=top)
        found = with_notes(plain, reading.notes)
        kept.append((found, image))
        if sum(len(image or b"") for _, image in kept) > _KEPT:
            flush()
        return found

    def flush() -> None:
        if record is not None and kept:
            told = [(match.identity, match) for match, _ in kept]
            answered(gallery.store, "identify", told, record, [image for _, image in kept])
        kept.clear()

    made = read_each(ask, sources)
    flush()
    return answers(made, len(sources))
