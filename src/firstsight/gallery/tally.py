"""Counting identifications against known labels."""

from __future__ import annotations

from collections.abc import Sequence

from firstsight.gallery.gallery import spelled
from firstsight.types import Example, Match, Tally


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
