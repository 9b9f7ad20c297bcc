"""Counting identifications against known labels."""

from __future__ import annotations

from collections.abc import Sequence

from firstsight.datasets import DataSet
from firstsight.datasets.blanks import blanks
from firstsight.datasets.depths import guessing
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import DataError
from firstsight.gallery.gallery import Gallery
from firstsight.gallery.names import spelled
from firstsight.notices import tell
from firstsight.types import Example, Match, Tally


def identify_all(gallery: Gallery, data: DataSet, *, progress: Progress | None = None) -> Tally:
    """Identify every example and count; those that are themselves enrolled are left out.

    Raises:
        DataError: none is left.
    """
    data.tell_notes()
    if guesses := guessing(data, gallery.model.depth):
        tell(f"{data.name}: {guesses}")
    enrolled = {r.source for r in gallery.list()}
    probes = data.where(lambda e: e.source not in enrolled, data.name)
    if not len(probes):
        raise DataError(f"every example of {data.name} is enrolled, none is left to identify")
    arrays = read_all(probes, gallery.model.input, progress=progress)
    if empty := blanks(probes, arrays):
        tell(f"{data.name}: {empty}")
    matches = gallery.match_embeddings(gallery.model.embed_arrays(arrays))
    known = {r.identity for r in gallery.list()}
    return tally(data.name, probes.examples, matches, known, left_out=len(data) - len(probes))


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
    return Tally(
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
