"""Counting identifications against known labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firstsight.datasets import DataSet
from firstsight.datasets.blanks import blanks
from firstsight.datasets.contents import image_keys
from firstsight.datasets.depths import guessing
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import BatchError, DataError, ReadingError
from firstsight.gallery.gallery import Gallery
from firstsight.gallery.names import spelled
from firstsight.inputs.several import listing
from firstsight.learned import learned_images, of_learned
from firstsight.notices import tell
from firstsight.types import Cause, Example, Failure, Match, Tally
from firstsight.verdict import of_tally


def identify_all(gallery: Gallery, data: DataSet, *, progress: Progress | None = None) -> Tally:
    """Identify every example and count; those that are themselves enrolled are left out, wherever they lie now.

    An image is told again by its content. References that were enrolled as embeddings are told by where they came from.

    Raises:
        DataError: none is left, or can be read.
        BatchError: some can't be read; the others are counted, and it holds their tally and these failures.
    """
    data.tell_notes()
    if guesses := guessing(data, gallery.model.depth):
        tell(f"{data.name}: {guesses}")
    enrolled = gallery.list()
    keys, unkeyed = {r.key for r in enrolled if r.key}, {r.source for r in enrolled if not r.key}
    asked = zip(image_keys(data.examples), data.examples, strict=True)
    left = [n for n, (key, e) in enumerate(asked) if key not in keys and e.source not in unkeyed]
    probes = data.take(left, data.name)
    if not len(probes):
        raise DataError(f"every example of {data.name} is enrolled, none is left to identify")
    left_out, lost, told = len(data) - len(probes), [], ""
    try:
        arrays = read_all(probes, gallery.model.input, progress=progress)
    except ReadingError as error:
        if len(error.reasons) == len(probes):
            raise
        lost = [Failure(Cause("InputError", why, probes.examples[n].source)) for n, why in error.reasons.items()]
        told = listing(lost, len(probes), "the others are counted")
        probes = probes.take([n for n in range(len(probes)) if n not in error.reasons], data.name)
        arrays = read_all(probes, gallery.model.input, progress=progress)
    if empty := blanks(probes, arrays):
        tell(f"{data.name}: {empty}")
    matches = gallery.match_embeddings(gallery.model.embed_arrays(arrays))
    identities = {r.identity for r in enrolled}
    counted = tally(data.name, probes.examples, matches, identities, left_out=left_out)
    told_learned = of_learned(
        gallery.model, probes, learned_images(gallery.model, probes, arrays), frozenset(identities)
    )
    if told_learned and counted.verdict is not None:
        counted = replace(counted, verdict=replace(counted.verdict, learned=True, reason=told_learned))
    if lost:
        raise BatchError(told, [counted, *lost])
    return counted


def tally(
    data: str, probes: Sequence[Example], matches: Sequence[Match], enrolled: set[str], *, left_out: int = 0
) -> Tally:
    """How often the right identity, a wrong one or "unknown" came out, for enrolled classes and for strangers.

    Args:
        data: the data set's address.
        probes: what was asked, with their labels.
        matches: the answers, in the same order.
        enrolled: names of the enrolled identities.
        left_out: examples not asked because they are enrolled themselves.
    """
    asked = [(p, spelled(p.label), m) for p, m in zip(probes, matches, strict=True)]
    known = [(label, m) for _, label, m in asked if label in enrolled]
    strangers = [m for _, label, m in asked if label not in enrolled]
    right = sum(m.identity == label for label, m in known)
    unknown = sum(m.identity is None for _, m in known)
    first = sum(m.candidates[0].identity == label for label, m in known)
    counted = Tally(
        data=data,
        enrolled=len(enrolled),
        probes=len(known),
        right=right,
        wrong=len(known) - right - unknown,
        unknown=unknown,
        best_is_right=first,
        strangers=len(strangers),
        strangers_unknown=sum(m.identity is None for m in strangers),
        left_out=left_out,
        answers=tuple((p.source, label, m.identity, m.score) for p, label, m in asked),
    )
    return replace(counted, verdict=of_tally(counted))
