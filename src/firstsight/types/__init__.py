"""The values that travel between floors, and the protocols of what plugs in."""

from __future__ import annotations

from firstsight.types.events import Copy, Event, Forgotten, Presence, Record
from firstsight.types.store import Contract, Entry, Portion, State, Store
from firstsight.types.values import (
    BoolArray,
    Candidate,
    Decision,
    Embedder,
    Enrolment,
    Example,
    FloatArray,
    Identity,
    Info,
    IntArray,
    Match,
    Metric,
    PixelArray,
    Reading,
    Reference,
    Removal,
    Report,
    Source,
    Tally,
)

__all__ = [
    "BoolArray",
    "Candidate",
    "Contract",
    "Copy",
    "Decision",
    "Embedder",
    "Enrolment",
    "Entry",
    "Event",
    "Example",
    "FloatArray",
    "Forgotten",
    "Identity",
    "Info",
    "IntArray",
    "Match",
    "Metric",
    "PixelArray",
    "Portion",
    "Presence",
    "Reading",
    "Record",
    "Reference",
    "Removal",
    "Report",
    "Source",
    "State",
    "Store",
    "Tally",
]
